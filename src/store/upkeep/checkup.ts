/** Looks at a state directory without changing anything. */
import { existsSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { inspect, storePaths } from '../sqlite/files.ts'
import { migrations } from '../sqlite/migrations.ts'
import { openReadOnly } from '../sqlite/open-read-only.ts'
import { isSetAside, listFiles, type FoundFile } from './private-files.ts'

export interface Finding {
  subject: 'database' | 'copy' | 'permissions' | 'quarantine' | 'disk' | 'configuration'
  path: string
  message: string
  /** What to do about it. */
  next: string
}

export interface Checkup {
  findings: Finding[]
  database: { path: string, exists: boolean, bytes: number, schema?: number }
}

const maxFiles = 20_000
const leastFreeBytes = 256 * 1024 * 1024
const tables = ['entries', 'lines', 'runs', 'audit']

function rowProblems (path: string): string[] {
  const { database } = openReadOnly(path)
  try {
    const verdicts = database.prepare('PRAGMA integrity_check(20)').all().map(row => String(row['integrity_check']))
    if (verdicts[0] !== 'ok') return verdicts
    const there = new Set(database.prepare('SELECT name FROM sqlite_schema').all().map(row => row['name']))
    return tables.filter(name => there.has(name)).flatMap(name => {
      const count = Number(database.prepare(`SELECT count(*) AS count FROM ${name} WHERE NOT json_valid(value)`).get()!['count'])
      return count > 0 ? [`${count} records of the table ${name} cannot be read`] : []
    })
  } finally {
    database.close()
  }
}

function checkDatabase (path: string): { findings: Finding[], schema?: number } {
  const found = inspect(path)
  const finding = (message: string, next: string): Finding => ({ subject: 'database', path, message, next })
  if (found.state === 'missing') return { findings: [] }
  if (found.state === 'unreadable') {
    return { findings: [finding(found.reason, 'Start the gateway: it sets the file aside and takes the last-good copy. Or: openclaw restore FILE.')] }
  }
  const { version: schema } = found
  if (schema > migrations.length) {
    return { schema, findings: [finding(`it was written by a newer version (schema ${schema})`, 'Use that version, or: openclaw restore FILE.')] }
  }
  try {
    const problems = rowProblems(path)
    return { schema, findings: problems.map(problem => finding(problem, 'Make a copy of the file, then: openclaw restore FILE.')) }
  } catch (error) {
    return { schema, findings: [finding(`it cannot be read: ${(error as Error).message}`, 'Make a copy of the file, then: openclaw restore FILE.')] }
  }
}

function checkCopy (path: string): Finding[] {
  const found = inspect(path)
  if (found.state !== 'unreadable') return []
  return [{ subject: 'copy', path, message: `the last-good copy is of no use: ${found.reason}`, next: 'It is made anew with the next change.' }]
}

/** Workspaces hold what agents and people write; everything else is ours and private. */
const isOurs = ({ path }: FoundFile): boolean => !/^workspace[^/]*\//.test(path)

function checkFile (stateDir: string, file: FoundFile): Finding[] {
  const path = join(stateDir, file.path)
  if (isSetAside(file.path)) {
    return [{ subject: 'quarantine', path, message: 'it could not be read and was set aside', next: 'Rescue from it what you need, then delete it.' }]
  }
  if (!isOurs(file) || process.platform === 'win32') return []
  if ((file.mode & 0o077) !== 0) {
    return [{ subject: 'permissions', path, message: `others may use it (${file.mode.toString(8)})`, next: `chmod 600 ${path}` }]
  }
  if (file.uid !== process.getuid!()) {
    return [{ subject: 'permissions', path, message: `it belongs to user ${file.uid}`, next: `Give it to the user of the gateway: chown ${process.getuid!()} ${path}` }]
  }
  return []
}

function checkDirectory (stateDir: string): Finding[] {
  const mode = statSync(stateDir).mode & 0o777
  if (process.platform === 'win32' || (mode & 0o022) === 0) return []
  return [{ subject: 'permissions', path: stateDir, message: `others may write into it (${mode.toString(8)})`, next: `chmod 700 ${stateDir}` }]
}

function checkDisk (stateDir: string): Finding[] {
  const { bavail, bsize } = statfsSync(stateDir)
  const freeBytes = bavail * bsize
  if (freeBytes >= leastFreeBytes) return []
  return [{ subject: 'disk', path: stateDir, message: `only ${Math.floor(freeBytes / 1048576)} MiB are free`, next: 'Make room: a full disk stops every change.' }]
}

export function checkState (stateDir: string): Checkup {
  const paths = storePaths(stateDir)
  const bytes = statSync(paths.database, { throwIfNoEntry: false })?.size ?? 0
  const database = { path: paths.database, exists: existsSync(paths.database), bytes }
  if (!existsSync(stateDir)) return { findings: [], database }
  const { findings, schema } = checkDatabase(paths.database)
  const files = listFiles(stateDir, maxFiles).files
  return {
    findings: [
      ...findings,
      ...checkCopy(paths.snapshot),
      ...checkDirectory(stateDir),
      ...files.flatMap(file => checkFile(stateDir, file)),
      ...checkDisk(stateDir)
    ],
    database: { ...database, ...(schema === undefined ? {} : { schema }) }
  }
}
