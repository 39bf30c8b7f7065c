/** One question to a person, and how the wire shows it. */

export type ApprovalKind = 'exec' | 'plugin'
export const decisions = ['allow-once', 'allow-always', 'deny'] as const
export type Decision = typeof decisions[number]

export interface Resolver {
  readonly kind: 'device' | 'channel' | 'runtime' | 'system'
  readonly id?: string
}

export type Outcome =
  | { readonly status: 'allowed', readonly decision: Exclude<Decision, 'deny'>, readonly reason: 'user' }
  | { readonly status: 'denied', readonly decision: 'deny', readonly reason: 'user' | 'no-route' }
  | { readonly status: 'expired', readonly reason: 'timeout' }
  | { readonly status: 'cancelled', readonly reason: 'run-aborted' | 'gateway-restart' }

export interface Presentation {
  readonly kind: ApprovalKind
  readonly allowedDecisions: readonly Decision[]
  readonly [field: string]: unknown
}

export interface ApprovalRecord {
  readonly id: string
  readonly kind: ApprovalKind
  /** As clients see it in lists and events. */
  readonly request: { readonly [field: string]: unknown }
  readonly presentation: Presentation
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly agentId?: string
  readonly sessionKey?: string
  readonly runId?: string
  readonly outcome?: Outcome
  readonly resolver?: Resolver
  readonly resolvedAtMs?: number
  /** The decision has been acted on. One that nobody took is for the run that asks again after a restart. */
  readonly isTaken?: boolean
}

/** What a person cannot see, or what turns the rest of a line around, stands there by its number. */
const hidden = /(?![\t\n ])[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}]/gu
const spelled = (text: string): string => text.replace(hidden, character => `\\u{${character.codePointAt(0)!.toString(16)}}`)

export interface ExecQuestion {
  readonly command: string
  readonly cwd?: string | null
  readonly host?: string | null
  readonly nodeId?: string | null
  readonly security?: string | null
  readonly ask?: string | null
  readonly warningText?: string | null
  readonly scope?: unknown
  readonly agentId?: string | null
  readonly resolvedPath?: string | null
  readonly sessionKey?: string | null
  readonly sessionId?: string | null
  readonly runId?: string | null
  readonly toolCallId?: string | null
  readonly turnSourceChannel?: string | null
  readonly turnSourceTo?: string | null
  readonly turnSourceAccountId?: string | null
  readonly turnSourceThreadId?: string | number | null
  readonly commandCount?: number
  readonly riskKinds?: readonly string[]
  readonly allowedDecisions: readonly Decision[]
}

const orNull = (value: unknown): unknown => value ?? null

export function execRequest (question: ExecQuestion): ApprovalRecord['request'] {
  const { command, commandCount = 1, riskKinds = [], allowedDecisions } = question
  const plain = ['cwd', 'nodeId', 'host', 'security', 'ask', 'scope', 'agentId', 'resolvedPath', 'sessionKey', 'sessionId', 'runId', 'toolCallId',
    'turnSourceChannel', 'turnSourceTo', 'turnSourceAccountId', 'turnSourceThreadId'] as const
  return {
    command,
    systemRunBinding: null,
    systemRunPlan: null,
    ...Object.fromEntries(plain.map(name => [name, orNull(question[name])])),
    warningText: warningOf(question),
    commandAnalysis: { commandCount, nestedCommandCount: 0, riskKinds, warningLines: [] },
    allowedDecisions,
    cronExecutionSource: null,
    cronOperationBinding: null
  }
}

function warningOf ({ command, warningText }: ExecQuestion): string | null {
  const invisible = spelled(command) === command ? '' : 'The command has characters in it that cannot be seen.'
  return [warningText, invisible].filter(Boolean).join(' ') || null
}

export function execPresentation (question: ExecQuestion): Presentation {
  const { command, host, nodeId, agentId, allowedDecisions } = question
  return {
    kind: 'exec',
    commandText: spelled(command),
    commandPreview: null,
    warningText: warningOf(question),
    host: orNull(host),
    nodeId: nodeId || null,
    agentId: agentId || null,
    allowedDecisions
  }
}

/** The approval as `approval.get`, `approval.history` and `session.approval` show it. */
export function snapshotOf (record: ApprovalRecord): object {
  const { id, presentation, createdAtMs, expiresAtMs, outcome, resolvedAtMs, resolver, agentId, sessionKey } = record
  const head = { id, urlPath: `/approve/${encodeURIComponent(id)}`, createdAtMs, expiresAtMs, presentation }
  if (!outcome) return { ...head, status: 'pending', ...(sessionKey ? { sourceSessionKey: sessionKey } : {}) }
  const source = { ...(agentId ? { agentId } : {}), ...(sessionKey ? { sessionKey } : {}) }
  return { ...head, ...outcome, resolvedAtMs, source, ...(resolver ? { resolver } : {}) }
}

/** The decision as whoever waits for it hears it. */
export const decisionOf = ({ outcome }: ApprovalRecord): Decision | null =>
  outcome?.status === 'allowed' || (outcome?.status === 'denied' && outcome.reason === 'user') ? outcome.decision : null
