/** A file that holds or tells secrets must be ours alone. */
import type { Stats } from 'node:fs'

const sharedWrite = 0o022
const shared = 0o077

/** Owned by the user that the gateway runs as, or by root, who can do anything anyway. */
const isOwnOrRoot = (stat: Stats): boolean => {
  const uid = process.getuid?.()
  return uid === undefined || stat.uid === uid || stat.uid === 0
}

export const isPosix = process.platform !== 'win32'

/** What is wrong with a secret file; undefined when nothing is. */
export function secretFileProblem (stat: Stats): string | undefined {
  if (!stat.isFile()) return 'is not a regular file'
  if (stat.nlink > 1) return 'has several hard links'
  if (!isPosix) return undefined
  if (!isOwnOrRoot(stat)) return 'belongs to another user'
  return (stat.mode & shared) === 0 ? undefined : `can be reached by other users (mode ${(stat.mode & 0o777).toString(8)}); run chmod 600`
}

/** What is wrong with a program that is asked for secrets. Others may run it, but not change it. */
export function secretProgramProblem (stat: Stats): string | undefined {
  if (!stat.isFile()) return 'is not a regular file'
  if (!isPosix) return undefined
  if (!isOwnOrRoot(stat)) return 'belongs to another user'
  if ((stat.mode & sharedWrite) !== 0) return `can be changed by other users (mode ${(stat.mode & 0o777).toString(8)})`
  return (stat.mode & 0o111) === 0 ? 'is not executable' : undefined
}
