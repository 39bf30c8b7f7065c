/**
 * Notices that files have changed, however that was done: by writing, by putting another file in their place, by turning a link (as
 * Kubernetes does with a ConfigMap), by taking them away and bringing them back. Loaded after the gateway is ready.
 */
import { watch, type FSWatcher } from 'node:fs'
import { lstat, readlink, stat } from 'node:fs/promises'
import { basename, dirname, join, parse, resolve, sep } from 'node:path'

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
const retryMs = [50, 500, 2_000, 5_000] as const
const maxLinks = 40

/** With a name: a directory in which something of that name matters. */
interface Place { readonly path: string, readonly name?: string }

/**
 * Every link on the way to the file, by the directory it is in, and the file itself. Its directory is watched only while it is away:
 * the state of the gateway may be in there too, which is written all the time.
 */
async function placesOf (file: string): Promise<Place[]> {
  // The directory may be replaced as a whole.
  const around = dirname(resolve(file))
  const places: Place[] = [{ path: dirname(around), name: basename(around) }]
  let rest = resolve(file).slice(parse(resolve(file)).root.length).split(sep)
  let at = parse(resolve(file)).root
  for (let links = 0; rest.length > 0;) {
    const [name = '', ...after] = rest
    const path = join(at, name)
    const isLast = after.length === 0
    const found = await lstat(path).catch(() => undefined)
    const link = found?.isSymbolicLink() ? await readlink(path).catch(() => undefined) : undefined
    if (link !== undefined) places.push({ path: at, name })
    else if (isLast) places.push(found ? { path } : { path: at, name })
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
    // What has gone in this very moment is most often being replaced.
    if (failures === 1) onTrouble(error)
    const wait = retryMs[Math.min(failures, retryMs.length - 1)]
    failures += 1
    retry = setTimeout(() => {
      retry = undefined
      known = ''
      onChange()
      follow(files).catch(failed)
    }, wait).unref()
  }

  function open (path: string, names: ReadonlySet<string | undefined>): void {
    const watcher = watch(path, { persistent: false }, (event, name) => {
      // What is itself moved or removed reports its own name, and some systems report none.
      const isOwn = event === 'rename' && name === parse(path).base
      if (isOwn) known = ''
      if (names.has(undefined) || name === null || names.has(name) || isOwn) onChange()
    })
    watchers.push(watcher.on('error', failed))
  }

  async function follow (wanted: readonly string[]): Promise<void> {
    files = wanted
    const places = (await Promise.all(files.map(placesOf))).flat()
    const byPath = Map.groupBy(places, ({ path }) => path)
    const inodes = await Promise.all([...byPath.keys()].map(inodeOf))
    const key = JSON.stringify([places, inodes])
    if (isClosed || (key === known && watchers.length > 0)) return
    unwatch()
    try {
      for (const [path, found] of byPath) open(path, new Set(found.map(({ name }) => name)))
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

/** What was replaced by another of the same name is watched anew. File systems give the number of a file that is gone to the next one. */
async function inodeOf (path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (!found) return 'none'
  return `${found.dev}:${found.ino}${found.isFile() ? `:${found.birthtimeNs}` : ''}`
}
