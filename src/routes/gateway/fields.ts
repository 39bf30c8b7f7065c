/** What a message says about itself: read as the wire allows (missing and null are empty, names in any case), and within bounds. */
import { GatewayError } from '../../protocol/errors.ts'

export type Json = { readonly [field: string]: unknown }

export interface MessageFields {
  readonly channel: string
  readonly from: string
  readonly thread: string
  readonly messageId: string
  readonly text: string
  /** Who it is: `user_id`, else `from`. */
  readonly user: string
  readonly sessionId: string
  readonly requestId: string
  readonly model: string
  readonly systemPrompt: string
  readonly lateContext: string
  readonly parts: readonly Json[]
  /** The run goes on when its caller is gone. */
  readonly detach: boolean
  readonly stream: { readonly progressAfterText: boolean, readonly queueEvents: boolean }
}

const maxIdChars = 512
const maxPromptChars = 100_000

export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

export const invalid = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })

export function decode (text: string): unknown {
  if (text.trim() === '') throw invalid('decode json: EOF')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid(`decode json: ${(error as Error).message.slice(0, 200)}`)
  }
}

/** The named fields of an object, whatever the case of their names; what is null is not there. */
export function fold (value: unknown, where: string): Json {
  if (value === null || value === undefined) return {}
  if (!isObject(value)) throw invalid(`decode json: ${where} must be an object`)
  const folded: { [field: string]: unknown } = Object.create(null) as {}
  for (const [name, field] of Object.entries(value)) if (field !== null) folded[name.toLowerCase()] = field
  return folded
}

export function textIn (fields: Json, name: string): string {
  const value = fields[name] ?? ''
  if (typeof value !== 'string') throw invalid(`decode json: ${name} must be a string`)
  return value.trim()
}

function idIn (fields: Json, name: string): string {
  const id = textIn(fields, name)
  if (id.length > maxIdChars) throw invalid(`${name} is longer than ${maxIdChars} characters`)
  return id
}

function promptIn (fields: Json, name: string): string {
  const prompt = textIn(fields, name)
  if (prompt.length > maxPromptChars) throw invalid(`${name} is longer than ${maxPromptChars} characters`)
  return prompt
}

export function flagIn (fields: Json, name: string): boolean {
  const value = fields[name] ?? false
  if (typeof value !== 'boolean') throw invalid(`decode json: ${name} must be true or false`)
  return value
}

function partsIn (fields: Json): Json[] {
  const parts = fields.content_parts ?? []
  if (!Array.isArray(parts)) throw invalid('decode json: content_parts must be an array')
  return parts.map((part: unknown) => fold(part, 'content_parts'))
}

export function messageFields (body: unknown): MessageFields {
  const fields = fold(body, 'the body')
  const options = fold(fields.stream_options, 'stream_options')
  fold(fields.extensions, 'extensions')
  const from = idIn(fields, 'from')
  idIn(fields, 'to')
  return {
    channel: idIn(fields, 'channel') || 'http',
    from,
    thread: idIn(fields, 'thread'),
    messageId: idIn(fields, 'message_id'),
    text: textIn(fields, 'text'),
    user: idIn(fields, 'user_id') || from,
    sessionId: idIn(fields, 'session_id'),
    requestId: idIn(fields, 'request_id'),
    model: idIn(fields, 'model'),
    systemPrompt: promptIn(fields, 'request_system_prompt'),
    lateContext: promptIn(fields, 'request_late_context_prompt'),
    parts: partsIn(fields),
    detach: flagIn(fields, 'detach'),
    stream: { progressAfterText: flagIn(options, 'progress_after_text_delta'), queueEvents: flagIn(options, 'queue_events') }
  }
}

/** The id that status and cancel ask about. */
export function requestIdOf (body: unknown): string {
  const id = idIn(fold(body, 'the body'), 'request_id')
  if (id === '') throw invalid('missing request_id')
  return id
}
