/** One answer, streamed or whole, as the result of a step. */
import type { TextPart, ThinkingPart, ToolCallPart } from '../../protocol/transcript.ts'
import { normalUsage, type ReportedUsage } from '../cost.ts'
import { ProviderError, type ProviderSettings, type StepEvent, type StepResult } from '../model.ts'
import type { AnswerReader } from './connection.ts'
import { createEventReader, maxEventCharacters } from './event-stream.ts'
import { failureOf, readError } from './failure.ts'
import { createToolCalls, type CallDelta, type ToolCallAssembly } from './tool-calls.ts'

export interface Answer extends AnswerReader {
  result (): StepResult
}

/** What servers send; every field may be missing or of another type. */
interface Delta {
  readonly content?: unknown
  readonly reasoning_content?: unknown
  readonly reasoning?: unknown
  readonly refusal?: unknown
  readonly tool_calls?: unknown
  readonly function_call?: CallDelta['function']
}
interface Choice { readonly delta?: Delta, readonly message?: Delta, readonly finish_reason?: unknown, readonly usage?: unknown }
interface Chunk {
  readonly id?: unknown
  readonly model?: unknown
  readonly choices?: unknown
  readonly usage?: unknown
  readonly error?: unknown
  readonly x_groq?: { readonly usage?: unknown }
}

type Tell = (event: StepEvent) => void

export function createAnswer (settings: ProviderSettings, tell: Tell): Answer {
  const message = createMessage(settings, tell)
  /** What the answer turned out to be, by its first character. */
  let form: 'unknown' | 'events' | 'whole' = 'unknown'
  let whole = ''
  let done = false
  const read = (data: string): void => {
    if (done) return
    if (data.trimEnd() === '[DONE]') done = true
    else if (data !== '') message.add(parse(settings, data, message.partial()))
  }
  const reader = createEventReader(read)
  return {
    text (piece) {
      if (form === 'unknown') form = formOf(whole + piece)
      if (form !== 'events') {
        whole += piece
        if (whole.length > maxEventCharacters) throw tooLong(settings, false)
        return 'more'
      }
      const fits = reader.feed(whole === '' ? piece : whole + piece)
      whole = ''
      if (!fits) throw tooLong(settings, message.partial())
      return done ? 'done' : 'more'
    },
    end (complete) {
      if (form === 'whole') readWhole(settings, whole, complete, read)
      else reader.end()
      if (!message.isBegun()) throw nothingUsable(settings, whole, complete)
      // Whoever says that he is done, or sends one whole object, may leave the reason out.
      if (!message.isFinished() && !(complete && (done || form === 'whole'))) throw cutOff(settings, message.partial())
      message.finish()
    },
    result: () => message.result()
  }
}

/** A server that does not stream answers with one JSON object. */
function formOf (text: string): 'unknown' | 'events' | 'whole' {
  const first = text.trimStart()[0]
  return first === undefined ? 'unknown' : first === '{' || first === '[' || first === '<' ? 'whole' : 'events'
}

function readWhole (settings: ProviderSettings, whole: string, complete: boolean, read: (data: string) => void): void {
  if (!complete) throw cutOff(settings, false)
  if (!whole.trimStart().startsWith('<')) read(whole)
}

function parse (settings: ProviderSettings, data: string, partial: boolean): Chunk {
  try {
    const value: unknown = JSON.parse(data)
    if (typeof value === 'object' && value !== null) return (Array.isArray(value) ? value[0] ?? {} : value) as Chunk
  } catch { /* said below */ }
  const text = `${settings.id} sent something that is no JSON: ${JSON.stringify(data.slice(0, 120))}.`
  throw new ProviderError('server_error', text, { partial })
}

const tooLong = ({ id }: ProviderSettings, partial: boolean): ProviderError =>
  new ProviderError('server_error', `${id} sent an event of more than ${maxEventCharacters} characters.`, { partial })

const cutOff = ({ id }: ProviderSettings, partial: boolean): ProviderError =>
  new ProviderError('network', `${id} broke off before its answer was complete. Try again; if it stays so, look at the log of the server.`, { partial })

function nothingUsable (settings: ProviderSettings, whole: string, complete: boolean): ProviderError {
  if (!complete) return cutOff(settings, false)
  const page = whole.trimStart().startsWith('<') ? 'a page of HTML' : whole === '' ? 'nothing' : 'other JSON'
  return new ProviderError('format', `${settings.id} answered with ${page} instead of a completion. Check models.providers.${settings.id}.baseUrl.`)
}

interface MessageAssembly {
  add (chunk: Chunk): void
  /** Something was told. */
  partial (): boolean
  /** The server made a choice, which errors and pages do not. */
  isBegun (): boolean
  isFinished (): boolean
  /** Tells the tool calls, which are known only when they are complete. */
  finish (): void
  result (): StepResult
}

