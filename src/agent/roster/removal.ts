/** What becomes of an agent's things when it is deleted: conversations go to the archive, its workspace to the trash. */
import { lstat, readdir, realpath, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ensurePrivateDirectory } from '../../lib/private-file.ts'
import type { SessionsRoom } from '../../sessions/sessions.ts'
import type { Runs } from '../room.ts'
import { isWithin } from './confined-file.ts'

export interface Outcome {
  readonly removed: Array<{ path: string, method: 'trash' | 'missing' }>
  readonly failed: Array<{ path: string, reason: string }>
  readonly purgeFailed?: true
}

/** Stops what the agent is doing and puts its conversations away. False when something of it is left. */
export async function removeConversations (agentId: string, sessions: SessionsRoom, runs: Runs): Promise<boolean> {
  await sessions.ready
  const keys = [...sessions.records()].filter(record => record.agentId === agentId).map(({ key }) => key)
  let complete = true
  for (const key of keys) {
    await runs.abort({ sessionKey: key, origin: 'stop' })
    await sessions.lifecycle.remove(key, { reason: 'agent-deleted', withMain: true }).catch(() => { complete = false })
  }
  return complete
}

export interface TrashOptions {
  readonly workspace: string
  readonly trashDir: string
  /** Nothing that is, holds or lies in one of these is touched. */
  readonly kept: ReadonlyArray<{ readonly path: string, readonly why: string }>
  readonly now: () => number
}

const real = async (path: string): Promise<string> => await realpath(path).catch(() => path)

/** How long a workspace stays in the trash; it is looked at when something comes in. */
const trashedMs = 30 * 24 * 60 * 60_000

async function emptyTrash (trashDir: string, now: number): Promise<void> {
  for (const name of await readdir(trashDir)) {
    const atMs = Number(/-(\d{13,15})$/.exec(name)?.[1] ?? NaN)
    if (now - atMs > trashedMs) await rm(join(trashDir, name), { recursive: true, force: true })
  }
}

export async function trashWorkspace ({ workspace, trashDir, kept, now }: TrashOptions): Promise<Outcome> {
  const found = await lstat(workspace).catch(() => undefined)
  if (!found) return { removed: [{ path: workspace, method: 'missing' }], failed: [] }
  const refuse = (reason: string): Outcome => ({ removed: [], failed: [{ path: workspace, reason }] })
  if (!found.isDirectory()) return refuse('is no directory of its own')
  const own = await real(workspace)
  for (const { path, why } of kept) {
    if (isWithin(own, await real(path))) return refuse(why)
  }
  try {
    await ensurePrivateDirectory(trashDir)
    await emptyTrash(trashDir, now())
    await rename(own, join(trashDir, `${basename(own)}-${now()}`))
    return { removed: [{ path: workspace, method: 'trash' }], failed: [] }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return refuse(code === 'EXDEV' ? 'is on another disk than the state directory; remove it by hand' : message)
  }
}
