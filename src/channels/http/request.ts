/**
 * One HTTP request to a service over kept connections. What matters beyond the answer is whether the request can have arrived, and that
 * no error says more than the host: addresses of some services contain the token.
 */
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { nodeHttp } from '../../lib/node-http.ts'
import { readBody } from '../../lib/outbound/body.ts'
import { OutboundError } from '../../lib/outbound/outbound-error.ts'
import type { SendOutcome } from '../define-channel.ts'
import { later, refused } from '../outcome.ts'

export interface Sender {
  request (options: RequestOptions): Promise<Answer>
  close (): void
}

export interface RequestOptions {
  /** Below the root. */
  readonly path: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers?: { readonly [name: string]: string }
  readonly body?: { readonly type: string, readonly bytes: Uint8Array }
  readonly maxBytes: number
  /** For everything, from the connection to the last byte of the answer. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** No complete answer. */
export class NoAnswer extends Error {
  /** The other side may have read the request. */
  readonly mayHaveArrived: boolean

  constructor (message: string, mayHaveArrived: boolean) {
    super(message)
    this.name = 'NoAnswer'
    this.mayHaveArrived = mayHaveArrived
  }
}

/** What became of a message whose call ended in an error that is no answer of the service. */
export function outcomeWithoutAnswer (error: unknown): SendOutcome {
  const reason = error instanceof Error ? error.message : String(error)
  if (!(error instanceof NoAnswer)) return refused(reason)
  return error.mayHaveArrived ? { kind: 'unknown', reason } : later(reason)
}

/** A connection that was unused for longer may have been forgotten by whatever lies between, and a message on it is lost or not. */
const unusedSocketMs = 4000
const connectionsAtOnce = 24

function agentOf (isSecure: boolean, proxy: string | undefined): Agent {
  const options = {
    keepAlive: true,
    maxSockets: connectionsAtOnce,
    maxFreeSockets: 4,
    scheduling: 'lifo',
    timeout: unusedSocketMs,
    ...(proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } })
  } as const
  return isSecure ? new (process.getBuiltinModule('node:https').Agent)(options) : new (nodeHttp().Agent)(options)
}

/** From the moment when the connection stands, nobody can tell how much of a request was read. */
function watchDeparture (request: ClientRequest, isSecure: boolean, departed: () => void): void {
  request.on('socket', socket => {
    if (socket.connecting) socket.once(isSecure ? 'secureConnect' : 'connect', departed)
    else departed()
  })
}

async function answerTo (request: ClientRequest, body: Uint8Array | undefined): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
    request.on('upgrade', (_message, socket) => {
      socket.destroy()
      reject(new Error('not HTTP'))
    })
    request.end(body)
  })
}

const reasonOf = (error: unknown, host: string): string => {
  if (error instanceof OutboundError && error.problem === 'too-large') return `${host}: ${error.message}`
  const { code } = error as { code?: string }
  return `${host} cannot be reached or broke off${code === undefined ? '' : ` (${code})`}`
}

export function createSender (apiRoot: string, proxy: string | undefined): Sender {
  const root = new URL(apiRoot)
  const isSecure = root.protocol === 'https:'
  const base = root.pathname.replace(/\/+$/, '')
  const agent = agentOf(isSecure, proxy)
  const { request: open } = isSecure ? process.getBuiltinModule('node:https') : nodeHttp()

  async function request ({ path, method, headers, body, maxBytes, timeoutMs, signal }: RequestOptions): Promise<Answer> {
    if (signal.aborted) throw new NoAnswer('the request was called off', false)
    let mayHaveArrived = false
    let ended: string | undefined
    const outgoing = open({
      protocol: root.protocol,
      hostname: root.hostname.replace(/^\[|\]$/g, ''),
      port: root.port || (isSecure ? 443 : 80),
      path: `${base}${path}`,
      method,
      agent,
      headers: { ...headers, ...body ? { 'content-type': body.type, 'content-length': body.bytes.length } : {} }
    })
    watchDeparture(outgoing, isSecure, () => { mayHaveArrived = true })
    const end = (why: string): void => {
      ended = why
      outgoing.destroy(new Error(why))
    }
    const timer = setTimeout(() => end(`${root.host} did not answer within ${timeoutMs / 1000} s`), timeoutMs)
    const onAbort = (): void => end('the request was called off')
    signal.addEventListener('abort', onAbort)
    try {
      const message = await answerTo(outgoing, body?.bytes)
      const { bytes } = await readBody(message, { maxBytes, whenLarger: 'refuse' })
      return { status: message.statusCode ?? 0, headers: message.headers, bytes }
    } catch (error) {
      outgoing.destroy()
      throw new NoAnswer(ended ?? reasonOf(error, root.host), mayHaveArrived)
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  return { request, close: () => agent.destroy() }
}
