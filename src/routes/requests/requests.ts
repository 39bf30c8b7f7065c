/**
 * Requests of programs that wait for a reply: each is one run, however often it is sent, whoever listens to it, and wherever somebody
 * comes back to it.
 */
import type { RunReport, RunRequest, RunResult, Runs } from '../../agent/room.ts'
import type { Caller } from '../../auth/caller.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { createNarration, type Telling } from './narration.ts'
import { createTape, type Tape } from './tape.ts'

export type Prepared = Omit<RunRequest, 'caller' | 'via' | 'idempotencyKey' | 'signal' | 'ownTurn' | 'fingerprint' | 'about'>

export interface Order {
  readonly caller: Caller
  readonly via: string
  /** The same key is the same request. */
  readonly key: string
  /** The caller chose the key, and may have sent it before. */
  readonly isChosen: boolean
  readonly fingerprint: string
  /** Kept with the run. */
  readonly about: { readonly [field: string]: string }
  /** How long a request may be without anybody who waits for it before it is ended. */
  readonly graceMs: number
  /** Makes the run of it; called once, and not for what is there already. */
  readonly prepare: (signal: AbortSignal) => Promise<Prepared>
}

/** One request that goes on in this process, or went on until a moment ago. */
export interface Exchange {
  readonly key: string
  readonly about: Order['about']
  /** Resolves when it is durable. Rejects when it cannot be accepted; with RequestCanceled when it was taken back before. */
  readonly accepted: Promise<Pick<RunReport, 'runId' | 'sessionKey' | 'agentId' | 'sessionId'>>
  /** Never rejects once it was accepted. */
  readonly result: Promise<RunResult>
  /** Others are answered before it. */
  isQueued (): boolean
  /** Somebody waits for it, until the signal says that nobody does; without one for as long as it takes. */
  attend (gone?: AbortSignal): void
  /** What is told after `lastId`, then what comes. The last telling is the one with which it ends. */
  follow (listener: (id: number, telling: Telling) => void, lastId?: number): () => void
}

export class RequestCanceled extends Error {}

export interface RequestReport extends Omit<RunReport, 'result' | 'runId' | 'sessionKey'> {
  readonly runId?: string
  readonly sessionKey?: string
  readonly eventCount: number
  readonly lastEventAtMs?: number
  readonly result?: RunResult
}

export type Name = Pick<Order, 'caller' | 'via' | 'key'>

export interface Requests {
  /** Throws IDEMPOTENCY_CONFLICT when the key belongs to another request, BUSY when there are too many. */
  begin (order: Order): Exchange
  /** One that is here, to go on listening to it. */
  resume (name: Name): Exchange | undefined
  report (name: Name): Promise<RequestReport | undefined>
  /** False when there is nothing to take back. */
  cancel (name: Name): Promise<boolean>
}

/** Held in this process, those that ended a moment ago included. */
const maxEntries = 4096
const maxEnded = 64
const maxEndedChars = 16 * 1024 * 1024
/** Requests that were answered with a failure, or whose caller went away, can be sent again as often. */
const maxAttempts = 50

const idOf = ({ caller, via, key }: Name): string => JSON.stringify([caller.principal, via, key])

const attemptKey = (key: string, attempt: number): string => attempt === 1 ? key : `${key}~${attempt}`

const conflict = (): GatewayError => new GatewayError('IDEMPOTENCY_CONFLICT', {
  message: 'this id was already used for another request'
})

/** Nobody got an answer: whoever sends it again wants one. */
const isUnanswered = ({ outcome, stopReason }: RunResult): boolean =>
  outcome === 'error' || outcome === 'timeout' || (outcome === 'aborted' && (stopReason === 'caller' || stopReason === 'shutdown'))

type Begun = Pick<RunReport, 'runId' | 'sessionKey' | 'agentId' | 'sessionId' | 'result'>

interface Entry {
  readonly exchange: Exchange
  readonly fingerprint: string
  readonly controller: AbortController
  readonly atMs: number
  readonly tape: Tape
  runId?: string
  settled?: RunResult
}

