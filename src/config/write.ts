/**
 * Writes the configuration: whole or not at all, with the last five versions beside it, and never over somebody else's change or as
 * a fraction of what was there.
 */
import { open, readdir, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createPrivateFile, ensurePrivateDirectory, readIfPresent, writePrivateFile } from '../lib/private-file.ts'
import { GatewayError } from '../protocol/errors.ts'
import { backupSuffixes } from './backup-files.ts'
import type { Environment } from './environment.ts'
import { hashConfigText } from './load.ts'
import { parseConfigText } from './parse.ts'
import { valueAt } from './path-syntax.ts'

export interface WriteOptions {
  /** Hash of the text that the change was made from; `null` when there was no file. Absent: not checked. */
  previousHash?: string | null
  /** The caller knows that the new text is much smaller, or has no gateway.mode any more. */
  allowDestructive?: boolean
  /** What was there held what must not be kept. */
  withoutBackup?: boolean
  env?: Environment
  now?: () => number
  /** How long to wait for another writer. */
  lockTimeoutMs?: number
}

export interface Written {
  path: string
  hash: string
  changed: boolean
}

const smallestGuardedBytes = 512
/** Of each kind. */
const mostAside = { rejected: 5, clobbered: 32 }
const lockPollMs = 25
const defaultLockTimeoutMs = 5_000

export async function writeConfigFile (path: string, text: string, options: WriteOptions = {}): Promise<Written> {
  if (options.env?.['OPENCLAW_CONFIG_READONLY'] === '1') throw new GatewayError('CONFIG_READ_ONLY')
  await parseConfigText(text)
  await ensurePrivateDirectory(dirname(path))
  // A link in a repository of dot files stays a link.
  const target = await realpath(path).catch(() => path)
  const unlock = await lock(target, options.lockTimeoutMs ?? defaultLockTimeoutMs)
  try {
    await removeAbandoned(target)
    const current = await readIfPresent(target)
    checkUnchanged(current, options.previousHash)
    if (current === text) return { path: target, hash: hashConfigText(text), changed: false }
    if (current !== undefined) {
      if (!options.allowDestructive) await checkSize(target, current, text, options.now ?? Date.now)
      if (!options.withoutBackup) await keepBackup(target, current)
    }
    await writePrivateFile(target, text)
    await syncDirectory(dirname(target))
    return { path: target, hash: hashConfigText(text), changed: true }
  } finally {
    await unlock()
  }
}

const absent = (error: unknown): undefined => {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return undefined
}

function checkUnchanged (current: string | undefined, previousHash: string | null | undefined): void {
  if (previousHash === undefined) return
  const hash = current === undefined ? null : hashConfigText(current)
  if (hash !== previousHash) throw new GatewayError('CONFIG_CHANGED')
}

const leavesOf = (value: unknown): number =>
  typeof value === 'object' && value !== null ? Object.values(value).reduce<number>((sum, item) => sum + leavesOf(item), 1) : 1

/** A text that lost most of what was there is more often a mistake of a program than a wish of its user. */
async function checkSize (path: string, current: string, text: string, now: () => number): Promise<void> {
  const before = await parseConfigText(current).catch(() => undefined)
  const after = await parseConfigText(text)
  const lostMode = valueAt(before, ['gateway', 'mode']) !== undefined && valueAt(after, ['gateway', 'mode']) === undefined &&
    !includesMode(after)
  const guarded = Buffer.byteLength(current) >= smallestGuardedBytes
  const shrunk = guarded && (Buffer.byteLength(text) * 2 < Buffer.byteLength(current) || leavesOf(after) * 2 < leavesOf(before))
  if (!lostMode && !shrunk) return
  await keepAside(path, 'rejected', text, now)
  const why = lostMode ? 'gateway.mode would be gone' : 'it would remove more than half of the configuration'
  throw new GatewayError('CONFIG_WRITE_REJECTED', { message: `config write refused: ${why}` })
}

const includesMode = (value: unknown): boolean =>
  valueAt(value, ['$include']) !== undefined || valueAt(value, ['gateway', '$include']) !== undefined

/**
 * What was refused, or stood there broken and was replaced, stays beside the file, so that nobody's work is lost; only the newest few.
 * Resolves to its name.
 */
export async function keepAside (path: string, kind: keyof typeof mostAside, text: string, now: () => number): Promise<string> {
  const aside = `${path}.${kind}.${now()}`
  const prefix = `${basename(path)}.${kind}.`
  await writePrivateFile(aside, text)
  const old = (await readdir(dirname(path))).filter(name => name.startsWith(prefix)).sort().slice(0, -mostAside[kind])
  for (const name of old) await rm(join(dirname(path), name), { force: true })
  return aside
}

/** `.bak` is the newest; each older one moves on by one. */
async function keepBackup (path: string, text: string): Promise<void> {
  for (let index = backupSuffixes.length - 1; index > 0; index--) {
    await rename(path + backupSuffixes[index - 1], path + backupSuffixes[index]).catch(absent)
  }
  await writePrivateFile(path + backupSuffixes[0], text)
}

/** Under the lock nobody else is writing: what looks half written belongs to a writer that died. */
async function removeAbandoned (path: string): Promise<void> {
  const start = `${basename(path)}.`
  for (const name of await readdir(dirname(path))) {
    const parts = name.startsWith(start) ? /^((?:lock|last-good)\.)?(?:[a-z]+\.)?(?:\d+\.)?(\d+)\.[0-9a-f-]{36}\.tmp$/.exec(name.slice(start.length)) : null
    // Others may be about to ask for the lock, and the copy of what runs is made without it.
    if (parts && (parts[1] === undefined || isDead(Number(parts[2])))) await rm(join(dirname(path), name), { force: true })
  }
}

/** The rename itself survives a power cut only when the directory is written too. Not every system lets a directory be opened. */
async function syncDirectory (path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

/** One writer at a time: the daemon and a command may both want to. The lock of a writer that has died is taken over. */
async function lock (path: string, timeoutMs: number): Promise<() => Promise<void>> {
  const file = `${path}.lock`
  const deadline = performance.now() + timeoutMs
  while (!await createPrivateFile(file, String(process.pid))) {
    if (await isOrphaned(file)) await rm(file, { force: true })
    else if (performance.now() > deadline) throw new GatewayError('CONFIG_BUSY')
    else await delay(lockPollMs)
  }
  return async () => { await rm(file, { force: true }) }
}

async function isOrphaned (file: string): Promise<boolean> {
  return isDead(Number(await readIfPresent(file)))
}

function isDead (pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
