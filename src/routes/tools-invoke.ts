import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../auth/caller.ts'
import type { HttpAuth } from '../http/auth-hook.ts'
import { clientGone } from '../http/client-gone.ts'
import { refuseOtherMethods } from '../http/other-methods.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { InvokeOutcome, InvokeRequest, ToolSource } from '../tools/invocation.ts'
import { plainResultOf, planOf, resultOf } from '../tools/presentation.ts'

export interface ToolsInvokeOptions {
  readonly auth: HttpAuth
  readonly invoke: (request: InvokeRequest) => Promise<InvokeOutcome>
  /** Sessions can be asked from here on. */
  readonly ready: () => Promise<void>
  readonly unavailable: () => GatewayError | undefined
}

const maxBodyBytes = 2 * 1024 * 1024

type Body = { readonly [field: string]: unknown }
interface Refusal { readonly status: number, readonly type: string, readonly message: string, readonly more?: object }

const invalid = (message: string): Refusal => ({ status: 400, type: 'invalid_request', message })
const isRefusal = (value: object): value is Refusal => 'status' in value
const isObject = (value: unknown): value is Body => typeof value === 'object' && value !== null && !Array.isArray(value)

const words = ['name', 'tool', 'action', 'sessionKey', 'agentId', 'idempotencyKey'] as const

/** Keys that are made to be long cost memory for as long as they are remembered. */
const maxKeyLength = 512

/** null is what some clients write for nothing. */
function fieldProblem (body: Body): string | undefined {
  const { args = null, dryRun = null, idempotencyKey } = body
  const wrong = words.find(field => typeof (body[field] ?? '') !== 'string')
  if (wrong !== undefined) return `${wrong} must be a string`
  if (args !== null && !isObject(args)) return 'args must be an object'
  if (dryRun !== null && typeof dryRun !== 'boolean') return 'dryRun must be true or false'
  if (typeof idempotencyKey !== 'string' || idempotencyKey.length <= maxKeyLength) return undefined
  return `idempotencyKey must not be longer than ${maxKeyLength} characters`
}

const wordOf = (value: unknown): string | undefined => typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined

const headerOf = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const value = headers[`x-openclaw-${name}`]
  return wordOf(value)?.slice(0, 256)
}

type Fields = Omit<InvokeRequest, 'caller' | 'surface' | 'signal'>

function fieldsOf (body: unknown, headers: IncomingHttpHeaders): Fields | Refusal {
  if (!isObject(body)) return invalid('the body must be a JSON object: {"tool": "<name>", "args": {…}}')
  const problem = fieldProblem(body)
  if (problem !== undefined) return invalid(problem)
  const tool = wordOf(body.name) ?? wordOf(body.tool)
  if (tool === undefined) return invalid('tools.invoke requires name')
  return {
    tool,
    args: body.args as Body | null | undefined ?? {},
    action: wordOf(body.action),
    sessionKey: wordOf(body.sessionKey),
    agentId: wordOf(body.agentId),
    idempotencyKey: wordOf(body.idempotencyKey),
    isDryRun: body.dryRun === true,
    channel: headerOf(headers, 'message-channel'),
    accountId: headerOf(headers, 'account-id'),
    messageTo: headerOf(headers, 'message-to'),
    threadId: headerOf(headers, 'thread-id')
  }
}

/** Nobody waits for the answer any more when the socket is gone. Made when somebody listens: most tools are done before. */
class Request implements InvokeRequest {
  readonly surface = 'http'
  readonly caller: Caller
  declare readonly tool: string
  declare readonly args: Body
  readonly #response: FastifyReply['raw']
  #signal: AbortSignal | undefined = undefined

  constructor (fields: Fields, caller: Caller, response: FastifyReply['raw']) {
    Object.assign(this, fields)
    this.caller = caller
    this.#response = response
  }

  get signal (): AbortSignal {
    this.#signal ??= clientGone(this.#response)
    return this.#signal
  }
}

const nextSteps: { readonly [type: string]: string } = {
  invalid_request: 'Correct the named field and send the request again.',
  not_found: 'tools.effective lists what there is for this session; openclaw tools why <tool> says which rule keeps one away.',
  tool_call_blocked: 'Ask whoever runs this gateway.',
  tool_error: 'The log of the gateway has the cause.'
}

function refuse (reply: FastifyReply, { status, type, message, more }: Refusal): FastifyReply {
  const nextStep = status === 400 ? nextSteps.invalid_request : nextSteps[type]
  return reply.code(status).send({ ok: false, error: { type, message, nextStep, ...more } })
}

const sourceField = (source: ToolSource): object => source === 'core' ? {} : { source }

function answer (reply: FastifyReply, outcome: InvokeOutcome, { headers, caller }: FastifyRequest): FastifyReply {
  switch (outcome.kind) {
    case 'done': {
      const isPlain = headers['x-openclaw-result'] === 'plain'
      return reply.send({ ok: true, result: isPlain ? plainResultOf(outcome) : resultOf(outcome), ...sourceField(outcome.source) })
    }
    case 'would': return reply.send({ ok: true, result: planOf(outcome, caller?.allows.has('operator.admin') === true) })
    case 'unavailable': return refuse(reply, {
      status: 404, type: 'not_found', message: `Tool not available: ${outcome.toolName}`, ...(outcome.why ? { more: { details: outcome.why } } : {})
    })
    case 'invalid': return refuse(reply, { status: 400, type: outcome.at === 'tool' ? 'tool_error' : 'invalid_request', message: outcome.message })
    case 'blocked': return refuse(reply, {
      status: 403, type: 'tool_call_blocked', message: outcome.message, ...(outcome.requiresApproval ? { more: { requiresApproval: true } } : {})
    })
    case 'failed': return refuse(reply, { status: 500, type: 'tool_error', message: outcome.message, more: { errorId: outcome.errorId } })
  }
}

/** Programs call tools: the policy of runs, and a shorter list. */
export function registerToolsInvoke (fastify: FastifyInstance, options: ToolsInvokeOptions): void {
  const url = '/tools/invoke'

  fastify.route({
    method: 'POST',
    url,
    bodyLimit: maxBodyBytes,
    onRequest: options.auth.require('operator.write', { keepsKeysApart: true }),
    async handler (request, reply) {
      const unavailable = options.unavailable()
      if (unavailable) throw unavailable
      reply.header('cache-control', 'no-store')
      const fields = fieldsOf(request.body, request.headers)
      if (isRefusal(fields)) return refuse(reply, fields)
      await options.ready()
      return answer(reply, await options.invoke(new Request(fields, request.caller!, reply.raw)), request)
    }
  })

  refuseOtherMethods(fastify, url, ['POST'])
}
