/** One open connection to a server: what it has, and calls. With the transport beside it the only file that knows the package. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, SdkHttpError, SSEClientTransport, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client'
import type { Environment } from '../exec/environment.ts'
import { createFetch } from './fetch.ts'
import type { ResolvedServer } from './secrets.ts'
import { createStdioTransport, type StdioTransport } from './stdio.ts'

/** A tool as a server describes it. None of it has been checked. */
export interface ForeignTool {
  readonly name: string
  readonly title?: string
  readonly description?: string
  readonly inputSchema: { readonly [field: string]: unknown }
  readonly annotations?: { readonly title?: string, readonly readOnlyHint?: boolean }
}

export interface ForeignResult {
  readonly content: ReadonlyArray<{ readonly type: string, readonly [field: string]: unknown }>
  readonly structuredContent?: unknown
  readonly isError?: boolean
}

export interface CallOptions {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  progress (text: string): void
}

export interface Connection {
  readonly pid: number | undefined
  readonly serverName: string
  readonly serverVersion: string
  readonly tools: readonly ForeignTool[]
  call (tool: string, args: object, options: CallOptions): Promise<ForeignResult>
  /** Settles when it has ended, with the reason if there is one. */
  readonly ended: Promise<string>
  close (): Promise<void>
}

export interface ConnectOptions {
  readonly server: ResolvedServer
  readonly environment: Environment
  readonly version: string
  /** The server has other tools now. */
  readonly onTools: (tools: readonly ForeignTool[]) => void
  /** Something went wrong that ends nothing. */
  readonly onProblem: (text: string) => void
  readonly signal: AbortSignal
}

/** A longer list is nothing a model could choose from. */
const maxTools = 256
const maxPages = 32
/** As long as it shows that it works. */
const maxTotalFactor = 10

function textOf (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof SdkHttpError) {
    const { status, text } = (error.data ?? {}) as { status?: number, text?: string | null }
    return status === undefined || status < 400 ? error.message : `it answers ${status}${text ? `: ${text.slice(0, 500)}` : ''}`
  }
  const { code, message } = (error.cause ?? {}) as { code?: string, message?: string }
  const why = code ?? message
  return why === undefined ? error.message : `${error.message} (${why})`
}

function transportOf ({ settings, env, headers, cwd }: ResolvedServer, environment: Environment, isOld: boolean): Transport {
  const { entry } = settings
  if (settings.transport === 'stdio') return createStdioTransport({ command: entry.command!, args: entry.args ?? [], cwd, environment, env })
  const address = new URL(entry.url!)
  const options = { fetch: createFetch(entry.url!), requestInit: { headers } }
  return isOld ? new SSEClientTransport(address, options) : new StreamableHTTPClientTransport(address, options)
}

async function listTools (client: Client, timeoutMs: number, signal?: AbortSignal): Promise<readonly ForeignTool[]> {
  if (!client.getServerCapabilities()?.tools) return []
  const tools: ForeignTool[] = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages && tools.length < maxTools; page++) {
    const params = cursor === undefined ? {} : { cursor }
    const answer = await client.request({ method: 'tools/list', params }, { timeout: timeoutMs, ...(signal ? { signal } : {}) })
    tools.push(...answer.tools as ForeignTool[])
    cursor = answer.nextCursor
    if (cursor === undefined) break
  }
  return tools.slice(0, maxTools)
}

/** One look at a time; what changes meanwhile is seen by the next. */
function followTools (client: Client, timeoutMs: number, { onTools, onProblem }: ConnectOptions): void {
  let isLooking = false
  let again = false
  const look = async (): Promise<void> => {
    isLooking = true
    do {
      again = false
      await listTools(client, timeoutMs).then(onTools, error => onProblem(`its tools could not be read: ${textOf(error)}`))
    } while (again)
    isLooking = false
  }
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    if (isLooking) again = true
    else void look()
  })
}

