/** Ends a command with everything that it started, also what left its process group or lost its parent. */
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

interface Row {
  readonly pid: number
  readonly parentPid: number
  readonly group: number
  readonly session: number
}

/** Files read at the same time. */
const width = 32
/** A tree that forks faster than it is ended is given up on after so many rounds. */
const maxRounds = 20
const roundMs = 25

async function inBatches<T, R> (items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < items.length; start += width) results.push(...await Promise.all(items.slice(start, start + width).map(work)))
  return results
}

async function rowOf (pid: number): Promise<Row | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  // "pid (name) state ppid group session": the name may hold anything, so fields are counted from its last bracket.
  const [state, parentPid, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (session === undefined || state === 'Z' || state === 'X') return undefined
  return { pid, parentPid: Number(parentPid), group: Number(group), session: Number(session) }
}

async function isMarked (pid: number, marker: string): Promise<boolean> {
  const environ = await readFile(`/proc/${pid}/environ`).catch(() => undefined)
  return environ?.includes(`OPENCLAW_EXEC_ID=${marker}`) ?? false
}

/** 0, 1 and ourselves lead nothing that a command began: as a leader each of them would mean far more than the command. */
const isLeader = (pid: number): boolean => Number.isInteger(pid) && pid > 1 && pid !== process.pid

/** Every living process of the command: by group, session, descent and the mark in its environment; by the mark alone without a leader. */
export async function treeOf (leader: number | undefined, marker: string): Promise<number[]> {
  if (leader !== undefined && !isLeader(leader)) return []
  const names = await readdir('/proc').catch(() => [])
  const rows = (await inBatches(names.filter(name => /^\d+$/.test(name)).map(Number), rowOf)).filter(row => row !== undefined)
  const isOwn = ({ pid, group, session }: Row): boolean => pid === leader || group === leader || session === leader
  const members = new Set(rows.filter(isOwn).map(({ pid }) => pid))
  for (let before = -1; before !== members.size;) {
    before = members.size
    for (const { pid, parentPid } of rows) if (members.has(parentPid)) members.add(pid)
  }
  const others = rows.map(({ pid }) => pid).filter(pid => pid !== process.pid && !members.has(pid))
  const marked = await inBatches(others, async pid => await isMarked(pid, marker) ? pid : undefined)
  for (const pid of marked) if (pid !== undefined) members.add(pid)
  members.delete(process.pid)
  members.delete(1)
  return [...members]
}

function signal (pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone, or belongs to somebody else by now.
  }
}

export interface TreeOptions {
  readonly platform?: NodeJS.Platform
  /** Time to end in peace; 0: none. */
  readonly graceMs: number
}

/** What a shell left in its group when it was done. */
export const endGroup = (leader: number): void => { if (isLeader(leader)) signal(-leader, 'SIGKILL') }

/** Resolves when nothing of the tree is left, or when it could not be ended; true in the first case. */
export async function endTree (leader: number | undefined, marker: string, options: TreeOptions): Promise<boolean> {
  const { platform = process.platform, graceMs } = options
  if (leader !== undefined && !isLeader(leader)) return true
  if (platform !== 'linux') {
    if (leader === undefined) return true
    signal(-leader, graceMs > 0 ? 'SIGTERM' : 'SIGKILL')
    await sleep(graceMs)
    endGroup(leader)
    return true
  }
  let members = await treeOf(leader, marker)
  if (graceMs > 0) {
    for (const pid of members) signal(pid, 'SIGTERM')
    const rounds = Math.ceil(graceMs / roundMs)
    for (let round = 0; round < rounds && members.some(isThere); round++) await sleep(roundMs)
    members = await treeOf(leader, marker)
  }
  for (let round = 0; round < maxRounds && members.length > 0; round++) {
    for (const pid of members) signal(pid, 'SIGKILL')
    await sleep(roundMs)
    members = await treeOf(leader, marker)
  }
  return members.length === 0
}

function isThere (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
