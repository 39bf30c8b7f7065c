/** Everything that a run says while it goes on: numbered, paced, and ended once. */
import type { EventOptions } from '../events/bus.ts'
import type { EventName } from '../protocol/events.ts'
import type { Sieve } from './outgoing.ts'
import { createPace } from './pace.ts'
import type { RunEvent } from './room.ts'

export type RunEmit = (event: EventName, payload: object, options: EventOptions & { readonly sessionKey: string }) => void
type To = Parameters<RunEmit>[2]

export interface VoiceFacts {
  readonly runId: string
  readonly sessionKey: string
  readonly agentId: string
  readonly sessionId: () => string
  readonly spawnedBy?: string
  readonly connectionId?: string
  /** Runs of chat.send tell their phases as well. */
  readonly phases: boolean
}

export interface VoiceOptions {
  readonly emit: RunEmit
  readonly now: () => number
  readonly paceMs: number
  /** What of a reply people see; empty while it may still become a silent one. */
  readonly visible: (text: string, done: boolean) => string
  /** One for each message: what does not come out of it was never said. */
  readonly sieve?: () => Sieve | undefined
}

export type ChatState =
  { readonly state: 'final' | 'aborted' | 'error', readonly [field: string]: unknown }

export interface Voice {
  status (phase: 'preparing_workspace' | 'preparing_context' | 'starting_model'): void
  lifecycle (data: { readonly phase: string, readonly [field: string]: unknown }): void
  /** Another message of the agent begins: what was said stands in the transcript. */
  nextMessage (): void
  text (delta: string): void
  thinking (delta: string): void
  tool (data: { readonly [field: string]: unknown }): void
  item (data: { readonly [field: string]: unknown }): void
  usage (outputTokens: number): void
  /** Tells what is held back. */
  flush (): void
  /** The one terminal event. What comes after it is not said. */
  terminal (chat: ChatState): void
  /** The message so far, as it may be told. */
  soFar (): string
  /** The message, which is complete. */
  said (): string
  follow (listener: (event: RunEvent) => void): () => void
}

