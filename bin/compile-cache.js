/* Keeps to what Node 12 parses, like the launcher that imports it. */
import { lstatSync, mkdirSync } from 'fs'
import * as nodeModule from 'module'
import { homedir } from 'os'
import { dirname, join } from 'path'

/*
 * Without a cache the type stripper (30 MB of wasm) is loaded and every module compiled at each start. The cache holds code that we
 * run, so it only ever lies where nobody but this user can write. Node itself reads NODE_COMPILE_CACHE and needs no help with it.
 */
export function useCompileCache (root) {
  if (process.env.NODE_COMPILE_CACHE || typeof nodeModule.enableCompileCache !== 'function') return
  const userCache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const directory = privateDirectory(join(root, 'node_modules', '.cache')) || privateDirectory(userCache)
  if (directory) nodeModule.enableCompileCache(directory)
}

function privateDirectory (parent) {
  const directory = join(parent, 'openclaw-gateway')
  try {
    if (!isPrivate(dirname(parent), 0)) return undefined
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return isPrivate(parent) && isPrivate(directory) ? directory : undefined
  } catch (error) {
    return undefined
  }
}

function isPrivate (directory, otherOwner) {
  const found = lstatSync(directory)
  if (!found.isDirectory()) return false
  if (process.getuid === undefined) return true
  return (found.uid === process.getuid() || found.uid === otherOwner) && (found.mode & 0o022) === 0
}
