import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchSocket } from '../wire/socket.ts'
import { openConnections } from './connections.ts'
import { readRunFrame } from './run-frames.ts'
import type { DeliveryJob } from './job.ts'
import type { Window } from './window.ts'

/** An end that has not reached everybody by then has been lost by somebody. */
const lostAfterMs = 5_000

const sessionKey = 'agent:main:bench-delivery'
const countedEvents = ['"event":"chat"', '"event":"agent"', '"event":"session.message"']

interface Audience {
  /** Resolves when everybody has the end of the run; the number is how many have not. */
  all: (run: string) => Promise<number>
}

/** Counts every event of a conversation that reaches anybody. */
function createAudience (subscribers: readonly BenchSocket[], count: () => void): Audience {
  let awaited = ''
  let missing = 0
  let arrived = (): void => {}
  for (const socket of subscribers) {
    socket.onText = payload => {
      const head = payload.toString('latin1', 0, 64)
      if (!countedEvents.some(event => head.includes(event))) return
      count()
      const frame = readRunFrame(payload)
      if (frame?.run !== awaited || (frame.kind !== 'ended' && frame.kind !== 'failed')) return
      missing -= 1
      if (missing === 0) arrived()
    }
  }
  return {
    async all (run) {
      const { promise, resolve } = Promise.withResolvers<void>()
      awaited = run
      missing = subscribers.length
      arrived = resolve
      const deadline = setTimeout(resolve, lostAfterMs)
      await promise
      clearTimeout(deadline)
      return missing
    }
  }
}

async function subscribe (socket: BenchSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.onText = payload => {
    const head = payload.toString('latin1', 0, 120)
    if (head.includes('"id":"follow"')) head.includes('"ok":true') ? resolve() : reject(new Error(`no subscription: ${head}`))
  }
  socket.send(JSON.stringify({ type: 'req', id: 'follow', method: 'sessions.messages.subscribe', params: { key: sessionKey } }))
  return promise
}

/** The latency is from the message to the moment when the last of all subscribers has the end of its run. */
export async function runDelivery (job: DeliveryJob, window: Window): Promise<void> {
  const [shooter, ...subscribers] = (await openConnections(job, job.subscribers + 1)).map(({ socket }) => socket)
  for (const socket of subscribers) await subscribe(socket)
  const spansMs: number[] = []
  let counting = false
  let events = 0
  const audience = createAudience(subscribers, () => { if (counting) events += 1 })
  const turn = async (number: number): Promise<void> => {
    const run = `delivery-${process.pid}-${job.everyMs ?? 0}-${number}`
    const sentAt = performance.now()
    const everybody = audience.all(run)
    shooter!.send(JSON.stringify({ type: 'req', id: run, method: 'chat.send', params: { sessionKey, message: `Message ${number}`, idempotencyKey: run } }))
    if (await everybody > 0) window.fail('not everybody heard the end')
    spansMs.push(performance.now() - sentAt)
  }
  for (let number = 0; number < 5; number++) await turn(number)
  await sleep(300)
  spansMs.length = 0
  counting = true
  window.begin(job.durationMs)
  for (let number = 5; window.open(); number++) {
    await turn(number)
    if (job.everyMs) await sleep(Math.max(1, job.everyMs - spansMs.at(-1)!))
  }
  for (let index = 0; index < events; index++) window.succeed(spansMs[index % spansMs.length]!)
  for (const socket of [shooter!, ...subscribers]) socket.close()
}
