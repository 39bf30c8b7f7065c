/** What a message asks of the echo model beside being repeated: lines that begin with `/`. */
import { objectIn } from '../../lib/json-object.ts'
import type { ProviderErrorKind } from '../model.ts'

export interface EchoScript {
  /** What remains when the directives are taken away. */
  readonly text: string
  readonly calls: ReadonlyArray<{ readonly name: string, readonly arguments: { readonly [name: string]: unknown } }>
  /** Directives that could not be understood, as sentences for the person who wrote them. */
  readonly complaints: readonly string[]
  readonly delayMs: number
  readonly words?: number
  readonly thinking?: string
  readonly failure?: { readonly kind: ProviderErrorKind, readonly afterWords: number }
}

export const longestDelayMs = 60_000
export const mostWords = 100_000
const mostCalls = 64

const failureKinds: ReadonlySet<string> = new Set<ProviderErrorKind>([
  'auth', 'billing', 'rate_limit', 'overloaded', 'timeout', 'server_error', 'model_not_found', 'context_overflow', 'format', 'network',
  'refusal'
])

const plain = (text: string): EchoScript => ({ text, calls: [], complaints: [], delayMs: 0 })

/** Channels and history may put `[time, sender] ` before what was written. */
const envelope = /^\[[^\]\n]{1,120}\] (?=\/)/

type Draft = { -readonly [K in keyof EchoScript]: EchoScript[K] } & { calls: Array<EchoScript['calls'][number]>, complaints: string[] }

export function readEchoScript (message: string): EchoScript {
  // Most messages give no orders.
  if (!message.includes('/')) return plain(message)
  const draft: Draft = { text: '', calls: [], complaints: [], delayMs: 0 }
  const kept = message.split('\n').filter(line => !obey(draft, line.replace(envelope, '')))
  return { ...draft, text: kept.join('\n').trim() }
}

/** False when the line is none of ours, and thus text. */
function obey (draft: Draft, line: string): boolean {
  const match = /^\/(tool|slow|fail|words|think)(?:\s+(.*))?$/s.exec(line)
  if (!match) return false
  const [, directive, rest = ''] = match
  const argument = rest.trim()
  if (directive === 'tool') addCall(draft, argument)
  else if (directive === 'slow') draft.delayMs = numberOf(draft, '/slow', argument, longestDelayMs)
  else if (directive === 'words') draft.words = numberOf(draft, '/words', argument, mostWords)
  else if (directive === 'think') draft.thinking = argument
  else addFailure(draft, argument)
  return true
}

function numberOf (draft: Draft, directive: string, text: string, most: number): number {
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), most)
  draft.complaints.push(`${directive} takes a number up to ${most}.`)
  return 0
}

function addCall (draft: Draft, argument: string): void {
  const [, name, json = ''] = /^(\S+)\s*(.*)$/s.exec(argument) ?? []
  const given = objectIn(json === '' ? '{}' : json)
  if (name === undefined || given === undefined) draft.complaints.push('/tool takes a name and a JSON object: /tool session_status {}')
  else if (draft.calls.length >= mostCalls) draft.complaints.push(`More than ${mostCalls} /tool lines are left out.`)
  else draft.calls.push({ name, arguments: given })
}

function addFailure (draft: Draft, argument: string): void {
  const [kind = '', words = '0'] = argument.split(/\s+/)
  if (failureKinds.has(kind)) draft.failure = { kind: kind as ProviderErrorKind, afterWords: numberOf(draft, '/fail', words, mostWords) }
  else draft.complaints.push(`/fail takes one of ${[...failureKinds].join(', ')}.`)
}
