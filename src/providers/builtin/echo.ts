/**
 * The model that needs no credential and no network: it repeats what was said, calls the tools that it is told to call, and says
 * that it is a demonstration. Its directives are in the README of this room.
 */
import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { Message, ToolCallPart } from '../../protocol/transcript.ts'
import { ProviderError, type StepEvent, type StepRequest, type StepResult, type Transport } from '../model.ts'
import { createWordCount, type WordCount } from './word-count.ts'
import { readEchoScript, type EchoScript } from './echo-script.ts'

export const echoPrefix = 'Echo, a demonstration (no model is configured): '

/** Words after which others get their turn. */
const wordsPerTurn = 256

type Tell = (event: StepEvent) => void

export function createEcho (): Transport {
  const count = createWordCount()
  return { step: async (_model, request, tell) => await answer(request, tell, count) }
}

async function answer (request: StepRequest, tell: Tell, count: WordCount): Promise<StepResult> {
  if (request.signal.aborted) throw aborted(false)
  const results = resultsAtTheEnd(request.messages)
  const script = scriptOf(request.messages)
  const calls = results === undefined && request.toolChoice !== 'none' ? script.calls.map(asCall) : []
  // With both, the tools run first and the failure follows their results.
  const failing = calls.length === 0 ? script.failure : undefined
  const content: Array<StepResult['content'][number]> = []
  if (script.thinking && results === undefined) {
    tell({ type: 'thinking', delta: script.thinking })
    content.push({ type: 'thinking', thinking: script.thinking })
  }
  const limit = failing?.afterWords ?? request.maxOutputTokens ?? Infinity
  const said = calls.length > 0 || limit === 0 ? '' : reply(request, script, results)
  const { text, words, cut } = await speak(said, limit, script.delayMs, request.signal, tell)
  if (text !== '') content.push({ type: 'text', text })
  if (failing) throw failure(failing.kind, words > 0)
  for (const call of calls) tell({ type: 'tool-call', call })
  const input = count.request(request)
  return {
    content: [...content, ...calls],
    stopReason: calls.length > 0 ? 'toolUse' : cut ? 'length' : 'stop',
    usage: { input, output: words, cacheRead: 0, cacheWrite: 0, totalTokens: input + words }
  }
}

const asCall = ({ name, arguments: given }: EchoScript['calls'][number]): ToolCallPart =>
  ({ type: 'toolCall', id: `call_${randomUUID()}`, name, arguments: given })

const aborted = (partial: boolean): ProviderError => new ProviderError('aborted', 'The echo model was told to stop.', { partial })

const failure = (kind: ProviderError['kind'], partial: boolean): ProviderError =>
  new ProviderError(kind, `The echo model fails because the message says /fail ${kind}.`, { partial })

interface Spoken { readonly text: string, readonly words: number, readonly cut: boolean }

/** Tells the words one by one, with the delay that was asked for between them and none otherwise. */
async function speak (said: string, limit: number, delayMs: number, signal: AbortSignal, tell: Tell): Promise<Spoken> {
  const pieces = said.match(/\s*\S+/g) ?? []
  let text = ''
  let words = 0
  for (const piece of pieces) {
    if (words >= limit) return { text, words, cut: true }
    if (delayMs > 0) await delay(delayMs, undefined, { signal }).catch(() => {})
    else if (words > 0 && words % wordsPerTurn === 0) await nextTurn()
    if (signal.aborted) throw aborted(words > 0)
    text += piece
    words += 1
    tell({ type: 'text', delta: piece })
  }
  return { text, words, cut: false }
}

/** What it is asked to say when nothing is to be done: nothing ever is, and people would read a question that they did not ask. */
const silentWord = /\breply (HEARTBEAT_OK)\.?$/

function reply (request: StepRequest, script: EchoScript, results: string | undefined): string {
  const [, silence] = silentWord.exec(script.text) ?? []
  if (silence !== undefined && results === undefined && request.json === undefined) return silence
  const numbered = script.words === undefined ? undefined : Array.from({ length: script.words }, (_, index) => `word${index + 1}`).join(' ')
  const body = [results, ...script.complaints, numbered, script.text].filter(Boolean).join('\n')
  if (request.json !== undefined) return JSON.stringify({ demonstration: true, echo: body })
  return stopAt(echoPrefix + body, request.stop)
}

function stopAt (text: string, stop: readonly string[] | undefined): string {
  const places = (stop ?? []).map(word => text.indexOf(word)).filter(place => place >= 0)
  return text.slice(0, Math.min(text.length, ...places))
}

const textOf = (content: Message['content']): string => typeof content === 'string'
  ? content
  : content.map(part => part.type === 'text' ? part.text : part.type === 'image' ? `[image ${part.mimeType}]` : '').filter(Boolean).join('\n')

/** Messages that one reply repeats at most. */
const mostRepeated = 100

/** The orders of the last message, and the words of those that came with it, as several do that are written while a run goes on. */
function scriptOf (messages: readonly Message[]): EchoScript {
  const script = readEchoScript(lastUserText(messages))
  const spoke = messages.findLastIndex(({ role }) => role !== 'user')
  // Without a key it is no message of anybody, but a summary or a note.
  const together = messages.slice(spoke + 1, -1).filter(message => message.role === 'user' && message.idempotencyKey !== undefined)
  const scripts = together.slice(-mostRepeated).map(({ content }) => readEchoScript(textOf(content)))
  // What failed is over.
  const words = scripts.filter(({ failure }) => failure === undefined).map(({ text }) => text)
  return { ...script, text: [...words, script.text].filter(Boolean).join('\n') }
}

function lastUserText (messages: readonly Message[]): string {
  const last = messages.findLast(message => message.role === 'user')
  return last ? textOf(last.content) : ''
}

/** What the tools of the last step gave; undefined when the conversation does not end with results. */
function resultsAtTheEnd (messages: readonly Message[]): string | undefined {
  const after = messages.findLastIndex(message => message.role !== 'toolResult') + 1
  if (after === messages.length) return undefined
  return messages.slice(after)
    .map(message => message.role === 'toolResult' ? `${message.toolName} ${message.isError ? 'failed' : 'answered'}: ${textOf(message.content)}` : '')
    .join('\n')
}