export function createVoice (facts: VoiceFacts, { emit, now, paceMs, visible, sieve = () => undefined }: VoiceOptions): Voice {
  const { runId, sessionKey, agentId, spawnedBy } = facts
  const owner = facts.connectionId === undefined ? {} : { ownerConnectionId: facts.connectionId }
  const toSession: To = { sessionKey, ...owner }
  const toToolClients: To = { sessionKey, needsCap: 'tool-events', ...owner }
  const toChatReaders: To = { sessionKey, ...owner, series: { id: `chat ${runId}`, whole: () => chatDelta(told, true) } }
  const toTextReaders: To = { sessionKey, ...owner, series: { id: `agent ${runId}`, whole: () => agentPayload('assistant', assistantData(told, true), now()) } }
  const followers = new Set<(event: RunEvent) => void>()
  let seq = 0
  let messages = 1
  let text = ''
  let told = ''
  let thought = ''
  let toldThought = ''
  let replaces = false
  let ended = false
  let textSieve: Sieve | undefined
  let thoughtSieve: Sieve | undefined
  /** The terminal event is out: what was not told before is in it or stays untold. */
  let over = false

  const common = spawnedBy ? { runId, sessionKey, agentId, spawnedBy } : { runId, sessionKey, agentId }
  const reply = (content: string): object => ({ role: 'assistant', content: [{ type: 'text', text: content }], timestamp: now() })
  const chatDelta = (deltaText: string, replace: boolean): object =>
    ({ ...common, seq, state: 'delta', deltaText, ...(replace ? { replace: true } : {}), message: reply(told) })

  function tellFollowers (name: RunEvent['stream'], data: RunEvent['data'], ts: number): void {
    for (const follower of followers) follower({ runId, sessionKey, agentId, seq, stream: name, data, ts })
  }

  const toThoughtReaders: To = {
    sessionKey, ...owner, series: { id: `thought ${runId}`, whole: () => agentPayload('thinking', { text: thought, delta: thought, replace: true }, now()) }
  }
  const assistantData = (delta: string, replace: boolean) => ({ text: told, delta, itemId: `${runId}:${messages}`, ...(replace ? { replace: true } : {}) })

  const agentPayload = (name: RunEvent['stream'], data: object, ts: number): object => ({
    runId,
    stream: name,
    data,
    sessionKey,
    ...(name === 'lifecycle' ? { sessionId: facts.sessionId() } : {}),
    agentId,
    seq,
    ts,
    isHeartbeat: false,
    ...(spawnedBy ? { spawnedBy } : {})
  })

  function agent (name: RunEvent['stream'], data: { readonly [field: string]: unknown }, to = toSession): void {
    const ts = now()
    emit('agent', agentPayload(name, data, ts), to)
    if (followers.size > 0 && name !== 'assistant' && name !== 'thinking') tellFollowers(name, data, ts)
  }

  function tellText (): void {
    const shown = visible(text, ended)
    if (shown === told && !replaces) return
    const replace = replaces || !shown.startsWith(told)
    const delta = replace ? shown : shown.slice(told.length)
    if (shown === '' && !replace) return
    told = shown
    replaces = false
    agent('assistant', assistantData(delta, replace), toTextReaders)
    emit('chat', chatDelta(delta, replace), toChatReaders)
  }

  function tellThought (): void {
    const delta = thought.slice(toldThought.length)
    toldThought = thought
    if (delta !== '') agent('thinking', { text: thought, delta }, toThoughtReaders)
  }

  function say (delta: string): void {
    if (delta === '') return
    text += delta
    seq++
    if (followers.size > 0) tellFollowers('assistant', { text, delta, itemId: `${runId}:${messages}` }, now())
    thoughtPace.flush()
    textPace.more(told === '')
  }

  function think (delta: string): void {
    if (delta === '') return
    thought += delta
    seq++
    if (followers.size > 0) tellFollowers('thinking', { text: thought, delta }, now())
    thoughtPace.more(toldThought === '')
  }

  /** The message is over: what a filter has held back may come out. */
  function release (): void {
    if (!ended) think(thoughtSieve?.end() ?? '')
    const rest = textSieve?.end() ?? ''
    textSieve = thoughtSieve = undefined
    if (!ended) say(rest)
  }

  const textPace = createPace(paceMs, tellText)
  const thoughtPace = createPace(paceMs, tellThought)

  return {
    status (phase) {
      if (!facts.phases) return
      seq++
      emit('chat', { ...common, seq, state: 'status', phase }, toSession)
      agent('run_status', { phase })
    },
    lifecycle (data) {
      if (data.phase !== 'start') this.flush()
      seq++
      agent('lifecycle', data)
    },
    nextMessage () {
      release()
      this.flush()
      replaces = told !== ''
      messages++
      text = thought = toldThought = ''
    },
    text (delta) {
      if (ended || delta === '') return
      textSieve ??= sieve()
      say(textSieve ? textSieve.push(delta) : delta)
    },
    thinking (delta) {
      if (ended || delta === '') return
      thoughtSieve ??= sieve()
      think(thoughtSieve ? thoughtSieve.push(delta) : delta)
    },
    tool (data) {
      seq++
      agent('tool', data, toToolClients)
      emit('session.tool', { sessionKey, agentId, runId, seq, ts: now(), data }, toToolClients)
    },
    item (data) {
      seq++
      agent('item', data)
    },
    usage (outputTokens) {
      release()
      this.flush()
      seq++
      agent('usage', { outputTokens })
    },
    flush () {
      if (over) return
      thoughtPace.flush()
      textPace.cancel()
      if (text !== '' && text !== told) tellText()
    },
    terminal (chat) {
      if (ended) return
      release()
      ended = true
      if (chat.state === 'final') this.flush()
      over = true
      textPace.cancel()
      thoughtPace.cancel()
      const { message, ...rest } = chat
      emit('chat', { ...common, seq, ...rest, ...(typeof message === 'string' && message !== '' ? { message: reply(message) } : {}) }, toSession)
    },
    soFar: () => text,
    said () {
      release()
      return text
    },
    follow (listener) {
      followers.add(listener)
      return () => { followers.delete(listener) }
    }
  }
}
