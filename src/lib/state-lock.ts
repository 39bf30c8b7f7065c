/**
 * One gateway per state directory. Two things say so. A lock that the kernel keeps (SQLite's, on an empty file) decides between
 * our own processes: it ends with its owner however that ends, cannot be mistaken for another process with the same pid, and
 * holds across containers that share a volume. The lock file beside it says who the owner is; it is believed by itself too,
 * when its owner is proven alive, because the existing gateway knows only that file.
 */
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, fchmodSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { bootId, describeProcess, processStartTime } from './process-info.ts'

export interface StateLockOptions {
  readonly stateDir: string
  readonly configPath: string
  readonly port: number
  /** The process that the lock file names. */
  readonly pid?: number
  readonly now: () => number
}

export interface StateLock {
  readonly path: string
  /** Twice is safe. Also happens when the process exits by itself. */
  release (): void
}

export interface LockOwner {
  readonly pid: number
  readonly port?: number
  /** ISO time at which the owner took the lock. */
  readonly startedAt?: string
}

export class LockHeldError extends Error {
  readonly path: string
  /** Unknown when the owner is out of sight, in another container. */
  readonly pid?: number
  readonly port?: number
  readonly startedAt?: string

  constructor (path: string, owner: Partial<LockOwner>) {
    const since = owner.startedAt === undefined ? '' : ` since ${owner.startedAt}`
    const port = owner.port === undefined ? '' : `, port ${owner.port}`
    super(`gateway already running (pid ${owner.pid ?? 'unknown'}${port}); it holds ${path}${since}`)
    this.name = 'LockHeldError'
    this.path = path
    this.pid = owner.pid
    this.port = owner.port
    this.startedAt = owner.startedAt
  }
}

const userSuffix = (): string => String(process.getuid?.() ?? 'user')
export const stateLockPath = (stateDir: string): string => join(stateDir, 'tmp', `openclaw-${userSuffix()}`, 'gateway.state.lock')
/** Not under the user's name: two users on one state directory are two owners as well. */
const kernelLockPath = (stateDir: string): string => join(stateDir, 'tmp', 'gateway.kernel.lock')

export async function acquireStateLock (options: StateLockOptions): Promise<StateLock> {
  const path = stateLockPath(options.stateDir)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const kernelLock = takeKernelLock(kernelLockPath(options.stateDir))
  if (kernelLock === 'held') throw new LockHeldError(path, await nameHolder(path))
  try {
    const owner = await livingOwner(path)
    if (owner !== undefined) throw new LockHeldError(path, owner)
    const ownerId = randomUUID()
    const payload = await describeOwner(options, ownerId)
    setAside(path)
    writeExclusively(path, JSON.stringify(payload))
    return holdUntilReleased(path, ownerId, kernelLock)
  } catch (error) {
    kernelLock?.close()
    throw error
  }
}

/** Who holds the state directory now, if that process is alive. Takes nothing and changes nothing. */
export const findLockOwner = (stateDir: string): Promise<LockOwner | undefined> => livingOwner(stateLockPath(stateDir))

interface LockFile {
  readonly pid?: unknown
  readonly port?: unknown
  readonly createdAt?: unknown
  readonly startTime?: unknown
  readonly bootId?: unknown
  readonly ownerId?: unknown
}