function createMessage (settings: ProviderSettings, tell: Tell): MessageAssembly {
  const speech = createSpeech(tell)
  let isBegun = false
  let finishReason = ''
  let ending: Ending = { calls: [], stopReason: 'stop' }
  let usage: ReportedUsage | undefined
  let responseId: string | undefined
  let responseModel: string | undefined
  const partial = (): boolean => speech.text() !== ''
  return {
    partial,
    isBegun: () => isBegun,
    isFinished: () => finishReason !== '',
    add (chunk) {
      if (chunk.error !== undefined && chunk.error !== null) throw failureOf(settings, { said: readError(chunk), partial: partial() })
      if (responseId === undefined && typeof chunk.id === 'string' && chunk.id !== '') responseId = chunk.id
      if (responseModel === undefined && typeof chunk.model === 'string' && chunk.model !== '') responseModel = chunk.model
      const choice = (Array.isArray(chunk.choices) ? chunk.choices[0] : undefined) as Choice | undefined
      isBegun ||= choice !== undefined
      usage = readUsage(chunk.usage ?? choice?.usage ?? chunk.x_groq?.usage) ?? usage
      const delta = choice?.delta ?? choice?.message
      if (delta) readDelta(delta, speech)
      if (typeof choice?.finish_reason === 'string') finishReason = choice.finish_reason
    },
    finish () {
      ending = conclude(settings, finishReason, speech.calls, partial())
      for (const call of ending.calls) tell({ type: 'tool-call', call })
    },
    result: () => ({
      content: contentOf(speech.thinking(), speech.text(), ending.calls),
      stopReason: ending.stopReason,
      usage: normalUsage(usage ?? {}),
      ...(responseId === undefined ? {} : { responseId }),
      ...(responseModel === undefined ? {} : { responseModel })
    })
  }
}

interface Speech extends DeltaParts {
  readonly calls: ToolCallAssembly
  text (): string
  thinking (): string
}

/** What was said so far, told as it comes. */
function createSpeech (tell: Tell): Speech {
  const calls = createToolCalls()
  let text = ''
  let thinking = ''
  return {
    calls,
    text: () => text,
    thinking: () => thinking,
    think (delta) {
      thinking += delta
      tell({ type: 'thinking', delta })
    },
    speak (delta) {
      text += delta
      tell({ type: 'text', delta })
    },
    call: delta => calls.add(delta)
  }
}

interface Ending { readonly calls: readonly ToolCallPart[], readonly stopReason: StepResult['stopReason'] }

function conclude (settings: ProviderSettings, reason: string, assembly: ToolCallAssembly, partial: boolean): Ending {
  if (reason === 'content_filter' || reason === 'error') throw stopped(settings, reason, partial)
  const { calls, invalid } = assembly.finish()
  const isCut = /^(length|max_tokens|max_output_tokens|model_length)$/.test(reason)
  // A call that the limit cut in two is not made; otherwise its text is what went wrong.
  if (invalid.length > 0 && !isCut) throw badCall(settings, invalid, partial)
  return { calls, stopReason: calls.length > 0 ? 'toolUse' : isCut ? 'length' : 'stop' }
}

const textOf = (value: unknown): string => typeof value === 'string' ? value : ''

function contentOf (thinking: string, text: string, calls: readonly ToolCallPart[]): StepResult['content'] {
  const content: Array<TextPart | ThinkingPart | ToolCallPart> = []
  if (thinking !== '') content.push({ type: 'thinking', thinking })
  if (text !== '') content.push({ type: 'text', text })
  return [...content, ...calls]
}

interface DeltaParts {
  think (delta: string): void
  speak (delta: string): void
  call (delta: CallDelta): void
}

function readDelta (delta: Delta, { think, speak, call }: DeltaParts): void {
  const thought = textOf(delta.reasoning_content) || textOf(delta.reasoning)
  if (thought !== '') think(thought)
  if (Array.isArray(delta.content)) delta.content.forEach(part => readPart(part, think, speak))
  else if (typeof delta.content === 'string' && delta.content !== '') speak(delta.content)
  const refused = textOf(delta.refusal)
  if (refused !== '') speak(refused)
  if (Array.isArray(delta.tool_calls)) delta.tool_calls.forEach(piece => call(piece ?? {}))
  else if (delta.function_call) call({ index: 0, function: delta.function_call })
}

/** Mistral sends parts where the others send text. */
function readPart (part: { type?: unknown, text?: unknown, thinking?: unknown } | null, think: DeltaParts['think'], speak: DeltaParts['speak']): void {
  if (part?.type === 'thinking') {
    const inner = Array.isArray(part.thinking) ? part.thinking.map(item => textOf(item?.text)).join('') : textOf(part.thinking)
    if (inner !== '') think(inner)
  } else if (textOf(part?.text) !== '') speak(textOf(part?.text))
}

function readUsage (given: unknown): ReportedUsage | undefined {
  if (typeof given !== 'object' || given === null) return undefined
  const usage = given as { readonly [name: string]: unknown }
  const details = (usage.prompt_tokens_details ?? {}) as { readonly [name: string]: unknown }
  return {
    prompt: usage.prompt_tokens,
    completion: usage.completion_tokens,
    cacheRead: details.cached_tokens ?? usage.prompt_cache_hit_tokens ?? usage.cached_tokens,
    cacheWrite: details.cache_write_tokens ?? usage.cache_creation_input_tokens,
    total: usage.total_tokens
  }
}

function stopped ({ id }: ProviderSettings, reason: string, partial: boolean): ProviderError {
  return reason === 'error'
    ? new ProviderError('server_error', `${id} ended its answer with an error. Try again later.`, { partial })
    : new ProviderError('refusal', `${id} withheld the answer (content filter). Put the request another way.`, { partial })
}

const badCall = ({ id }: ProviderSettings, names: readonly string[], partial: boolean): ProviderError => new ProviderError('server_error',
  `The model at ${id} called ${names.join(', ')} with arguments that are no JSON object. Try again, or use a model that can call tools.`, { partial })
