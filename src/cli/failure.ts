/** How a command that failed says so: one JSON document on stdout with --json, sentences on stderr without. */
import { isClientError, type GatewayClientError } from './client-error.ts'
import { UsageError } from './define-command.ts'
import { isGatewayError } from '../protocol/errors.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import type { Output } from './output.ts'
import type { GatewayTarget } from './target.ts'

/** A failure that was foreseen: it says everything itself. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly type: string
  readonly more: { readonly [key: string]: unknown }
  readonly exitCode: number

  /** `more` joins the error of the JSON document. */
  constructor (message: string, type = 'cli_error', more: { readonly [key: string]: unknown } = {}, exitCode: number = exitCodes.failed) {
    super(message)
    this.type = type
    this.more = more
    this.exitCode = exitCode
  }
}

export interface FailureContext {
  readonly out: Output
  readonly json: boolean
  readonly target?: GatewayTarget
  /** What was being done, e.g. `Gateway call`. */
  readonly doing?: string
}

const describeTarget = (target: GatewayTarget | undefined): object => target
  ? { gateway: { url: target.url, urlSource: target.urlSource, ...(target.bindDetail ? { bindDetail: target.bindDetail } : {}) } }
  : {}

const detailsOf = (error: GatewayClientError): object => Object.keys(error.details).length > 0 ? { details: error.details } : {}

function clientDocument (error: GatewayClientError, target: GatewayTarget | undefined): object {
  const { code, message, retryable, retryAfterMs } = error
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  if (error.kind === 'request') {
    return { ok: false, error: { type: 'gateway_request_error', code, message, retryable, ...wait, ...detailsOf(error) } }
  }
  const reason = error.reason ? { reason: error.reason } : {}
  const shape = { type: 'gateway_transport_error', kind: code, message, ...reason, ...wait, ...detailsOf(error) }
  return { ok: false, error: shape, ...describeTarget(target) }
}

/** The lines that tell where we looked. */
export const targetLines = (target: GatewayTarget): string[] => [
  `Gateway target: ${target.url}`,
  `Source: ${target.urlSource}`,
  `Config: ${target.configPath}`,
  ...(target.bindDetail ? [target.bindDetail] : [])
]

/** Nothing answered at all, as opposed to something that answered and hung up. */
export const isUnreachable = (error: unknown): boolean =>
  isClientError(error) && error.kind === 'transport' && error.closeCode === undefined && error.httpStatus === undefined

function clientLines (error: GatewayClientError, { target, doing }: FailureContext): string[] {
  const next = typeof error.details['nextStep'] === 'string' ? [error.details['nextStep']] : []
  if (error.kind === 'request') return [doing ? `${doing} failed: ${error.message}` : error.message, ...next]
  const start = target?.local && isUnreachable(error) ? ['Start it with `openclaw gateway run` or check `openclaw gateway status`.'] : []
  return [error.message, ...(next.length > 0 ? next : start), ...(target ? targetLines(target) : [])]
}

const full = 'make room on that disk; what could not be written whole was left as it was. See: openclaw doctor'
const notOurs = 'give the file to the user that runs this, or run it as that user. See: openclaw doctor'

/** What to do about what the system said. */
const remedies: { readonly [code: string]: string } = { ENOSPC: full, EDQUOT: full, EACCES: notOurs, EPERM: notOurs, EROFS: 'mount that file system for writing' }

function crashLines (error: unknown): string[] {
  const { code = '', path } = error as NodeJS.ErrnoException
  const reason = error instanceof Error ? error.message : String(error)
  return [
    '[openclaw] The CLI command failed.',
    `[openclaw] Reason: ${reason}${path === undefined || reason.includes(path) ? '' : ` (${path})`}`,
    `[openclaw] Try: ${remedies[code] ?? 'openclaw doctor'}`
  ]
}

/** Says it and returns the exit code. */
export function reportFailure (error: unknown, context: FailureContext): number {
  const { out, json } = context
  if (isClientError(error)) {
    if (json) out.json(clientDocument(error, context.target))
    else out.note(clientLines(error, context).join('\n'))
    return exitCodes.failed
  }
  const { type, more, exitCode, lines } = localFailure(error)
  const message = error instanceof Error ? error.message : String(error)
  if (json) out.json({ ok: false, error: { type, message, ...more } })
  else out.note(lines.join('\n'))
  return exitCode
}

interface LocalFailure { type: string, more: { readonly [key: string]: unknown }, exitCode: number, lines: string[] }

/** Failures that no gateway had a part in. */
function localFailure (error: unknown): LocalFailure {
  const plain = { type: 'cli_error', more: {}, exitCode: exitCodes.failed }
  if (error instanceof CommandFailure) return { type: error.type, more: error.more, exitCode: error.exitCode, lines: [error.message] }
  if (error instanceof UsageError) return { ...plain, lines: [error.message] }
  if (isGatewayError(error)) return { ...plain, more: { code: error.code }, lines: [error.message, error.row.next] }
  return { ...plain, lines: crashLines(error) }
}
