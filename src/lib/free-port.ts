/** What `--force` does: ends whoever listens on the port, and nobody else. */
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { describeHolder, findPortHolder, type PortHolder } from './port-holder.ts'
import { ancestry, processStartTime } from './process-info.ts'

export interface FreePortOptions {
  readonly port: number
  /** The address of the test bind. */
  readonly host?: string
  readonly log: (line: string) => void
  /** A person at a terminal asked for it. Otherwise a healthy gateway is left alone: it may be a supervised one. */
  readonly interactive: boolean
  readonly isGatewayHealthy: (port: number) => Promise<boolean>
  readonly now: () => number
}

export class PortNotFreedError extends Error {
  readonly port: number
  readonly holders: readonly PortHolder[]

  constructor (port: number, why: string, holders: readonly PortHolder[]) {
    super(`Could not free port ${port}: ${why}. Run openclaw gateway status --deep to inspect the listener.`)
    this.name = 'PortNotFreedError'
    this.port = port
    this.holders = holders
  }
}

const politeWaitMs = 700
const killWaitMs = 1300
const pollMs = 100
const bindWaitMs = 3000
const bindPollMs = 150

interface Target {
  readonly pid: number
  readonly command: string
  readonly startTime: number
}

export async function freePort (options: FreePortOptions): Promise<void> {
  const { port, log, now } = options
  const startedAtMs = now()
  const targets = await findTargets(options)
  if (targets.length === 0) return
  await signalAll(options, targets, 'SIGTERM')
  for (const { pid, command } of targets) log(`force: killed pid ${pid} (${command}) on port ${port}`)
  if (!await waitUntilGone(targets, politeWaitMs, now)) {
    await signalAll(options, targets, 'SIGKILL')
    log(`force: escalated to SIGKILL while freeing port ${port}`)
    await waitUntilGone(targets, killWaitMs, now)
  }
  await waitUntilFree(options)
  log(`force: waited ${now() - startedAtMs}ms for port ${port} to free`)
}

/** True when a listener could be opened on the port right now. */
export const canListen = (port: number, host = '127.0.0.1'): Promise<boolean> => new Promise(resolve => {
  const server = createServer()
  server.once('error', () => { resolve(false) })
  server.listen({ port, host, exclusive: true }, () => { server.close(() => { resolve(true) }) })
})

async function findTargets (options: FreePortOptions): Promise<Target[]> {
  const { port } = options
  const holders = await findPortHolder(port)
  if (holders.length === 0) {
    if (await canListen(port, options.host)) return []
    throw new PortNotFreedError(port, 'it is in use, and no process that holds it can be found from here', [])
  }
  const pids = [...new Set(holders.map(holder => holder.pid))]
  const family = await ancestry(process.pid)
  const refused = holders.find(({ pid }) => pid === undefined || family.includes(pid))
  if (refused !== undefined) {
    const why = refused.pid === undefined ? 'this user may not end' : 'this process itself runs under'
    throw new PortNotFreedError(port, `it is held by a process that ${why}: ${describeHolder(refused)}`, holders)
  }
  const targets = await Promise.all(pids.map(async pid => ({
    pid: pid!, command: holders.find(holder => holder.pid === pid)!.command, startTime: await processStartTime(pid!)
  })))
  return targets.filter((target): target is Target => target.startTime !== undefined)
}

/** False too when the pid was given to another process meanwhile. */
const isSame = async ({ pid, startTime }: Target): Promise<boolean> => await processStartTime(pid) === startTime

async function signalAll (options: FreePortOptions, targets: readonly Target[], signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  for (const target of targets) {
    if (!await isSame(target)) continue
    if (!options.interactive && await options.isGatewayHealthy(options.port)) {
      const why = `a healthy gateway is listening there (pid ${target.pid}), and nobody at a terminal asked to end it. Stop it where it is supervised, or with: kill ${target.pid}`
      throw new PortNotFreedError(options.port, why, [])
    }
    try {
      process.kill(target.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') continue
      throw new PortNotFreedError(options.port, `pid ${target.pid} could not be signalled (${(error as NodeJS.ErrnoException).code})`, [])
    }
  }
}

async function waitUntilGone (targets: readonly Target[], limitMs: number, now: () => number): Promise<boolean> {
  const untilMs = now() + limitMs
  for (;;) {
    if (!(await Promise.all(targets.map(isSame))).includes(true)) return true
    if (now() >= untilMs) return false
    await delay(pollMs)
  }
}

async function waitUntilFree ({ port, host, now }: FreePortOptions): Promise<void> {
  const untilMs = now() + bindWaitMs
  while (!await canListen(port, host)) {
    const holders = now() >= untilMs ? await findPortHolder(port) : undefined
    if (holders !== undefined) throw new PortNotFreedError(port, `it is still in use: ${holders.map(describeHolder).join('; ') || 'by nobody that can be seen'}`, holders)
    await delay(bindPollMs)
  }
}
