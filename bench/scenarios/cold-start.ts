import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMsOf, memoryOf } from '../process-figures.ts'
import { createSigner } from '../wire/identity.ts'
import { untilHealthy, untilHello } from './ready.ts'
import type { Figure, Scenario } from './scenario.ts'

const settleMs = 2_000

/** Spawn to the first answers, and the memory of a gateway with nothing to do. Beside it bare Fastify, whose first answer is its start. */
export const coldStart: Scenario = {
  name: 'cold-start',
  ceiling: 'fastify',
  async run (target, { identities, scale }) {
    if (target.name === 'url') return []
    const startedAt = performance.now()
    const spawned = await target.spawn()
    const since = async (ready: Promise<void>): Promise<number> => {
      await ready
      return performance.now() - startedAt
    }
    try {
      const signer = createSigner(identities[0]!)
      const [healthMs, helloMs] = await Promise.all([
        since(untilHealthy(spawned)),
        since(target.gateway ? untilHello(spawned, signer) : untilHealthy(spawned))
      ])
      const cpuMs = cpuMsOf(spawned.pid)
      await sleep(settleMs * scale)
      return figures(healthMs, helloMs, cpuMs, spawned.pid)
    } finally {
      await spawned.stop()
    }
  }
}

function figures (healthMs: number, helloMs: number, cpuMs: number, pid: number | undefined): Figure[] {
  const memory = memoryOf(pid)
  return [
    { key: 'spawn to first /health 200', value: healthMs, unit: 'ms', better: 'less' },
    { key: 'spawn to first hello-ok', value: helloMs, unit: 'ms', better: 'less', wanted: { ratio: 2.5 } },
    { key: 'CPU until then', value: cpuMs, unit: 'ms', better: 'less' },
    { key: 'idle memory (RSS, all processes)', value: memory.rssKb / 1024, unit: 'MB', better: 'less', wanted: { ratio: 1.3 } },
    { key: 'idle memory (PSS, all processes)', value: memory.pssKb / 1024, unit: 'MB', better: 'less' }
  ]
}
