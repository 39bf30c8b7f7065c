import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Load } from '../load/load.ts'
import { descriptorsOf } from '../process-figures.ts'
import { mustConnect } from '../wire/handshake.ts'
import { createSigner } from '../wire/identity.ts'
import { failuresOf, withRunning, type Figure, type Running, type Scenario, type ScenarioContext } from './scenario.ts'
import { settledMb } from './turn-memory.ts'

const callsInAll = 1_000_000
const connectsInAll = 10_000
const reloadsInAll = 1_000
/** Before the baseline: what a process takes once, and keeps, is no leak. */
const warmUpShare = 0.05
const withinMs = 1_800_000
/** A change that has not been taken in by then is lost. */
const reloadWithinMs = 10_000

interface Counts { readonly calls: number, readonly connects: number, readonly reloads: number }
interface Round { readonly calls: number, readonly connects: number, readonly reloads: number, readonly failures: number, readonly elapsedMs: number }

/** Changes the file, as an editor would, and waits until the gateway says that it has taken it in; again and again. */
async function reload ({ spawned, identities }: Running, count: number, offset: number): Promise<number> {
  const path = join(spawned.home!, 'openclaw.json')
  const { socket } = await mustConnect({ endpoint: spawned.endpoint, signer: createSigner(identities[0]!), secret: spawned.secret })
  let heard = Promise.withResolvers<boolean>()
  socket.onText = payload => { if (payload.toString().includes('"event":"config.changed"')) heard.resolve(true) }
  const config = JSON.parse(await readFile(path, 'utf8')) as { gateway: object }
  let taken = 0
  for (let at = 1; at <= count; at++) {
    heard = Promise.withResolvers()
    const next = { ...config, gateway: { ...config.gateway, reload: { debounceMs: 0 }, limits: { maxConnections: 10_000 + offset + at } } }
    await writeFile(`${path}.next`, JSON.stringify(next), { mode: 0o600 })
    await rename(`${path}.next`, path)
    if (await Promise.race([heard.promise, sleep(reloadWithinMs, false)])) taken++
  }
  socket.close()
  return taken
}

/** All three at the same time, each from a process of its own. */
async function round (running: Running, loads: readonly [Load, Load], counts: Counts, offset: number): Promise<Round> {
  const { endpoint, secret } = running.spawned
  const { identities } = running
  const beganAt = performance.now()
  const [rpc, connects, reloads] = await Promise.all([
    loads[0].run({ kind: 'rpc', endpoint, secret, identities, connections: 16, depth: 8, method: 'health', durationMs: withinMs, maxCount: counts.calls }),
    loads[1].run({ kind: 'connects', endpoint, secret, identities, concurrency: 4, durationMs: withinMs, maxCount: counts.connects }),
    reload(running, counts.reloads, offset)
  ])
  const failures = failuresOf(rpc) + failuresOf(connects) + counts.reloads - reloads
  return { calls: rpc.count, connects: connects.count, reloads, failures, elapsedMs: performance.now() - beganAt }
}

interface Size { readonly rssMb: number, readonly heapMb: number, readonly descriptors: number }

/** What is left when nobody is there: the lowest of some seconds of quiet, then the heap as the gateway itself sees it. */
async function sizeOf ({ spawned, identities }: Running, context: ScenarioContext): Promise<Size> {
  const rssMb = await settledMb(spawned.pid, context.scale)
  const descriptors = descriptorsOf(spawned.pid)
  const { socket } = await mustConnect({ endpoint: spawned.endpoint, signer: createSigner(identities[0]!), secret: spawned.secret })
  const { promise, resolve } = Promise.withResolvers<number>()
  socket.onText = payload => {
    const { type, payload: status } = JSON.parse(payload.toString()) as { type: string, payload?: { processMemory?: { heapUsedBytes: number } } }
    if (type === 'res') resolve((status?.processMemory?.heapUsedBytes ?? NaN) / 2 ** 20)
  }
  socket.send(JSON.stringify({ type: 'req', id: 'size', method: 'status', params: {} }))
  const heapMb = await promise
  socket.close()
  return { rssMb, heapMb, descriptors }
}

function figuresOf (before: Size, after: Size, done: Round): Figure[] {
  const size = (key: string, unit: string, pick: (size: Size) => number, wanted: number): Figure[] => [
    { key: `${key} before`, value: pick(before), unit, better: 'less' },
    { key: `${key} after`, value: pick(after), unit, better: 'less' },
    { key: `${key}, growth`, value: pick(after) - pick(before), unit, better: 'less', wanted: { value: wanted } }
  ]
  return [
    { key: 'calls', value: done.calls, unit: '', better: 'more' },
    { key: 'connects', value: done.connects, unit: '', better: 'more' },
    { key: 'reloads', value: done.reloads, unit: '', better: 'more' },
    { key: 'failed or lost', value: done.failures, unit: '', better: 'less', wanted: { value: 0 } },
    { key: 'all of it in', value: done.elapsedMs / 1000, unit: 's', better: 'less' },
    ...size('memory', 'MB', ({ rssMb }) => rssMb, 15),
    ...size('heap', 'MB', ({ heapMb }) => heapMb, 5),
    ...size('descriptors', '', ({ descriptors }) => descriptors, 0)
  ]
}

/** Days of use in minutes: afterwards the process is as large as before, and holds nothing. */
export const soak: Scenario = {
  name: 'soak',
  ceiling: 'ceiling',
  onlyNamed: true,
  run: async (target, context) => target.name === 'ours'
    ? withRunning(target, context, async running => {
      const of = (share: number): Counts => ({
        calls: Math.ceil(callsInAll * share), connects: Math.ceil(connectsInAll * share), reloads: Math.ceil(reloadsInAll * share)
      })
      const loads: readonly [Load, Load] = [running.load, running.otherLoad()]
      const warmUp = of(warmUpShare * context.scale)
      await round(running, loads, warmUp, 0)
      const before = await sizeOf(running, context)
      const done = await round(running, loads, of(context.scale), warmUp.reloads)
      return figuresOf(before, await sizeOf(running, context), done)
    })
    : []
}
