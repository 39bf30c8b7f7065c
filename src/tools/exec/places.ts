/** Which places of the file system a command may be in and name. */
import { lstat, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, parse, relative, resolve, sep } from 'node:path'

export interface Places {
  /** Where the agent works. */
  readonly workspace: string
  /** More places; undefined: only the working directory is confined. */
  readonly allowed: readonly string[] | undefined
  readonly denied: readonly string[]
}

export const isWithin = (root: string, path: string): boolean => {
  const way = relative(root, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

/** Where a path really leads: links of what exists are followed, what does not exist yet is taken as it is written. */
export async function realPlace (path: string, depth = 0): Promise<string> {
  const found = await realpath(path).catch(() => undefined)
  if (found !== undefined) return found
  const parent = dirname(path)
  if (parent === path) return path
  const place = join(await realPlace(parent, depth), path.slice(parse(parent).root === parent ? parent.length : parent.length + 1))
  // A link to what is not there yet would be followed by whoever writes.
  const link = await lstat(place).then(stat => stat.isSymbolicLink(), () => false)
  if (!link || depth >= 8) return place
  const { readlink } = await import('node:fs/promises')
  return realPlace(resolve(dirname(place), await readlink(place)), depth + 1)
}

/** The rules with every link in them followed, once for each command. */
export async function realPlaces ({ workspace, allowed, denied }: Places): Promise<Places> {
  const real = (paths: readonly string[]): Promise<string[]> => Promise.all(paths.map(path => realPlace(path)))
  return { workspace: await realPlace(workspace), allowed: allowed && await real(allowed), denied: [...denied, ...await real(denied)] }
}

/** Why this real place may not be touched; undefined when it may. `isRoot`: as a working directory. */
export function placeProblem (place: string, places: Places, isRoot = false): string | undefined {
  const denied = places.denied.find(root => isWithin(root, place))
  if (denied !== undefined) return `${place} is in tools.exec.denyPaths`
  if (places.allowed === undefined && !isRoot) return undefined
  if ([places.workspace, ...places.allowed ?? []].some(root => isWithin(root, place))) return undefined
  return `${place} is outside the workspace and not in tools.exec.allowedPaths`
}

/** What a command names on both sides of a denied place: a directory that has one inside is as good as the place itself. */
export const surroundsDenied = (place: string, { denied }: Places): boolean => denied.some(root => isWithin(place, root))
