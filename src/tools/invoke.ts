/** One tool called by a program: found, allowed, its arguments right, and only then carried out. */
import { createHash, randomUUID } from 'node:crypto'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import { circumstancesOf, type Circumstances, type CircumstanceSources } from './circumstances.ts'
import { ToolBlocked, ToolRefusal, type InvokeOutcome, type InvokeRequest, type ToolSource } from './invocation.ts'
import type { Policy, PolicyVerdict } from './policy.ts'
import type { ToolRegistry } from './registry.ts'
import type { Tool, ToolContext, ToolResult } from './tool.ts'

type Args = InvokeRequest['args']

export interface InvokeLog {
  error (fields: object, message: string): void
  warn (fields: object, message: string): void
}

export interface CallScope {
  readonly principal: string
  readonly method: string
  readonly key: string
  readonly toolName: string
  readonly fingerprint: string
}

/** One request, one effect: whoever repeats a key gets the answer that there was. */
export interface Once {
  run (scope: CallScope, work: () => Promise<Performed>): Promise<Performed>
}

export interface Performed {
  readonly fingerprint: string
  readonly outcome: InvokeOutcome
}

export interface InvokeSources extends CircumstanceSources {
  /** Throws INVALID_PARAMS for a key outside the grammar or of another agent than the named one. */
  readonly target: (sessionKey: string | undefined, agentId: string | undefined, caller: InvokeRequest['caller']) => { readonly key: string, readonly agentId: string }
  readonly once: Once
  /** The same for what changes something, and beyond a restart. Loaded with the first such call. */
  readonly kept: () => Promise<Once>
  readonly log: InvokeLog
}

export interface InvokeParts {
  readonly registry: () => Promise<ToolRegistry>
  readonly policy: Policy
  /** Every tool that the policy allows under these circumstances: remembered, where the policy would be asked rule by rule. */
  readonly allowed: (circumstances: Circumstances) => readonly Tool[]
  /** Whoever may have a tool of this name says so. */
  readonly prepareFor: (name: string, circumstances: Circumstances) => Promise<void>
}

/** Named in a problem report, so cut before somebody sends a book for a name. */
const maxShownName = 200
const shown = (name: string): string => name.length > maxShownName ? `${name.slice(0, maxShownName)}…` : name

export const sourceOf = ({ origin }: Tool): ToolSource => origin?.kind ?? 'core'

const propertiesOf = ({ parameters }: Tool): object => (parameters as { properties?: object }).properties ?? {}

/** `action` beside the arguments is one of them, for tools that have such a thing. */
function argsOf (tool: Tool, { args, action }: InvokeRequest): Args {
  return action === undefined || args.action !== undefined || !Object.hasOwn(propertiesOf(tool), 'action') ? args : { ...args, action }
}

function unavailable (request: InvokeRequest, verdict?: PolicyVerdict): InvokeOutcome {
  const toolName = shown(request.tool)
  if (!request.caller.allows.has('operator.admin')) return { kind: 'unavailable', toolName }
  const last = verdict?.steps.at(-1)
  const why = last ? { reason: 'policy', step: last.step, because: last.because } as const : { reason: 'unknown' } as const
  return { kind: 'unavailable', toolName, why }
}

/** What a tool threw, as an answer. The cause of a failure stays in the log, under an id that the caller gets too. */
function outcomeOf (error: unknown, tool: Tool, log: InvokeLog): InvokeOutcome {
  const toolName = tool.name
  if (error instanceof ToolRefusal) return { kind: 'invalid', at: 'tool', toolName, message: error.message }
  if (error instanceof ToolBlocked) return { kind: 'blocked', toolName, message: error.message, requiresApproval: error.requiresApproval }
  if (isGatewayError(error) && error.status === 403) return { kind: 'blocked', toolName, message: error.message }
  if (isGatewayError(error) && error.status < 500) return { kind: 'invalid', at: 'tool', toolName, message: error.message }
  const errorId = randomUUID()
  log.error({ err: error, errorId, tool: toolName }, 'a tool failed')
  return { kind: 'failed', toolName, errorId, message: 'tool execution failed' }
}

const fingerprintOf = (tool: Tool, args: object, sessionKey: string): string =>
  createHash('sha256').update(JSON.stringify([tool.name, sessionKey, args])).digest('base64url')

function deliveryOf ({ channel, accountId, messageTo: to, threadId }: InvokeRequest): Pick<ToolContext, 'delivery'> {
  return channel ?? accountId ?? to ?? threadId ? { delivery: { channel, accountId, to, threadId } } : {}
}

const callIdOf = ({ caller, idempotencyKey }: InvokeRequest, tool: Tool, sessionKey: string): string =>
  `call_${idempotencyKey === undefined ? randomUUID() : fingerprintOf(tool, [caller.principal, idempotencyKey], sessionKey)}`

