/** A run as a story for programs: what happens, in the order in which it happens, each thing once. */
import { createPace } from '../../agent/pace.ts'
import { visibleReply } from '../../agent/replies.ts'
import type { RunEvent, RunResult } from '../../agent/room.ts'
import { progressOf, type Progress } from './progress.ts'

/** One event of the story; the other fields are its data. */
export interface Telling {
  readonly type: string
  /** Told after the reply began, when strict readers expect nothing but text. */
  readonly isLate?: true
  readonly data: { readonly [field: string]: unknown }
}

export interface Narration {
  hear (event: RunEvent): void
  end (result: RunResult): void
}

export interface NarrationOptions {
  readonly tell: (telling: Telling) => void
  readonly now: () => number
}

/** Deltas that come faster are told together: what people see of a reply is worked out from the whole of it. */
const paceMs = 20

const preparing: Progress = { stage: 'preparing', summary: 'Preparing request' }
const summarizing: Progress = { stage: 'summarizing', summary: 'Preparing final answer' }

/** The run goes on when the gateway is back. */
const restarting = { kind: 'unavailable', message: 'the gateway is restarting; send the request again with the same id to hear how it ends' }

const textOf = (value: unknown): string => typeof value === 'string' ? value : ''

export function createNarration ({ tell, now }: NarrationOptions): Narration {
  let startedAtMs: number | undefined
  let item: unknown
  /** What the current message says, what of it was told, and whether anything was told of the final one. */
  let said = ''
  let told = ''
  let thought = ''
  let hasText = false
  let lastProgress = ''
  let lastPublic = ''
  let openCall: string | undefined

  const pace = createPace(paceMs, tellText)

  function tellText (): void {
    const shown = visibleReply(said, false)
    if (!shown.startsWith(told) || shown.length === told.length) return
    const delta = shown.slice(told.length)
    told = shown
    hasText = true
    tell({ type: 'message.delta', data: { delta } })
  }

  function progress (what: Progress): void {
    const mark = JSON.stringify(what)
    if (mark === lastProgress) return
    lastProgress = mark
    const { stage, summary, ...tool } = what
    tell({
      type: 'run.progress', ...(hasText ? { isLate: true } : {}), data: { stage, summary, ...tool, elapsedMs: now() - startedAtMs! }
    })
  }

  function start (): void {
    if (startedAtMs !== undefined) return
    startedAtMs = now()
    tell({ type: 'run.started', data: {} })
    progress(preparing)
  }

  function endThought (): void {
    if (thought === '') return
    tell({ type: 'thought.completed', data: { reply: thought } })
    thought = ''
  }

  function assistant ({ itemId, text }: RunEvent['data']): void {
    endThought()
    if (itemId !== item) {
      pace.flush()
      item = itemId
      told = ''
    }
    said = textOf(text)
    pace.more(told === '')
  }

  /** Words that go with a call are no part of the reply. */
  function endPublic (): void {
    pace.flush()
    const reply = visibleReply(said, true).trim()
    said = told = ''
    if (reply === '' || reply === lastPublic) return
    lastPublic = reply
    tell({ type: 'public.completed', data: { reply } })
  }

  function tool ({ phase, name, toolCallId, args }: RunEvent['data']): void {
    const id = textOf(toolCallId)
    if (phase === 'start') {
      endThought()
      endPublic()
      if (openCall !== undefined) return
      openCall = id
      progress({ ...progressOf(textOf(name), args), toolCallId: id, toolStatus: 'running' })
    } else if (phase === 'result' && id === openCall) {
      openCall = undefined
      progress({ ...summarizing, toolName: textOf(name), toolCallId: id, toolStatus: 'completed' })
    }
  }

  return {
    hear ({ stream, data }) {
      if (stream === 'lifecycle' && data.phase === 'start') return start()
      if (stream !== 'assistant' && stream !== 'thinking' && stream !== 'tool') return
      start()
      if (stream === 'assistant') assistant(data)
      else if (stream === 'tool') tool(data)
      else {
        thought = textOf(data.text)
        tell({ type: 'thought.delta', data: { delta: textOf(data.delta) } })
      }
    },
    end ({ outcome, stopReason, text, usage, error }) {
      pace.cancel()
      if (outcome === 'aborted' && stopReason !== 'shutdown') return tell({ type: 'run.canceled', data: { stopReason } })
      start()
      endThought()
      if (outcome !== 'ok') return tell({ type: 'run.error', data: { error: error ?? restarting } })
      const isContinued = text.startsWith(told)
      const rest = told === '' ? text : isContinued ? text.slice(told.length) : ''
      if (rest !== '') tell({ type: 'message.delta', data: { delta: rest } })
      tell({ type: 'message.completed', data: { reply: text, usage } })
      tell({ type: 'run.completed', data: { usage } })
    }
  }
}
