/** A call of a service that speaks JSON: its answer, or what went wrong, said in a way that tells what became of a message. */
import type { SendOutcome } from '../define-channel.ts'
import { later } from '../outcome.ts'
import { multipart, type Upload } from './multipart.ts'
import { outcomeWithoutAnswer, type RequestOptions, type Sender } from './request.ts'

export interface Json { readonly [key: string]: unknown }

export interface ServiceCall {
  readonly method: RequestOptions['method']
  readonly path: string
  readonly headers?: { readonly [name: string]: string }
  readonly json?: Json
  /** Sent as a form, together with these fields. */
  readonly upload?: Upload
  readonly fields?: Json
  /** Sent as it is. */
  readonly body?: RequestOptions['body']
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface ServiceAnswer {
  readonly status: number
  /** Undefined when the answer was no JSON object. */
  readonly json: Json | undefined
  readonly retryAfterMs: number | undefined
}

interface RefusalFacts {
  readonly outcome: 'refused' | 'later' | 'unknown'
  readonly status: number
  /** What the service calls it. */
  readonly code?: string
  readonly retryAfterMs?: number | undefined
  /** Only other settings help. */
  readonly isUnauthorized?: boolean
}

/** What was answered in place of a result. */
export class ServiceRefusal extends Error implements RefusalFacts {
  readonly outcome: RefusalFacts['outcome']
  readonly status: number
  readonly code: string
  readonly retryAfterMs: number | undefined
  readonly isUnauthorized: boolean

  constructor (message: string, { outcome, status, code = '', retryAfterMs, isUnauthorized = false }: RefusalFacts) {
    super(message)
    this.name = 'ServiceRefusal'
    this.outcome = outcome
    this.status = status
    this.code = code
    this.retryAfterMs = retryAfterMs
    this.isUnauthorized = isUnauthorized
  }
}

const maxAnswerBytes = 16 * 1024 * 1024
const longestRetryMs = 24 * 3600 * 1000

export const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Undefined where it is none. */
export function jsonIn (text: Buffer | string): unknown {
  try {
    return JSON.parse(text.toString())
  } catch {
    return undefined
  }
}

export function parseJson (text: Buffer | string): Json | undefined {
  const value = jsonIn(text)
  return isJson(value) ? value : undefined
}

/** Never longer than a day, whatever a service says. */
export const boundedRetryMs = (ms: number): number | undefined =>
  Number.isFinite(ms) && ms >= 0 ? Math.min(longestRetryMs, Math.round(ms)) : undefined

const bodyOf = ({ json, upload, fields, body }: ServiceCall): RequestOptions['body'] =>
  upload ? multipart(fields ?? {}, upload) : json ? { type: 'application/json', bytes: Buffer.from(JSON.stringify(json)) } : body

/** Throws NoAnswer alone. */
export async function callService (sender: Sender, call: ServiceCall): Promise<ServiceAnswer> {
  const { method, path, headers, timeoutMs, signal } = call
  const body = bodyOf(call)
  const { status, headers: answered, bytes } = await sender.request({
    method, path, timeoutMs, signal, maxBytes: maxAnswerBytes, ...(headers ? { headers } : {}), ...(body ? { body } : {})
  })
  const after = answered['retry-after']
  return { status, json: parseJson(bytes), retryAfterMs: after === undefined ? undefined : boundedRetryMs(Number(after) * 1000) }
}

/** What a status means that something between the service and us may have sent. */
export function outcomeOfStatus (status: number): RefusalFacts['outcome'] {
  if (status === 429 || status === 503) return 'later'
  // It had handed the request on, and heard nothing in time.
  return status >= 500 || status < 300 ? 'unknown' : 'refused'
}

/** What became of a message whose call failed. */
export function outcomeOfError (error: unknown): SendOutcome {
  if (!(error instanceof ServiceRefusal)) return outcomeWithoutAnswer(error)
  const { outcome, message: reason, retryAfterMs } = error
  return outcome === 'later' ? later(reason, retryAfterMs) : { kind: outcome, reason }
}
