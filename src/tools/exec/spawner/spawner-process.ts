/**
 * The process that starts commands in place of the gateway. A fork stops whoever does it for as long as its memory is large, and what
 * commands print is much: both happen here, where nothing waits for it. When the gateway goes, however it goes, so do its commands.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnDetached } from '../launch.ts'
import { defaultOutputLimits } from '../output.ts'
import { endGroup, endTree } from '../process-tree.ts'
import type { Order, Report } from './orders.ts'
import { createPacing } from './pacing.ts'

/** A pipe that somebody outside the group holds open is not waited for. */
const closeWaitMs = 250

interface Command {
  readonly child: ChildProcess
  readonly marker: string
  stopping: Promise<boolean> | undefined
}

const commands = new Map<number, Command>()

function report (what: Report, left: () => void = () => {}): void {
  if (process.connected) process.send!(what, undefined, undefined, left)
}

/** Once the shell is gone, whoever it left in the group goes too; then the pipes are read to their end. */
async function drained (child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  endGroup(child.pid!)
  await Promise.race([closed, sleep(closeWaitMs)])
  for (const stream of child.stdio) stream?.destroy()
}

async function start ({ id, marker, program }: Order & { kind: 'start' }): Promise<void> {
  const child = await spawnDetached(program.file, program.args, program, program.third)
  const command: Command = { child, marker, stopping: undefined }
  commands.set(id, command)
  report({ kind: 'started', id, pid: child.pid! })
  const pacing = createPacing(defaultOutputLimits, (printed, left) => report({ kind: 'output', id, ...printed }, left))
  // Listened to from the beginning: it may come with the end itself.
  const closed = once(child, 'close').catch(() => {})
  child.stdout?.on('data', pacing.add)
  child.stderr?.on('data', pacing.add)
  for (const emitter of [child, ...child.stdio]) emitter?.on('error', () => {})
  child.once('exit', async (code, signal) => {
    const isClean = await command.stopping ?? true
    await drained(child, closed)
    commands.delete(id)
    pacing.flush()
    report({ kind: 'ended', id, code, signal, isClean })
  })
}

function write ({ id, call, data, isLast }: Order & { kind: 'write' }): void {
  const done = (error?: Error | null): void => report({ kind: 'written', id, call, ok: !error })
  const stdin = commands.get(id)?.child.stdin
  if (!stdin?.writable) done(new Error('it does not read'))
  else if (isLast) stdin.end(data, done)
  else stdin.write(data, done)
}

function stop (command: Command, graceMs: number): Promise<boolean> {
  command.stopping ??= endTree(command.child.pid!, command.marker, { graceMs })
  return command.stopping
}

function obey (order: Order): void {
  const { id } = order
  if (order.kind === 'start') start(order).catch((error: Error) => report({ kind: 'failed', id, message: error.message }))
  else if (order.kind === 'write') write(order)
  else {
    const command = commands.get(id)
    if (command) void stop(command, order.graceMs)
  }
}

process.on('message', obey)
process.once('disconnect', async () => {
  await Promise.all([...commands.values()].map(command => stop(command, 0)))
  process.exit()
})
// A key press or a service manager means the gateway, which ends its commands in its own way.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
