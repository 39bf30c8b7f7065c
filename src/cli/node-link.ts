/** The connection of a node to its gateway: made again whenever it is lost, for as long as the gateway wants this machine. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectAuth } from '../protocol/connect.ts'
import { isClientError, type GatewayClientError } from './client-error.ts'
import type { TlsOptions } from './client-socket.ts'
import { connectGateway, type GatewayClient, type GatewayClientOptions, type GatewayEvent } from './gateway-client.ts'

interface Answer {
  readonly ok: boolean
  readonly payload?: object
  readonly error?: { readonly code: string, readonly message: string }
}

interface Listening {
  readonly signal: AbortSignal
  readonly progress: (chunk: string) => void
}

export interface NodeMachine {
  readonly caps: readonly string[]
  readonly commands: readonly string[]
  handle (command: string, paramsJSON: string | undefined, listening: Listening): Promise<Answer>
  stats (): Promise<object>
  skills (): Promise<readonly object[]>
}

export interface NodeLinkOptions {
  readonly connect: Omit<GatewayClientOptions, 'auth' | 'tls'>
  /** The certificate that the gateway must show now. */
  readonly pin: () => Promise<TlsOptions>
  /** What to introduce oneself with, the best first. */
  readonly credentials: () => Promise<readonly ConnectAuth[]>
  /** The gateway gave this device a token of its own. */
  readonly admitted: (client: GatewayClient) => Promise<void>
  readonly machine: NodeMachine
  readonly say: (text: string) => void
  readonly signal: AbortSignal
}

const firstWaitMs = 1000
const longestWaitMs = 30_000
const approvalWaitMs = 5000
const statsEveryMs = 60_000
const maxOutputChars = 2000

interface Request {
  readonly id: string
  readonly nodeId: string
  readonly command: string
  readonly paramsJSON?: string
}

const waitsForApproval = ({ detailCode, code }: GatewayClientError): boolean => detailCode === 'PAIRING_REQUIRED' || code === 'NOT_PAIRED'

/** Nothing that this machine does by itself makes these come out otherwise. */
const isFinal = (error: GatewayClientError): boolean => error.kind === 'request' && !error.retryable && !waitsForApproval(error)

function fieldsOf (text: string | undefined): { readonly [name: string]: unknown } {
  try {
    return JSON.parse(text ?? '{}') as {}
  } catch {
    return {}
  }
}

/** One connection, from hello-ok to its end. */
async function serve (client: GatewayClient, { machine, say, signal }: NodeLinkOptions): Promise<void> {
  const underWay = new Map<string, AbortController>()
  const quietly = (method: string, params: object): void => { client.call(method, params).catch(() => {}) }

  /** What became of a program is told to whoever asked for it, beside the answer. */
  function lifecycle (event: string, { command, paramsJSON }: Request, more: object = {}): void {
    const { runId, sessionKey, rawCommand, suppressNotifyOnExit } = fieldsOf(paramsJSON)
    if (command !== 'system.run' || typeof runId !== 'string') return
    quietly('node.event', { event, payload: { runId, sessionKey, host: 'node', command: rawCommand, suppressNotifyOnExit, ...more } })
  }

  async function perform (request: Request): Promise<void> {
    const { id, nodeId, command, paramsJSON } = request
    const ending = new AbortController()
    underWay.set(id, ending)
    let seq = 0
    const progress = (chunk: string): void => quietly('node.invoke.progress', { invokeId: id, nodeId, seq: seq++, chunk })
    lifecycle('exec.started', request)
    const { ok, payload, error } = await machine.handle(command, paramsJSON, { signal: ending.signal, progress })
    underWay.delete(id)
    const { exitCode, timedOut, success, stdout } = (payload ?? {}) as { [name: string]: unknown }
    if (ok) lifecycle('exec.finished', request, { exitCode, timedOut, success, output: String(stdout ?? '').slice(-maxOutputChars) })
    else lifecycle('exec.denied', request, { reason: error?.message })
    await client.call('node.invoke.result', { id, nodeId, ok, ...(payload ? { payload } : {}), ...(error ? { error } : {}) })
  }

  const stop = client.onEvent(({ event, payload }: GatewayEvent) => {
    if (event === 'node.invoke.request') perform(payload as Request).catch((error: Error) => say(`An answer did not reach the gateway: ${error.message}`))
    if (event === 'node.invoke.cancel') underWay.get((payload as { id: string }).id)?.abort()
    if (event === 'node.pair.resolved') say(`What this node offers was ${(payload as { decision: string }).decision}.`)
  })
  const tellStats = (): void => { machine.stats().then(payload => quietly('node.event', { event: 'node.host.stats', payload }), () => {}) }

  /** What was asked while this machine was away. How it is, it tells anyway; where it is, it does not know. */
  async function takeWaiting (): Promise<void> {
    for (let isMore = true; isMore;) isMore = (await client.call('node.pending.drain', { maxItems: 10 }) as { hasMore?: boolean }).hasMore === true
  }

  const report = (): void => {
    tellStats()
    takeWaiting().catch(() => {})
  }
  /** Also when there are none: those of an earlier connection are gone anyway, and a gateway that knows no skills takes no harm. */
  machine.skills().then(skills => quietly('node.skills.update', { skills }), () => {})
  report()
  const timer = setInterval(report, statsEveryMs)
  const leave = (): void => { client.close().catch(() => {}) }
  signal.addEventListener('abort', leave, { once: true })
  if (signal.aborted) leave()
  try {
    const { code, reason } = await client.closed
    if (!signal.aborted) say(`The gateway closed the connection (${code}${reason ? ` ${reason}` : ''}).`)
  } finally {
    clearInterval(timer)
    stop()
    signal.removeEventListener('abort', leave)
    for (const ending of underWay.values()) ending.abort()
  }
}

/** The first credential that the gateway takes; otherwise what it said of the first. */
async function enter ({ connect, pin, credentials }: NodeLinkOptions): Promise<GatewayClient> {
  const tls = await pin()
  let refusal: unknown
  for (const auth of await credentials()) {
    try {
      return await connectGateway({ ...connect, tls, auth })
    } catch (error) {
      if (!isClientError(error) || !isFinal(error)) throw error
      refusal ??= error
    }
  }
  throw refusal
}

/** Ends when it is told to; rejects when the gateway does not want this machine and no waiting would change that. */
export async function keepLinked (options: NodeLinkOptions): Promise<void> {
  const { say, signal, connect, machine, admitted } = options
  let waitMs = firstWaitMs
  let said = ''
  const sayOnce = (text: string): void => {
    if (text !== said) say(text)
    said = text
  }
  while (!signal.aborted) {
    try {
      const client = await enter(options)
      await admitted(client)
      said = ''
      say(`Connected to ${client.url} as node ${client.deviceId?.slice(0, 12)}, offering ${machine.commands.join(', ') || 'nothing'}.`)
      waitMs = firstWaitMs
      await serve(client, options)
    } catch (error) {
      if (!isClientError(error) || isFinal(error)) throw error
      if (waitsForApproval(error)) {
        waitMs = approvalWaitMs
        sayOnce(`This device waits for approval. On the gateway: openclaw devices approve ${String(error.details['requestId'] ?? '')}`.trimEnd())
      } else sayOnce(`${error.message} (trying ${connect.url} again)`)
      if (error.retryAfterMs) waitMs = Math.max(waitMs, Math.min(error.retryAfterMs, longestWaitMs))
    }
    if (signal.aborted) return
    await delay(waitMs * (0.75 + Math.random() / 2), undefined, { signal }).catch(() => {})
    waitMs = Math.min(longestWaitMs, waitMs * 2)
  }
}
