/** What waits for the agent of each session, and in which order it is taken up: one run at a time for one session. */
import { randomUUID } from 'node:crypto'
import { leftUntil } from '../lib/clock.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { StoreOp } from '../store/store.ts'
import type { RunContext } from './context.ts'
import { combined, historyOf, inputOf, linesOf, shortened } from './messages.ts'
import { isSamePlace, placePatch } from './outbox.ts'
import { isPiece, piecesOf, quietUntilMs } from './pieces.ts'
import { Run } from './run.ts'
import { answeredRow, claimOf, keptOf, optionsOf, settledRow, type StoredInput } from './stored-run.ts'

export interface Inbox {
  readonly key: string
  active: Run | undefined
  readonly queue: Run[]
  /** Until when collected messages may still grow in number. */
  quietUntilMs: number
  timer: NodeJS.Timeout | undefined
}

export interface InboxesOptions {
  readonly context: RunContext
  /** The run is durable and its turn has come. */
  readonly launch: (run: Run, inbox: Inbox) => void
  readonly onExecution: (run: Run) => void
  readonly onDropped: (run: Run) => void
  readonly halted: () => boolean
}

export interface Inboxes {
  /** Durable when it resolves; the run goes on by itself from there. */
  accept (run: Run): Promise<void>
  /** One that an earlier process left: its row is in the store already. */
  restore (run: Run): void
  /** The active run is over. */
  release (inbox: Inbox): void
  /** Takes a waiting run out. False when it does not wait. */
  withdraw (run: Run): boolean
  get (key: string): Inbox | undefined
  all (): IterableIterator<Inbox>
}

const retryMs = 1000