/** The handshake over one transport; whatever fails, nothing of it is left. */
async function shakeHands (client: Client, transport: Transport, { server: { settings }, signal }: ConnectOptions): Promise<void> {
  const abandon = (): void => { void transport.close() }
  signal.addEventListener('abort', abandon, { once: true })
  try {
    signal.throwIfAborted()
    await client.connect(transport, { timeout: settings.connectionTimeoutMs, signal })
  } catch (error) {
    const { ending, lastWords } = transport as Partial<StdioTransport>
    const why = ending?.() ?? textOf(error)
    await transport.close().catch(() => {})
    const words = lastWords?.()
    throw new Error(words ? `${why}; it said: ${words}` : why, { cause: error })
  } finally {
    signal.removeEventListener('abort', abandon)
  }
}

/** A server of the time before streamable HTTP answers a POST to its address with a 4xx. */
const isOlderServer = (error: unknown): boolean => {
  const { cause } = error as Error
  return cause instanceof SdkHttpError && [400, 404, 405].includes(cause.data?.status ?? 0)
}

interface Opened { readonly client: Client, readonly transport: Transport }

async function open (options: ConnectOptions): Promise<Opened> {
  const { server, environment, version } = options
  const attempt = async (isOld: boolean): Promise<Opened> => {
    const client = new Client({ name: 'openclaw-gateway', version }, { capabilities: {} })
    const transport = transportOf(server, environment, isOld)
    await shakeHands(client, transport, options)
    return { client, transport }
  }
  const { transport } = server.settings
  try {
    return await attempt(transport === 'sse')
  } catch (error) {
    if (transport !== 'http' || !isOlderServer(error)) throw error
    return await attempt(true).catch(() => { throw error })
  }
}

/** A session that its server has forgotten, or no server at all. Nothing is sent again: it may have been done. */
const isBroken = (error: unknown): boolean => error instanceof SdkHttpError
  ? error.data?.status === 404
  : error instanceof TypeError && error.message === 'fetch failed'

/** A server that does not answer is not waited for. */
const goodbyeMs = 500

async function closeBoth ({ client, transport }: Opened): Promise<void> {
  // So that the server need not keep the session.
  if (transport instanceof StreamableHTTPClientTransport) {
    await Promise.race([transport.terminateSession().catch(() => {}), sleep(goodbyeMs, undefined, { ref: false })])
  }
  await client.close()
}

async function call (client: Client, tool: string, args: object, { signal, timeoutMs, progress }: CallOptions): Promise<ForeignResult> {
  // Not callTool: that checks answers against schemas which the server wrote.
  const params = { name: tool, arguments: args as { [name: string]: unknown } }
  return await client.request({ method: 'tools/call', params }, {
    signal,
    timeout: timeoutMs,
    resetTimeoutOnProgress: true,
    maxTotalTimeout: timeoutMs * maxTotalFactor,
    onprogress: ({ message }) => { if (message !== undefined) progress(message) }
  }) as ForeignResult
}

export async function connect (options: ConnectOptions): Promise<Connection> {
  const opened = await open(options)
  const { client, transport } = opened
  const { connectionTimeoutMs } = options.server.settings
  const process = transport as Partial<StdioTransport>
  const { promise: ended, resolve: end } = Promise.withResolvers<string>()
  client.onclose = () => end(process.ending?.() ?? 'the connection was closed')
  client.onerror = error => {
    // What comes after its call was given up is no problem of the server.
    if (!/unknown (token|message ID)/.test(error.message)) options.onProblem(textOf(error))
  }
  followTools(client, connectionTimeoutMs, options)
  try {
    const tools = await listTools(client, connectionTimeoutMs, options.signal)
    const { name = 'unknown', version = '' } = client.getServerVersion() ?? {}
    return {
      pid: process.pid,
      serverName: name.slice(0, 100),
      serverVersion: version.slice(0, 50),
      tools,
      ended,
      close: async () => await closeBoth(opened),
      async call (tool, args, more) {
        try {
          return await call(client, tool, args, more)
        } catch (error) {
          if (isBroken(error)) await client.close()
          throw error
        }
      }
    }
  } catch (error) {
    await closeBoth(opened)
    throw error
  }
}
