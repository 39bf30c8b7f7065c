/** Has commands started by a process of its own, which is there only while there are some. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Program } from '../launch.ts'
import { endTree } from '../process-tree.ts'
import type { Order, Printed, ProgramEnd, Report } from './orders.ts'

export interface Spawned {
  readonly pid: number
  /** Never rejects. */
  readonly ended: Promise<ProgramEnd>
  /** False when it does not read any more. */
  write (data: string, isLast: boolean): Promise<boolean>
  /** Ends it with everything that it started. */
  stop (graceMs: number): void
}

export interface SpawnOptions {
  /** Stands in the environment of the program as OPENCLAW_EXEC_ID. */
  readonly marker: string
  readonly onOutput: (printed: Printed) => void
}

export interface Spawner {
  start (program: Program, options: SpawnOptions): Promise<Spawned>
  /** Everything that was started is ended, too. */
  close (): Promise<void>
}

export interface SpawnerOptions {
  readonly env: { readonly [name: string]: string }
  readonly idleMs?: number
  /** One that does not answer for so long is ended, and with it what it has started. */
  readonly answerMs?: number
}

/** Enough for what it does; it costs little to fork as long as it is small. */
const memoryLimit = '--max-old-space-size=128'

interface Entry {
  readonly process: ChildProcess
  readonly options: SpawnOptions
  readonly started: PromiseWithResolvers<number>
  readonly ended: PromiseWithResolvers<ProgramEnd>
  readonly writes: Map<number, (ok: boolean) => void>
  pid: number | undefined
  /** Ends the process when it does not answer. */
  patience: NodeJS.Timeout | undefined
}

export function createSpawner ({ env, idleMs = 30_000, answerMs = 15_000 }: SpawnerOptions): Spawner {
  const entries = new Map<number, Entry>()
  let hired: ChildProcess | undefined
  let idle: NodeJS.Timeout | undefined
  let lastId = 0

  function hire (): ChildProcess {
    const child = fork(fileURLToPath(new URL('./spawner-process.ts', import.meta.url)), [], {
      cwd: '/', env, execArgv: [memoryLimit], serialization: 'advanced', stdio: ['ignore', 'ignore', 'ignore', 'ipc']
    })
    child.on('message', (report: Report) => hear(report))
    const lost = (why: string): void => {
      if (hired === child) hired = undefined
      for (const [id, entry] of entries) if (entry.process === child) void give(id, entry, why)
    }
    child.once('exit', (code, signal) => lost(`the process that starts commands ended (${signal ?? code})`))
    child.on('error', error => lost(error.message))
    return child
  }

  /** Nobody waits for the process alone. */
  function hold (child: ChildProcess, isNeeded: boolean): void {
    if (isNeeded) {
      child.ref()
      child.channel?.ref()
    } else {
      child.unref()
      child.channel?.unref()
    }
  }

  function forget (id: number, { process: child, writes, patience }: Entry): void {
    clearTimeout(patience)
    entries.delete(id)
    for (const done of writes.values()) done(false)
    if (entries.size > 0 || child !== hired) return
    hold(child, false)
    clearTimeout(idle)
    idle = setTimeout(() => { void dismiss() }, idleMs).unref()
  }

  /** Whoever watched over it is gone: what it was is ended from here. */
  async function give (id: number, entry: Entry, why: string): Promise<void> {
    forget(id, entry)
    const isClean = await endTree(entry.pid, entry.options.marker, { graceMs: 0 })
    if (entry.pid === undefined) entry.started.reject(new Error(why))
    else entry.ended.resolve({ code: null, signal: 'SIGKILL', isClean })
  }

  function hear (report: Report): void {
    const { id } = report
    const entry = entries.get(id)
    if (!entry) return
    if (report.kind === 'output') return entry.options.onOutput(report)
    if (report.kind === 'written') {
      entry.writes.get(report.call)?.(report.ok)
      entry.writes.delete(report.call)
    } else if (report.kind === 'started') {
      clearTimeout(entry.patience)
      entry.pid = report.pid
      entry.started.resolve(report.pid)
    } else {
      forget(id, entry)
      if (report.kind === 'failed') entry.started.reject(new Error(report.message))
      else entry.ended.resolve({ code: report.code, signal: report.signal, isClean: report.isClean })
    }
  }

  /** An order that cannot be sent is one to a process whose end is about to be heard of. */
  function tell (child: ChildProcess, order: Order): void {
    if (child.connected) child.send(order, () => {})
  }

  function expect (entry: Entry, withinMs: number): void {
    clearTimeout(entry.patience)
    entry.patience = setTimeout(() => entry.process.kill('SIGKILL'), withinMs).unref()
  }

  function write (id: number, entry: Entry, data: string, isLast: boolean): Promise<boolean> {
    if (!entries.has(id)) return Promise.resolve(false)
    return new Promise(resolve => {
      const call = ++lastId
      entry.writes.set(call, resolve)
      tell(entry.process, { kind: 'write', id, call, data, isLast })
    })
  }

  async function dismiss (): Promise<void> {
    clearTimeout(idle)
    const leaving = hired
    hired = undefined
    if (!leaving || leaving.exitCode !== null || leaving.signalCode !== null) return
    const exited = once(leaving, 'exit')
    const patience = setTimeout(() => leaving.kill('SIGKILL'), answerMs)
    if (leaving.connected) leaving.disconnect()
    await exited
    clearTimeout(patience)
  }

  return {
    async start (program, options) {
      clearTimeout(idle)
      const child = hired ??= hire()
      const id = ++lastId
      const entry: Entry = {
        process: child,
        options,
        started: Promise.withResolvers(),
        ended: Promise.withResolvers(),
        writes: new Map(),
        pid: undefined,
        patience: undefined
      }
      entries.set(id, entry)
      hold(child, true)
      expect(entry, answerMs)
      tell(child, { kind: 'start', id, marker: options.marker, program })
      const pid = await entry.started.promise
      return {
        pid,
        ended: entry.ended.promise,
        write: (data, isLast) => write(id, entry, data, isLast),
        stop (graceMs) {
          if (!entries.has(id)) return
          expect(entry, answerMs + graceMs)
          tell(child, { kind: 'stop', id, graceMs })
        }
      }
    },
    close: dismiss
  }
}