export function createRequests ({ runs, now }: { readonly runs: Runs, readonly now: () => number }): Requests {
  const entries = new Map<string, Entry>()
  const ended = new Map<string, Entry>()
  let endedChars = 0

  function forget (id: string, entry: Entry): void {
    if (entries.get(id) === entry) entries.delete(id)
    if (ended.delete(id)) endedChars -= entry.tape.chars()
  }

  function retire (id: string, entry: Entry, result: RunResult): void {
    entry.settled = result
    if (entries.get(id) !== entry) return
    ended.set(id, entry)
    endedChars += entry.tape.chars()
    for (const [oldId, old] of ended) {
      if (ended.size <= maxEnded && endedChars <= maxEndedChars) return
      forget(oldId, old)
    }
  }

  /** The attempt that counts: the last there is. */
  async function latest ({ caller, via, key }: Name): Promise<{ attempt: number, report: RunReport | undefined }> {
    let found: RunReport | undefined
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const report = await runs.find({ caller, via, idempotencyKey: attemptKey(key, attempt) })
      if (!report) return { attempt, report: found }
      found = report
    }
    return { attempt: maxAttempts + 1, report: found }
  }

  /** The run that answers it: one that is there, or a new one. */
  async function runOf (order: Order, controller: AbortController): Promise<Begun> {
    const { caller, via, key, fingerprint, about, isChosen } = order
    const { signal } = controller
    const { attempt, report } = isChosen ? await latest(order) : { attempt: 1 }
    if (report) {
      if (report.fingerprint !== fingerprint) throw conflict()
      const isOpen = report.state === 'running' || report.state === 'queued'
      if (isOpen || !isUnanswered(await report.result)) return report
    }
    if (attempt > maxAttempts) throw new GatewayError('BUSY', { message: `this request was tried ${maxAttempts} times; send it with a new id` })
    signal.throwIfAborted()
    const prepared = await order.prepare(signal)
    signal.throwIfAborted()
    const own = { idempotencyKey: attemptKey(key, attempt), ownTurn: true, fingerprint, about, signal }
    return await runs.start({ ...prepared, caller, via, ...own })
  }

  function createEntry (order: Order): Entry {
    const { key, about, graceMs, fingerprint } = order
    const controller = new AbortController()
    const tape = createTape(now)
    const narration = createNarration({ tell: tape.tell, now })
    const { promise: result, resolve } = Promise.withResolvers<RunResult>()
    let attendants = 0
    let timer: NodeJS.Timeout | undefined
    let place: { runId: string, sessionKey: string } | undefined

    async function accept (): Promise<Begun> {
      try {
        const run = await runOf(order, controller)
        const stop = runs.follow(run.runId, narration.hear)
        place = run
        entry.runId = run.runId
        void run.result.then(settled => {
          stop()
          clearTimeout(timer)
          narration.end(settled)
          tape.end()
          retire(idOf(order), entry, settled)
          resolve(settled)
        })
        return run
      } catch (error) {
        clearTimeout(timer)
        forget(idOf(order), entry)
        throw controller.signal.aborted ? new RequestCanceled('the request was taken back', { cause: error }) : error
      }
    }

    const leave = (): void => {
      if (--attendants > 0 || entry.settled) return
      const end = (): void => controller.abort(new Error('nobody waits for the reply any more'))
      if (graceMs > 0) timer = setTimeout(end, graceMs).unref()
      else end()
    }
    const exchange: Exchange = {
      key,
      about,
      accepted: Promise.resolve().then(accept),
      result,
      isQueued: () => place !== undefined && runs.pending(place.sessionKey).some(({ runId }) => runId === place!.runId),
      attend (gone) {
        attendants++
        clearTimeout(timer)
        if (gone?.aborted) leave()
        else gone?.addEventListener('abort', leave, { once: true })
      },
      follow: tape.follow
    }
    // Whoever began it hears of it; nobody else has to.
    exchange.accepted.catch(() => {})
    const entry: Entry = { exchange, fingerprint, controller, tape, atMs: now() }
    return entry
  }

  return {
    begin (order) {
      const id = idOf(order)
      const here = entries.get(id)
      if (here && here.fingerprint !== order.fingerprint) throw conflict()
      if (here && !(here.settled && isUnanswered(here.settled))) return here.exchange
      if (here) forget(id, here)
      if (entries.size - ended.size >= maxEntries) throw new GatewayError('BUSY', { message: `${maxEntries} requests are under way` })
      const entry = createEntry(order)
      entries.set(id, entry)
      return entry.exchange
    },
    resume: name => entries.get(idOf(name))?.exchange,
    async report (name) {
      const entry = entries.get(idOf(name))
      const lastEventAtMs = entry?.tape.lastAtMs()
      const told = { eventCount: entry?.tape.count() ?? 0, ...(lastEventAtMs === undefined ? {} : { lastEventAtMs }) }
      const { report } = await latest(name)
      if (report && (!entry || entry.runId === report.runId)) {
        const isOpen = report.state === 'running' || report.state === 'queued'
        const { result, ...facts } = report
        return { ...facts, ...told, ...(isOpen ? {} : { result: await result }) }
      }
      if (!entry) return undefined
      const { exchange: { about }, fingerprint, atMs } = entry
      return { agentId: '', sessionId: '', acceptedAtMs: atMs, state: 'queued', fingerprint, about, ...told }
    },
    async cancel (name) {
      const entry = entries.get(idOf(name))
      if (entry && !entry.settled && entry.runId === undefined) {
        entry.controller.abort(new RequestCanceled('canceled'))
        return true
      }
      const { report } = await latest(name)
      if (!report) return false
      const { runIds } = await runs.abort({ runId: report.runId, origin: 'cancel' })
      return runIds.length > 0
    }
  }
}