/** Failures are thrown past the memory for repeated keys: what failed may be tried again. */
class Unsuccessful extends Error {
  readonly outcome: InvokeOutcome
  constructor (outcome: InvokeOutcome) {
    super('not done')
    this.outcome = outcome
  }
}

async function perform (tool: Tool, args: Args, context: ToolContext, log: InvokeLog): Promise<InvokeOutcome> {
  try {
    return { kind: 'done', toolName: tool.name, source: sourceOf(tool), result: await tool.run(args, context) }
  } catch (error) {
    return outcomeOf(error, tool, log)
  }
}

interface Call {
  readonly tool: Tool
  readonly args: Args
  readonly context: ToolContext
}

async function foresee ({ tool, args, context }: Call, verdict: PolicyVerdict, log: InvokeLog): Promise<InvokeOutcome> {
  const { sessionKey, agentId } = context
  try {
    const foreseen = await tool.foresee?.(args, context) ?? { wouldRun: true }
    return { kind: 'would', toolName: tool.name, source: sourceOf(tool), plan: { sessionKey, agentId, args, effects: tool.effects, verdict, foreseen } }
  } catch (error) {
    return outcomeOf(error, tool, log)
  }
}

/** Tools say in different ways that nothing came of a call. */
function isFailure ({ isError, details }: ToolResult): boolean {
  const { status } = (details ?? {}) as { status?: unknown }
  return isError === true || status === 'error' || status === 'forbidden'
}

async function performOnce (request: InvokeRequest, call: Call, { log, once, kept }: InvokeSources): Promise<InvokeOutcome> {
  const { tool, args, context } = call
  const { caller, idempotencyKey: key } = request
  if (key === undefined) return await perform(tool, args, context, log)
  const fingerprint = fingerprintOf(tool, args, context.sessionKey)
  const scope = { principal: caller.principal, method: 'tools.invoke', key, toolName: tool.name, fingerprint }
  const work = async (): Promise<Performed> => {
    const outcome = await perform(tool, args, context, log)
    if (outcome.kind !== 'done' || isFailure(outcome.result)) throw new Unsuccessful(outcome)
    return { fingerprint, outcome }
  }
  try {
    const performed = await once.run(scope, async () => tool.effects ? await (await kept()).run(scope, work) : await work())
    if (performed.fingerprint === fingerprint) return performed.outcome
    return { kind: 'invalid', at: 'request', toolName: tool.name, message: new GatewayError('IDEMPOTENCY_CONFLICT').message }
  } catch (error) {
    if (error instanceof Unsuccessful) return error.outcome
    throw error
  }
}

function checked (tool: Tool, args: Args): { args: Args } | { problem: InvokeOutcome } {
  try {
    return { args: tool.check ? tool.check(args) : args }
  } catch (error) {
    if (error instanceof ToolRefusal) return { problem: { kind: 'invalid', at: 'tool', toolName: tool.name, message: error.message } }
    throw error
  }
}

interface Place {
  readonly key: string
  readonly agentId: string
}

function placeOf ({ tool, sessionKey, agentId, caller }: InvokeRequest, { target }: InvokeSources): Place | InvokeOutcome {
  try {
    return target(sessionKey ?? 'main', agentId, caller)
  } catch (error) {
    if (isGatewayError(error)) return { kind: 'invalid', at: 'request', toolName: shown(tool), message: error.message }
    throw error
  }
}

export type Invoke = (request: InvokeRequest) => Promise<InvokeOutcome>

export function createInvoke ({ registry, policy, allowed, prepareFor }: InvokeParts, sources: InvokeSources): Invoke {
  return async request => {
    const { caller, surface, isDryRun = false } = request
    const place = placeOf(request, sources)
    if ('kind' in place) return place
    const { key: sessionKey, agentId } = place
    const isOwner = caller.owner
    const circumstances = circumstancesOf({ agentId, sessionKey, surface, isOwner, channel: request.channel }, sources)
    const tools = await registry()
    let tool = tools.find(request.tool)
    if (!tool) {
      await prepareFor(request.tool, circumstances)
      tool = tools.find(request.tool)
    }
    if (!tool) return unavailable(request)
    const verdict = (): PolicyVerdict => policy.judge({ ...circumstances, tool })
    if (!allowed(circumstances).includes(tool)) return unavailable(request, verdict())
    const checkedArgs = checked(tool, argsOf(tool, request))
    if ('problem' in checkedArgs) return checkedArgs.problem
    const { args } = checkedArgs
    let callId: string | undefined
    const context: ToolContext = {
      sessionKey,
      agentId,
      get callId () {
        callId ??= callIdOf(request, tool, sessionKey)
        return callId
      },
      isOwner,
      ...deliveryOf(request),
      get signal () { return request.signal },
      update () {}
    }
    const call = { tool, args, context }
    return isDryRun ? await foresee(call, verdict(), sources.log) : await performOnce(request, call, sources)
  }
}
