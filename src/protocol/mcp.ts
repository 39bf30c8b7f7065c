/**
 * The part of the Model Context Protocol in which a gateway is the server: JSON-RPC messages in, answers out, whatever carries them.
 * Tools only; neither resources nor prompts.
 */
import { isObject } from '../lib/json-object.ts'

/** The newest first. A client that asks for another one is offered the newest, and decides. */
export const mcpVersions: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07']

export const mcpErrors = { parse: -32700, request: -32600, method: -32601, params: -32602, internal: -32603 } as const

type Json = { readonly [field: string]: unknown }

export type McpReply = { readonly jsonrpc: '2.0', readonly id: string | number | null } & (
  { readonly result: object } | { readonly error: { readonly code: number, readonly message: string } }
)

/** `Visit` is what the host knows of whoever asks. */
export interface McpCall<Visit> {
  readonly visit: Visit
  readonly name: string
  readonly args: Json
  /** Ends when the client takes the request back or goes away. */
  readonly signal: AbortSignal
}

export interface McpHost<Visit> {
  readonly info: { readonly name: string, readonly version: string }
  readonly instructions?: string
  /** Beside `tools`. */
  readonly capabilities?: object
  listTools (visit: Visit): Promise<readonly object[]>
  /** Undefined: there is no such tool. What is thrown, unless it is an McpRefusal, is an error of the server, and its cause is not told. */
  callTool (call: McpCall<Visit>): Promise<object | undefined>
  /** Of methods that are no part of the protocol. */
  notified? (method: string, params: Json): void
  failed? (error: unknown): void
}

export interface McpSource<Visit> {
  readonly visit: Visit
  /** Whose request ids these are. */
  readonly client: string
  readonly signal?: AbortSignal
}

export interface McpEndpoint<Visit> {
  /** Undefined for what is not answered. Never rejects. */
  handle (message: unknown, source: McpSource<Visit>): Promise<McpReply | undefined>
}

const notOne = 'this is no JSON-RPC 2.0 request; several at once are not taken'

/** More from all clients together is refused. */
const maxOpen = 256

/** An answer of the protocol that is an error. */
export class McpRefusal extends Error {
  readonly code: number
  constructor (code: number, message: string) {
    super(message)
    this.code = code
  }
}

const isId = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number'

export const mcpError = (id: string | number | null, code: number, message: string): McpReply => ({ jsonrpc: '2.0', id, error: { code, message } })

/** What stands in a message that is a request or a notification; undefined for anything else. */
function readMessage (message: unknown): { id: string | number | undefined, method: string, params: Json } | undefined {
  if (!isObject(message) || message.jsonrpc !== '2.0') return undefined
  const { id, method, params = {} } = message
  if (typeof method !== 'string' || !isObject(params) || (id !== undefined && !isId(id))) return undefined
  return { id, method, params }
}

/** An answer to something that we never asked. */
const isAnswer = (message: unknown): boolean =>
  isObject(message) && message.method === undefined && ('result' in message || 'error' in message)

export function createMcpEndpoint<Visit> (host: McpHost<Visit>): McpEndpoint<Visit> {
  const open = new Map<string, AbortController>()
  const nameOf = (client: string, id: unknown): string => `${client}\0${typeof id}\0${String(id)}`

  function initialize ({ protocolVersion }: Json): object {
    const { info, instructions, capabilities } = host
    return {
      protocolVersion: mcpVersions.includes(String(protocolVersion)) ? protocolVersion : mcpVersions[0],
      capabilities: { tools: {}, ...capabilities },
      serverInfo: info,
      ...(instructions === undefined ? {} : { instructions })
    }
  }

  async function call ({ name, arguments: args = {} }: Json, visit: Visit, signal: AbortSignal): Promise<object> {
    if (typeof name !== 'string' || !isObject(args)) throw new McpRefusal(mcpErrors.params, 'tools/call needs a name, and arguments that are an object')
    const result = await host.callTool({ visit, name, args, signal })
    if (!result) throw new McpRefusal(mcpErrors.params, `Unknown tool: ${name.slice(0, 200)}`)
    return result
  }

  async function answer (method: string, params: Json, visit: Visit, signal: AbortSignal): Promise<object> {
    switch (method) {
      case 'initialize': return initialize(params)
      case 'ping': return {}
      case 'tools/list': return { tools: await host.listTools(visit) }
      case 'tools/call': return await call(params, visit, signal)
      default: throw new McpRefusal(mcpErrors.method, `Method not found: ${method.slice(0, 200)}`)
    }
  }

  function notified (client: string, method: string, params: Json): void {
    if (method === 'notifications/cancelled') open.get(nameOf(client, params.requestId))?.abort(new Error('the client took the request back'))
    else if (!method.startsWith('notifications/initialized')) host.notified?.(method, params)
  }

  async function request (
    { id, method, params }: { id: string | number, method: string, params: Json }, { client, visit, signal }: McpSource<Visit>
  ): Promise<McpReply | undefined> {
    const name = nameOf(client, id)
    if (open.has(name)) return mcpError(id, mcpErrors.request, 'a request with this id is being answered')
    if (open.size >= maxOpen) return mcpError(id, mcpErrors.internal, 'too many requests are being answered; try again in a moment')
    const controller = new AbortController()
    const abort = (): void => controller.abort(signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    open.set(name, controller)
    try {
      const result = await answer(method, params, visit, controller.signal)
      // The protocol says that what was taken back is not answered.
      return controller.signal.aborted ? undefined : { jsonrpc: '2.0', id, result }
    } catch (error) {
      if (controller.signal.aborted) return undefined
      if (error instanceof McpRefusal) return mcpError(id, error.code, error.message)
      host.failed?.(error)
      return mcpError(id, mcpErrors.internal, 'the gateway failed; its log has the cause')
    } finally {
      open.delete(name)
      signal?.removeEventListener('abort', abort)
    }
  }

  return {
    async handle (message, source) {
      const read = readMessage(message)
      if (!read) return isAnswer(message) ? undefined : mcpError(null, mcpErrors.request, notOne)
      const { id, method, params } = read
      if (id !== undefined) return await request({ id, method, params }, source)
      notified(source.client, method, params)
      return undefined
    }
  }
}
