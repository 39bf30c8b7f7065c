/**
 * Notices that files have changed: by watching the directories they are in, so that editors which replace a file, links that are
 * turned (as Kubernetes does with a ConfigMap) and files that go and come back are all noticed. Loaded after the gateway is ready.
 */
import { watch, type FSWatcher } from 'node:fs'
import { lstat, readlink, stat } from 'node:fs/promises'
import { join, parse, resolve, sep } from 'node:path'

export interface FileWatch {
  /** Which files are watched from now on. */
  follow (files: readonly string[]): Promise<void>
  close (): void
}

export interface FileWatchOptions {
  readonly onChange: () => void
  /** Nothing is noticed any more for a while; then it is tried again. */
  readonly onTrouble: (error: Error) => void
}

/** How often files are looked at by themselves: where a watch was lost, and for file systems that tell of nothing. */
const retryMs = [500, 2_000, 5_000] as const
const maxLinks = 40

/** The names to look out for, by directory: the file itself, and every link on the way to it. */
async function placesOf (file: string): Promise<Array<{ directory: string, name: string }>> {
  const places: Array<{ directory: string, name: string }> = []
  let rest = resolve(file).slice(parse(resolve(file)).root.length).split(sep)
  let at = parse(resolve(file)).root
  for (let links = 0; rest.length > 0;) {
    const [name = '', ...after] = rest
    const path = join(at, name)
    const isLast = after.length === 0
    const link = (await lstat(path).catch(() => undefined))?.isSymbolicLink() ? await readlink(path).catch(() => undefined) : undefined
    if (link !== undefined || isLast) places.push({ directory: at, name })
    if (link === undefined) {
      at = path
      rest = after
      continue
    }
    if (++links > maxLinks) break
    const target = resolve(at, link)
    at = parse(target).root
    rest = [...target.slice(at.length).split(sep), ...after]
  }
  return places
}

/** Tells one state of a file from another without reading it. */
export async function fingerprintOf (files: readonly string[]): Promise<string> {
  const one = async (file: string): Promise<string> => {
    const found = await stat(file, { bigint: true }).catch(() => undefined)
    return found ? `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}` : 'none'
  }
  return (await Promise.all(files.map(one))).join(' ')
}

export function createFileWatch ({ onChange, onTrouble }: FileWatchOptions): FileWatch {
  let watchers: FSWatcher[] = []
  let files: readonly string[] = []
  let known = ''
  let retry: NodeJS.Timeout | undefined
  let failures = 0
  let isClosed = false

  const unwatch = (): void => {
    for (const watcher of watchers) watcher.close()
    watchers = []
  }

  function failed (error: Error): void {
    if (isClosed || retry) return
    unwatch()
    if (failures === 0) onTrouble(error)
    const wait = retryMs[Math.min(failures, retryMs.length - 1)]
    failures += 1
    retry = setTimeout(() => {
      retry = undefined
      known = ''
      onChange()
      follow(files).catch(failed)
    }, wait).unref()
  }

  function open (directory: string, names: ReadonlySet<string>): void {
    const watcher = watch(directory, { persistent: false }, (event, name) => {
      // A directory that is itself moved or removed reports its own name, and some systems report none.
      if (name !== null && !names.has(name) && !(event === 'rename' && name === parse(directory).base)) return
      onChange()
    })
    watchers.push(watcher.on('error', failed))
  }

  async function follow (wanted: readonly string[]): Promise<void> {
    files = wanted
    const places = (await Promise.all(files.map(placesOf))).flat()
    const byDirectory = Map.groupBy(places, ({ directory }) => directory)
    const inodes = await fingerprintOfDirectories([...byDirectory.keys()])
    const key = JSON.stringify([places, inodes])
    if (isClosed || (key === known && watchers.length > 0)) return
    unwatch()
    try {
      for (const [directory, found] of byDirectory) open(directory, new Set(found.map(({ name }) => name)))
      known = key
      failures = 0
    } catch (error) {
      failed(error as Error)
    }
  }

  return {
    follow,
    close () {
      isClosed = true
      clearTimeout(retry)
      unwatch()
    }
  }
}

/** A directory that was replaced by another of the same name is watched anew. */
const fingerprintOfDirectories = (directories: readonly string[]): Promise<string[]> =>
  Promise.all(directories.map(async directory => {
    const found = await stat(directory).catch(() => undefined)
    return found ? `${found.dev}:${found.ino}` : 'none'
  }))
