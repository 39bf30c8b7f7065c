import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectsJob, JobResult } from '../load/job.ts'
import { createIdentity } from '../wire/identity.ts'
import { failuresOf, withRunning, type Figure, type Running, type Scenario, type ScenarioContext } from './scenario.ts'

const attempts = 20
/** From the block reserved for documentation: half of the guessers and the paired device share it. */
const elsewhere = '203.0.113.9'
/** The guessers have met the gateway's defences by then. */
const guessersStartMs = 1_500

/** A client that is in already, calling `health` every few milliseconds once the delay is over. */
const knownClient = ({ spawned, identities, load }: Running, context: ScenarioContext, delayMs = 0): Promise<JobResult> => load.run({
  kind: 'rpc',
  endpoint: spawned.endpoint,
  secret: spawned.secret,
  identities,
  connections: 1,
  depth: 1,
  durationMs: context.windowMs,
  method: 'health',
  pauseMs: 2,
  delayMs
})

/** Twenty arrivals, one after the other. */
const arrivals = (running: Running, more: Partial<ConnectsJob>): Promise<JobResult> => running.load.run({
  kind: 'connects',
  endpoint: running.spawned.endpoint,
  secret: running.spawned.secret,
  identities: running.identities,
  concurrency: 1,
  durationMs: 60_000,
  maxCount: attempts,
  pauseMs: 25,
  ...more
})

const arrivalFigures = (who: string, result: JobResult): Figure[] => [
  { key: `${who}: refused of ${attempts}`, value: failuresOf(result), unit: '', better: 'less', wanted: { value: 0 } },
  { key: `${who}: time to hello-ok p50`, value: result.latencies.p50Ms, unit: 'ms', better: 'less' },
  { key: `${who}: time to hello-ok max`, value: result.latencies.maxMs, unit: 'ms', better: 'less' }
]

const knownFigures = (known: JobResult, calm: JobResult): Figure[] => [
  { key: "known client's health p99, nobody guessing", value: calm.latencies.p99Ms, unit: 'ms', better: 'less' },
  { key: "known client's health p50, guessers at work", value: known.latencies.p50Ms, unit: 'ms', better: 'less' },
  { key: "known client's health p99, guessers at work", value: known.latencies.p99Ms, unit: 'ms', better: 'less', wanted: { value: 15 } }
]

async function arrivalsUnderSiege (running: Running): Promise<Figure[]> {
  const newcomers = await arrivals(running, { identities: Array.from({ length: attempts }, createIdentity) })
  const figures = arrivalFigures('new client, loopback', newcomers)
  if (!running.target.trustsForwarding) return figures
  const paired = await arrivals(running, { forwardedFor: elsewhere })
  return [...figures, ...arrivalFigures("paired device, guessers' address", paired)]
}

/** What everybody else notices while 64 connections guess passwords. */
export const guessers: Scenario = {
  name: 'guessers',
  ceiling: 'ceiling',
  run: (target, context) => withRunning(target, context, async running => {
    const siege = running.otherLoad()
    const calm = await knownClient(running, context)
    const forwardedFor = target.trustsForwarding ? elsewhere : undefined
    const startMs = guessersStartMs * context.scale
    const known = knownClient(running, context, 300 + startMs)
    await sleep(300) // the known client is in
    const guessing = siege.run({
      kind: 'guessers', endpoint: running.spawned.endpoint, guessers: 64, durationMs: 120_000, forwardedFor
    })
    guessing.catch(() => {}) // the siege ends with its process
    const figures = [...knownFigures(await known, calm), ...await arrivalsUnderSiege(running)]
    await siege.stop()
    return figures
  })
}
