/** What of this machine the file tools of one session may touch, and under which names. */
import { lstat, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { FileFailure, codeOf } from './failure.ts'

/** A directory that may be used. In a sandbox its name there differs from its place on this machine. */
export interface Root {
  readonly target: string
  /** Without links. */
  readonly source: string
  readonly isWritable: boolean
}

export interface FileView {
  /** Where relative names start, in the words of the agent. */
  readonly cwd: string
  /** What `~` means; absent: nothing. */
  readonly homeDir?: string
  readonly roots: readonly Root[]
  /** Never, whatever root they lie in. Without links. */
  readonly denied: readonly string[]
  /** Only where a root lies within: what the gateway keeps to itself. Without links. */
  readonly guarded: readonly string[]
}

const maxNameLength = 4096

export const isWithin = (directory: string, path: string): boolean => {
  const way = relative(directory, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

/** The real place of what may not be there yet: links resolved as far as there is something. */
export async function realPlace (path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    const code = codeOf(error)
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(path) === path) throw error
    // A link to nothing would be followed by whoever writes.
    if (await lstat(path).then(stat => stat.isSymbolicLink(), () => false)) throw Object.assign(new Error('a link to nothing'), { code: 'ELOOP' })
    return join(await realPlace(dirname(path)), relative(dirname(path), path))
  }
}

const deepest = (paths: readonly string[], path: string): number =>
  Math.max(-1, ...paths.filter(candidate => isWithin(candidate, path)).map(({ length }) => length))

export const outside = (name: string, { roots }: FileView): FileFailure => {
  const shown = [...new Set(roots.map(({ target }) => target))].slice(0, 5).join(', ')
  return new FileFailure(`Not allowed: ${name} is outside of what this agent may use. Use paths below ${shown || 'a workspace (there is none)'}.`)
}

/** Where on this machine a name points, before links are followed. */
export function locate (view: FileView, name: string): string {
  if (name === '' || name.includes('\0') || name.length > maxNameLength) throw new FileFailure('Not a path. Give one of 1 to 4096 characters.')
  const isHome = view.homeDir !== undefined && (name === '~' || name.startsWith('~/'))
  const path = isHome ? join(view.homeDir!, name.slice(1)) : resolve(view.cwd, name)
  const root = view.roots.filter(({ target }) => isWithin(target, path)).sort((a, b) => b.target.length - a.target.length)[0]
  if (!root) throw outside(name, view)
  return join(root.source, relative(root.target, path))
}

/** Refuses a real place that this session may not use. */
export function admit (view: FileView, name: string, real: string, use: 'read' | 'write'): void {
  if (view.denied.some(path => isWithin(path, real))) throw outside(name, view)
  const roots = view.roots.filter(({ source }) => isWithin(source, real))
  const depth = deepest(roots.map(({ source }) => source), real)
  if (depth < 0 || deepest(view.guarded, real) > depth) throw outside(name, view)
  if (use === 'write' && !roots.some(({ source, isWritable }) => isWritable && source.length === depth)) {
    throw new FileFailure(`Not allowed: ${name} can only be read here.`)
  }
}

/** The name by which the agent knows a place. */
export function shownPath ({ roots }: FileView, real: string): string {
  const root = roots.filter(({ source }) => isWithin(source, real)).sort((a, b) => b.source.length - a.source.length)[0]
  return root ? join(root.target, relative(root.source, real)) : real
}
