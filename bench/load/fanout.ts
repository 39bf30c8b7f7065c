import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchSocket } from '../wire/socket.ts'
import { openConnections } from './connections.ts'
import type { FanoutJob, Trigger } from './job.ts'
import type { Window } from './window.ts'

/** An event that has not arrived by then counts as lost. */
const lostAfterMs = 2_000

/** What tells the event of one shot from all others; ends in a letter, so that shot 1 is not found in shot 12. */
const markOf = (shot: number): string => `bench-shot-${shot}x`

const triggerFrame = (trigger: Trigger, shot: number): string =>
  `{"type":"req","id":"t${shot}","method":${JSON.stringify(trigger.method)},"params":${trigger.params.replaceAll('{n}', markOf(shot))}}`

/**
 * One event at a time to all subscribers. Counts deliveries. The latency of a paced shot is the time from the first subscriber
 * to the last, which leaves out how long the gateway collects changes before it speaks; of an unpaced one, from shot to last.
 */
export async function runFanout (job: FanoutJob, window: Window): Promise<void> {
  const [shooter, ...subscribers] = (await openConnections(job, job.subscribers + 1)).map(({ socket }) => socket)
  await sleep(300) // whatever the gateway says about these connections has arrived by then
  const shots = createShots(job.trigger, shooter!, subscribers)
  for (let warm = 0; warm < 5; warm++) await shots.fire()
  window.begin(job.durationMs)
  while (window.open()) {
    const { missing, elapsedMs, spreadMs } = await shots.fire()
    for (let delivered = missing; delivered < subscribers.length; delivered++) window.succeed(job.everyMs ? spreadMs : elapsedMs)
    if (missing > 0) window.fail('not every subscriber got the event')
    if (job.everyMs) await sleep(Math.max(1, job.everyMs - elapsedMs))
  }
  for (const socket of [shooter!, ...subscribers]) socket.close()
}

interface Shot { missing: number, elapsedMs: number, spreadMs: number }

function createShots (trigger: Trigger, shooter: BenchSocket, subscribers: readonly BenchSocket[]) {
  let number = 0
  let mark = ''
  let missing = 0
  let firstAt = 0
  let arrived = (): void => {}
  const kind = `"event":"${trigger.event}"`
  shooter.onText = payload => {
    const head = payload.toString('latin1', 0, 400)
    if (head.includes('"type":"res"') && head.includes('"ok":false')) throw new Error(`the gateway refused ${trigger.method}: ${head}`)
  }
  for (const socket of subscribers) {
    socket.onText = payload => {
      if (!payload.toString('latin1', 0, 96).includes(kind) || !payload.includes(mark)) return
      if (missing === subscribers.length) firstAt = performance.now()
      missing -= 1
      if (missing === 0) arrived()
    }
  }
  const fire = async (): Promise<Shot> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    mark = markOf(++number)
    missing = subscribers.length
    arrived = resolve
    const startedAt = performance.now()
    const deadline = setTimeout(resolve, lostAfterMs)
    shooter.send(triggerFrame(trigger, number))
    await promise
    clearTimeout(deadline)
    const endedAt = performance.now()
    return { missing, elapsedMs: endedAt - startedAt, spreadMs: endedAt - firstAt }
  }
  return { fire }
}