function readLockFile (path: string): LockFile {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

const ownerOf = (file: LockFile): LockOwner | undefined => typeof file.pid !== 'number'
  ? undefined
  : {
      pid: file.pid,
      ...(typeof file.port === 'number' ? { port: file.port } : {}),
      ...(typeof file.createdAt === 'string' ? { startedAt: file.createdAt } : {})
    }

export type Judged =
  | { readonly state: 'held', readonly owner: LockOwner }
  /** Whoever took it is proven gone; `why` says how. */
  | { readonly state: 'stale', readonly owner: LockOwner, readonly why: string }
  /** It names nobody. */
  | { readonly state: 'unreadable' }

/** What a lock file says, and whether whom it names is still there. */
export async function judgeLockFile (path: string): Promise<Judged> {
  const file = readLockFile(path)
  const owner = ownerOf(file)
  if (owner === undefined) return { state: 'unreadable' }
  if (typeof file.bootId === 'string' && file.bootId !== await bootId()) return { state: 'stale', owner, why: 'the machine was started anew since' }
  const found = await describeProcess(owner.pid)
  if (found === undefined) return { state: 'stale', owner, why: `process ${owner.pid} is gone` }
  const same = typeof file.startTime === 'number' ? file.startTime === found.startTime : /openclaw|gateway/.test(found.command)
  return same ? { state: 'held', owner } : { state: 'stale', owner, why: `pid ${owner.pid} belongs to another process now` }
}

async function livingOwner (path: string): Promise<LockOwner | undefined> {
  const judged = await judgeLockFile(path)
  return judged.state === 'held' ? judged.owner : undefined
}

const describeOwner = async (options: StateLockOptions, ownerId: string): Promise<LockFile> => {
  const pid = options.pid ?? process.pid
  const payload = { pid, ownerId, createdAt: new Date(options.now()).toISOString(), port: options.port, configPath: options.configPath }
  return { ...payload, stateDir: options.stateDir, startTime: await processStartTime(pid), bootId: await bootId() } as LockFile
}

/**
 * Whether somebody holds the state directory who is out of sight, in another container. A gateway that starts in this very moment may be
 * turned away by the question, so it is for those who have found no owner.
 */
export function isHeldOutOfSight (stateDir: string): boolean {
  const path = kernelLockPath(stateDir)
  if (!existsSync(path)) return false
  const database = new (process.getBuiltinModule('node:sqlite').DatabaseSync)(path, { readOnly: true })
  try {
    database.exec('BEGIN; SELECT count(*) FROM sqlite_schema')
    return false
  } catch (error) {
    return (error as { errcode?: number }).errcode === sqliteBusy
  } finally {
    database.close()
  }
}

const sqliteBusy = 5
const sqliteNotADatabase = 26

/** `undefined` where the file system knows no locks: then the lock file decides alone. */
function takeKernelLock (path: string, mayReplace = true): DatabaseSync | 'held' | undefined {
  createEmptyFile(path)
  // Loaded here and not above: commands that only ask who holds the lock need no database.
  const database = new (process.getBuiltinModule('node:sqlite').DatabaseSync)(path)
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    const code = (error as { errcode?: number }).errcode
    if (code === sqliteBusy) return 'held'
    if (code !== sqliteNotADatabase || !mayReplace) return undefined
    setAside(path)
    return takeKernelLock(path, false)
  }
}

/** Never opens a file that is there: closing any descriptor of a file drops the locks that this process has on it. */
function createEmptyFile (path: string): void {
  try {
    writeExclusively(path, '')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

const nameHolderTries = 10
const nameHolderIntervalMs = 50

/** The owner may be between taking the lock and writing its name; or in another container, where its pid means nothing to us. */
async function nameHolder (path: string): Promise<Partial<LockOwner>> {
  for (let tries = 0; tries < nameHolderTries; tries++) {
    const owner = await livingOwner(path)
    if (owner !== undefined) return owner
    await delay(nameHolderIntervalMs)
  }
  return { ...ownerOf(readLockFile(path)), pid: undefined }
}

/** What a dead owner left behind goes; what nobody can read is kept beside it, one copy. */
function setAside (path: string): void {
  const unreadable = ownerOf(readLockFile(path)) === undefined
  try {
    if (unreadable) renameSync(path, `${path}.unreadable`)
    else unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function writeExclusively (path: string, text: string): void {
  const descriptor = openSync(path, 'wx', 0o600)
  try {
    fchmodSync(descriptor, 0o600)
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function holdUntilReleased (path: string, ownerId: string, kernelLock: DatabaseSync | undefined): StateLock {
  let held = true
  const release = (): void => {
    if (!held) return
    held = false
    process.off('exit', release)
    try {
      if (readLockFile(path).ownerId === ownerId) unlinkSync(path)
    } finally {
      kernelLock?.close()
    }
  }
  // Also keeps the database, and with it the lock, from being collected as garbage.
  process.on('exit', release)
  return { path, release }
}