export function createInboxes ({ context, launch, onExecution, onDropped, halted }: InboxesOptions): Inboxes {
  const { sessions, store, now, log } = context
  const inboxes = new Map<string, Inbox>()
  const queueSettings = () => context.config().config.messages.queue

  function inboxOf (key: string): Inbox {
    let inbox = inboxes.get(key)
    if (!inbox) inboxes.set(key, inbox = { key, active: undefined, queue: [], quietUntilMs: 0, timer: undefined })
    return inbox
  }

  /** Message, row of the run and row of the session in one commit: from here on the run cannot be lost. */
  async function activate (run: Run, input: StoredInput | undefined, more: StoreOp[] = []): Promise<void> {
    const startedAt = now()
    const options = optionsOf(run.request)
    const attempts = run.row?.attempts
    run.row = {
      agentId: run.agentId,
      sessionId: run.sessionId,
      via: run.request.via,
      state: 'running',
      mode: run.mode,
      ...(options ? { options } : {}),
      ...keptOf(run.request),
      ...(run.row?.effects ? { effects: true } : {}),
      ...(attempts === undefined ? {} : { attempts })
    }
    if (run.request.fleeting) {
      run.sessionId = run.id
      return
    }
    const history = sessions.get(run.key) ? [] : historyOf(run.request)
    const written = await sessions.write(run.key, {
      lines: [...history.map(message => ({ type: 'message' as const, message, runId: run.id })), ...input ? linesOf(input, startedAt, run.id) : []],
      patch: { status: 'running', startedAt, lastActivityAt: startedAt, ...(run.recovered ? {} : { lastInteractionAt: startedAt }), ...placePatch(run.request) },
      ops: [...run.ops(run.row, true), ...more],
      create: { createdVia: createdVia(run.request.via), ...(run.request.spawnedBy ? { spawnedBy: run.request.spawnedBy } : {}) },
      reason: 'agent.run.started',
      phase: 'start',
      runId: run.id
    })
    run.sessionId = written.record.sessionId
    run.row = { ...run.row, sessionId: run.sessionId }
  }

  async function beginAtOnce (run: Run, inbox: Inbox): Promise<void> {
    inbox.active = run
    try {
      if (run.request.via !== 'cron' && sessions.get(run.key)) await sessions.rollOver(run.key)
      await activate(run, inputOf(run.request))
    } catch (error) {
      release(inbox)
      throw error
    }
    launch(run, inbox)
  }

  /** Makes room for one more, or says that there is none. */
  function giveWay (inbox: Inbox, newcomer: Run): Run | undefined {
    const { cap, drop } = queueSettings()
    if (inbox.queue.length < cap) return undefined
    const oldest = drop === 'new' || newcomer.mode === 'own' ? undefined : inbox.queue.find(run => run.mode !== 'own' && run.state === 'queued')
    if (oldest) return oldest
    throw new GatewayError('BUSY', {
      message: `${inbox.queue.length} messages are waiting in this session already`,
      details: { sessionKey: inbox.key, cap },
      retryAfterMs: 2000
    })
  }

  async function enqueue (run: Run, inbox: Inbox): Promise<void> {
    const leaving = giveWay(inbox, run)
    const overflow = leaving && queueSettings().drop === 'summarize'
      ? [...leaving.row?.input?.overflow ?? [], shortened(leaving.request.message)].slice(-queueSettings().cap)
      : undefined
    const options = optionsOf(run.request)
    const sessionId = sessions.get(run.key)?.sessionId ?? ''
    run.row = {
      agentId: run.agentId,
      sessionId,
      via: run.request.via,
      state: 'queued',
      mode: run.mode,
      input: { ...inputOf(run.request), ...(overflow ? { overflow } : {}) },
      ...(options ? { options } : {}),
      ...keptOf(run.request)
    }
    run.sessionId = sessionId
    const ops = run.ops(run.row, true)
    if (leaving) {
      leaving.state = 'committing'
      const result = leaving.ended({ outcome: 'aborted', endedAtMs: now(), stopReason: 'dropped' })
      ops.push(...leaving.ops(settledRow(leaving.row!, result), false))
    }
    if (run.mode === 'interrupt' && !isPiece(run)) inbox.queue.unshift(run)
    else inbox.queue.push(run)
    const { cap, debounceMs } = queueSettings()
    if (isPiece(run)) inbox.quietUntilMs = quietUntilMs(inbox.queue, cap, now())
    else if (run.mode === 'collect') inbox.quietUntilMs = now() + debounceMs
    run.accepted = ops.length > 0 ? store.commit(ops) : Promise.resolve()
    try {
      await run.accepted
    } catch (error) {
      if (leaving) leaving.state = 'queued'
      remove(inbox, run)
      throw error
    }
    run.state = 'queued'
    if (leaving) {
      remove(inbox, leaving)
      onDropped(leaving)
    }
  }

  function remove (inbox: Inbox, run: Run): boolean {
    const index = inbox.queue.indexOf(run)
    if (index < 0) return false
    inbox.queue.splice(index, 1)
    return true
  }

  /** Those that are answered together: collected messages in a row, else one. */
  function nextGroup ({ queue }: Inbox): Run[] {
    const [first] = queue as [Run, ...Run[]]
    if (isPiece(first)) return piecesOf(queue)
    if (first.mode !== 'collect') return [first]
    const end = queue.findIndex(({ mode, request: { deliver } }) => mode !== 'collect' || !isSamePlace(deliver, first.request.deliver))
    return queue.slice(0, end < 0 ? undefined : end)
  }

  function execution (inbox: Inbox, group: readonly Run[]): Run {
    const [first] = group as [Run, ...Run[]]
    if (group.length === 1 && (first.mode === 'own' || first.mode === 'interrupt' || first.row?.state === 'running')) return first
    const id = randomUUID()
    const run = new Run({
      id,
      claim: claimOf('gateway', 'execution', id),
      key: inbox.key,
      agentId: first.agentId,
      request: first.request,
      atMs: now(),
      mode: first.mode
    })
    run.sessionId = first.sessionId
    run.leavesNoTrace = first.leavesNoTrace
    run.keyId = first.keyId
    run.answers = group
    return run
  }

  async function takeUp (inbox: Inbox): Promise<void> {
    const waiting = nextGroup(inbox)
    const run = execution(inbox, waiting)
    inbox.active = run
    inbox.queue.splice(0, waiting.length)
    await Promise.allSettled(waiting.map(({ accepted }) => accepted))
    const group = waiting.filter(({ state }) => state === 'queued')
    if (group.length === 0) return release(inbox)
    run.answers = run.answers.filter(input => group.includes(input))
    for (const input of group) if (input !== run) input.state = 'committing'
    const inputs = group.map(({ row }) => row?.input).filter(input => input !== undefined)
    try {
      // Whatever comes first after a while begins the conversation anew where it should; others stand behind something that has done so.
      if (isPiece(group[0]!) && sessions.get(run.key)) await sessions.rollOver(run.key)
      await activate(run, inputs.length > 0 ? combined(inputs) : undefined,
        run.answers.flatMap(input => input.ops(answeredRow(input.row!, run.id, now()), false)))
    } catch (err) {
      log.warn({ err, sessionKey: inbox.key, retryMs }, 'a waiting message could not be taken up; trying again')
      for (const input of group) input.state = 'queued'
      inbox.queue.unshift(...group)
      inbox.timer = setTimeout(() => release(inbox), retryMs)
      return
    }
    if (run.answers.length > 0) onExecution(run)
    launch(run, inbox)
  }

  function release (inbox: Inbox): void {
    clearTimeout(inbox.timer)
    inbox.timer = undefined
    inbox.active = undefined
    if (inbox.queue.length === 0) {
      inboxes.delete(inbox.key)
      return
    }
    if (halted()) return
    const [next] = inbox.queue as [Run, ...Run[]]
    const longestMs = next.request.quietMs ?? queueSettings().debounceMs
    const quietMs = next.mode === 'collect' || isPiece(next) ? leftUntil(inbox.quietUntilMs, longestMs, now()) : 0
    if (quietMs > 0) inbox.timer = setTimeout(() => release(inbox), quietMs)
    else void takeUp(inbox)
  }

  return {
    async accept (run) {
      const inbox = inboxOf(run.key)
      const waits = (run.request.quietMs ?? 0) > 0
      if (!inbox.active && inbox.queue.length === 0 && !waits) return beginAtOnce(run, inbox)
      if (run.mode === 'interrupt') run.interrupted = inbox.active?.end({ kind: 'aborted', origin: 'interrupt' }) ?? false
      await enqueue(run, inbox)
      if (!inbox.active && (!inbox.timer || (run.mode !== 'collect' && !waits))) release(inbox)
    },
    restore (run) {
      const inbox = inboxOf(run.key)
      run.state = 'queued'
      inbox.queue.push(run)
      if (!inbox.active) release(inbox)
    },
    release,
    withdraw (run) {
      const inbox = inboxes.get(run.key)
      return run.state === 'queued' && inbox !== undefined && remove(inbox, run)
    },
    get: key => inboxes.get(key),
    all: () => inboxes.values()
  }
}

const vias: { readonly [via: string]: string } = { channel: 'channel', cron: 'cron', spawn: 'spawn', heartbeat: 'internal' }
const createdVia = (via: string): string => vias[via] ?? 'operator'
