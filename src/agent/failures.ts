/** What went wrong in a run, in the words of the contract. */
import { isGatewayError } from '../protocol/errors.ts'
import { ProviderError, type ProviderErrorKind } from '../providers/model.ts'
import type { RunError } from './room.ts'
import { RunEnded, type Ending } from './run.ts'
import type { Turn } from './turn.ts'

/** A run that the gateway ends by itself, for a reason that people can do something about. */
export class RunStopped extends Error {
  readonly kind: string
  constructor (kind: string, message: string) {
    super(message)
    this.name = 'RunStopped'
    this.kind = kind
  }
}

export interface Failure {
  readonly kind: string
  readonly message: string
  /** errorKind and errorDetail of the chat event. */
  readonly wire: { readonly [field: string]: unknown }
  /** What the provider said beside it, for callers that pass it on. */
  readonly more?: Pick<RunError, 'status' | 'retryAfterMs'>
}

const wireKinds: { readonly [kind in ProviderErrorKind]?: string } = {
  refusal: 'refusal', timeout: 'timeout', rate_limit: 'rate_limit', overloaded: 'rate_limit', context_overflow: 'context_length'
}

const maxMessageChars = 240

const cut = (text: string, most: number): string => text.length > most ? `${text.slice(0, most - 1)}…` : text

export const endingOf = (error: unknown): Ending | undefined => error instanceof RunEnded ? error.ending : undefined

export function failureOf (error: unknown, turn: Turn | undefined): Failure {
  if (error instanceof ProviderError) {
    const model = turn?.model ?? turn?.route.model
    return {
      kind: error.kind,
      message: cut(error.message, maxMessageChars),
      wire: {
        errorKind: wireKinds[error.kind] ?? 'unknown',
        errorDetail: {
          ...(model ? { provider: model.provider, model: model.id } : {}),
          failoverReason: error.kind,
          ...(error.status !== undefined && error.status >= 100 && error.status <= 599 ? { httpStatus: error.status } : {}),
          providerErrorMessagePreview: cut(error.message, maxMessageChars)
        }
      },
      more: {
        ...(error.status === undefined ? {} : { status: error.status }),
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs })
      }
    }
  }
  if (error instanceof RunStopped) return { kind: error.kind, message: cut(error.message, maxMessageChars), wire: { errorKind: 'unknown' } }
  if (isGatewayError(error)) return { kind: error.code.toLowerCase(), message: cut(error.message, maxMessageChars), wire: { errorKind: 'unknown' } }
  const message = error instanceof Error ? error.message : String(error)
  return { kind: 'internal', message: cut(message, maxMessageChars), wire: { errorKind: 'unknown' } }
}
