/** The small files of a state directory, beside the database. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface FoundFile {
  /** Relative to the state directory, with slashes. */
  path: string
  bytes: number
  mode: number
  uid: number
}

/** Locks, logs and what can be made again. */
const passedOver = new Set(['tmp', 'logs', 'node_modules', '.git', 'cache'])
const isDatabase = (path: string): boolean => /^state\.((snapshot|v\d+)\.)?sqlite/.test(path)
/** What is found in memory is read anew from the workspaces. */
const isIndex = (path: string): boolean => /^memory\/[^/]+\.sqlite/.test(path)
export const isSetAside = (path: string): boolean => /\.(quarantine-|unreadable)/.test(path)
/** What happened stays what happened: a log of acts that goes back with the rest would prove nothing. */
const isAudit = (path: string): boolean => path.startsWith('audit/') || path === 'identity/audit-head.json'
const isTemporary = (path: string): boolean => /\.(tmp|lock|creating|restoring)$/.test(path)
const isAside = (name: string): boolean => name.startsWith('before-restore-')

/** Regular files only: what a link points to belongs to somebody else. Bounded, because workspaces may hold anything. */
export function listFiles (stateDir: string, maxFiles: number): { files: FoundFile[], complete: boolean } {
  const files: FoundFile[] = []
  const waiting = ['']
  while (waiting.length > 0) {
    const directory = waiting.shift()!
    for (const entry of readdirSync(join(stateDir, directory), { withFileTypes: true })) {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`
      if (entry.isDirectory() && !passedOver.has(entry.name) && !isAside(entry.name)) waiting.push(path)
      if (!entry.isFile()) continue
      if (files.length >= maxFiles) return { files, complete: false }
      const found = statSync(join(stateDir, path), { throwIfNoEntry: false })
      if (found) files.push({ path, bytes: found.size, mode: found.mode & 0o777, uid: found.uid })
    }
  }
  return { files, complete: true }
}

export const belongsInBackup = ({ path }: FoundFile): boolean =>
  !isDatabase(path) && !isIndex(path) && !isSetAside(path) && !isTemporary(path) && !isAudit(path)
