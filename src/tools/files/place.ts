/**
 * A name below a directory that is held open. Between the check of a path and its use, anybody who may write there can put a link in
 * its place; so what is checked is the directory that was opened, and everything happens relative to it, never by the path again.
 */
import type { Stats } from 'node:fs'
import { constants } from 'node:fs'
import { lstat, mkdir, open, readlink, realpath, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { FileFailure, codeOf } from './failure.ts'
import { admit, locate, realPlace, shownPath, type FileView } from './view.ts'

export interface Place {
  /** What opens the name relative to the directory that is held. */
  readonly at: string
  /** Another name in the same directory. */
  beside (name: string): string
  /** Without links, on this machine. */
  readonly path: string
  /** As the agent knows it. */
  readonly shown: string
  /** As the agent wrote it. */
  readonly name: string
  close (): Promise<void>
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const hasHandlePaths = process.platform === 'linux'

interface Held { readonly handle: FileHandle, readonly way: string, readonly path: string }

/** Elsewhere than on Linux a path is all there is: it is looked at again once the directory is open. */
async function hold (path: string, way: string = path): Promise<Held> {
  const handle = await open(way, directoryFlags)
  try {
    const own = `/proc/self/fd/${handle.fd}`
    if (hasHandlePaths) return { handle, way: own, path: await readlink(own) }
    const [held, named] = [await handle.stat(), await lstat(path)]
    if (held.ino !== named.ino || held.dev !== named.dev) throw Object.assign(new Error('replaced'), { code: 'ELOOP' })
    return { handle, way: path, path: await realpath(path) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function holdExisting (path: string): Promise<{ held: Held, missing: string[] }> {
  let directory = path
  for (;;) {
    try {
      return { held: await hold(directory), missing: relative(directory, path).split(sep).filter(Boolean) }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || dirname(directory) === directory) throw error
      directory = dirname(directory)
    }
  }
}

async function holdMaking (path: string, check: (path: string) => void): Promise<Held> {
  let { held, missing } = await holdExisting(path)
  for (const name of missing) {
    const { handle, way } = held
    try {
      check(join(held.path, name))
      await mkdir(join(way, name), { mode: 0o700 }).catch((error: unknown) => { if (codeOf(error) !== 'EEXIST') throw error })
      held = await hold(join(held.path, name), join(way, name))
    } finally {
      await handle.close()
    }
  }
  return held
}

export interface PlaceOptions {
  readonly use: 'read' | 'write'
  /** Makes the directories that are missing. */
  readonly makes?: boolean
}

export async function openPlace (view: FileView, name: string, { use, makes = false }: PlaceOptions): Promise<Place> {
  const real = await realPlace(locate(view, name))
  admit(view, name, real, use)
  if (view.roots.some(({ source }) => source === real)) throw new FileFailure(`${name} is a directory. ls lists it.`)
  const parent = dirname(real)
  const held = makes ? await holdMaking(parent, path => { admit(view, name, path, use) }) : await hold(parent)
  const base = basename(real)
  const path = join(held.path, base)
  try {
    admit(view, name, path, use)
  } catch (error) {
    await held.handle.close()
    throw error
  }
  return {
    at: join(held.way, base),
    beside: other => join(held.way, other),
    path,
    shown: shownPath(view, path),
    name,
    close: async () => { await held.handle.close() }
  }
}

/** A directory to be listed. `way` is good until it is closed. */
export async function openDirectory (view: FileView, name: string): Promise<{ way: string, path: string, close: () => Promise<void> }> {
  const real = await realPlace(locate(view, name))
  admit(view, name, real, 'read')
  const { handle, way, path } = await hold(real)
  try {
    admit(view, name, path, 'read')
  } catch (error) {
    await handle.close()
    throw error
  }
  return { way, path, close: async () => { await handle.close() } }
}

const sameFile = (a: Stats, b: Stats): boolean => a.ino === b.ino && a.dev === b.dev
/** Whether somebody wrote it since. */
export const isUnchanged = (a: Stats, b: Stats): boolean =>
  sameFile(a, b) && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs

function refuseOthers (stat: Stats, name: string): void {
  if (stat.isFile()) return
  if (stat.isDirectory()) throw new FileFailure(`${name} is a directory. ls lists it.`)
  throw new FileFailure(`Not allowed: ${name} is no regular file but a device, a pipe, a socket or a link.`)
}

/** Undefined when nothing is there. */
export async function statPlace ({ at, name }: Place): Promise<Stats | undefined> {
  const stat = await lstat(at).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (stat) refuseOthers(stat, name)
  return stat
}

/** Opened so that neither a link is followed nor a pipe waited for. The caller closes it. */
export async function openFile (place: Place): Promise<{ handle: FileHandle, stat: Stats }> {
  // A device may do something when it is opened.
  refuseOthers(await lstat(place.at), place.name)
  const handle = await open(place.at, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = await handle.stat()
    refuseOthers(stat, place.name)
    return { handle, stat }
  } catch (error) {
    await handle.close()
    throw error
  }
}
