/** A bridge over standard input and output, for as long as its client is there. */
import type { Readable, Writable } from 'node:stream'
import { createLineReader } from '../../lib/message-lines.ts'
import { createMcpEndpoint, mcpError, mcpErrors, type McpEndpoint } from '../../protocol/mcp.ts'
import { isClientError } from '../client-error.ts'
import { createBridge, type Bridge, type BridgeOptions } from './bridge.ts'
import { bridgeTools } from './bridge-tools.ts'

export interface ServeOptions extends Omit<BridgeOptions, 'notify'> {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly version: string
  /** Ends the bridge. */
  readonly signal: AbortSignal
}

const maxMessageBytes = 8 * 1024 * 1024
/** Tools of the gateway may take their time. */
const invokeTimeoutMs = 600_000

const own = new Map(bridgeTools.map(tool => [tool.name, tool]))

const failure = (text: string): object => ({ content: [{ type: 'text', text }], isError: true })

async function gatewayTools ({ link }: Bridge): Promise<object[]> {
  if (!await link.serves('mcp.tools')) return []
  const { tools } = await link.request('mcp.tools', {}) as { tools: Array<{ name: string }> }
  return tools.filter(({ name }) => !own.has(name))
}

interface Invoked {
  readonly ok: boolean
  readonly output?: { readonly content: unknown, readonly details?: unknown, readonly isError?: boolean }
  readonly error?: { readonly code: string, readonly message: string }
}

async function invoke ({ link }: Bridge, name: string, args: object): Promise<object | undefined> {
  const { ok, output, error } = await link.request('tools.invoke', { name, args }, invokeTimeoutMs) as Invoked
  if (!ok && error?.code === 'not_found') return undefined
  if (!ok || !output) return failure(error?.message ?? 'the tool failed')
  const { content, details, isError } = output
  const isData = typeof details === 'object' && details !== null && !Array.isArray(details)
  return { content, ...(isData ? { structuredContent: details } : {}), ...(isError ? { isError } : {}) }
}

function endpointOf (bridge: Bridge, { version, tellsChannels, note }: ServeOptions): McpEndpoint<undefined> {
  return createMcpEndpoint<undefined>({
    info: { name: 'openclaw', version },
    ...(tellsChannels ? { capabilities: { experimental: { 'claude/channel': {}, 'claude/channel/permission': {} } } } : {}),
    async listTools () {
      const bridged = bridgeTools.map(({ name, description, inputSchema, isReading: readOnlyHint }) =>
        ({ name, description, inputSchema, annotations: { readOnlyHint } }))
      return [...bridged, ...await gatewayTools(bridge)]
    },
    async callTool ({ name, args, signal }) {
      try {
        const tool = own.get(name)
        return tool ? await tool.run(args, bridge, signal) : await invoke(bridge, name, args)
      } catch (error) {
        // The gateway said no, or is away: the client's model can read that.
        if (isClientError(error)) return failure(error.message)
        throw error
      }
    },
    notified (method, params) {
      if (method === 'notifications/claude/channel/permission_request') bridge.permissionAsked(params)
    },
    failed: error => note(`An MCP request failed: ${error instanceof Error ? error.message : String(error)}`)
  })
}

/** Resolves when the client has gone. Rejects when the gateway lets nobody in. */
export async function serveMcp (options: ServeOptions): Promise<void> {
  const { stdin, stdout, signal } = options
  const gone = new AbortController()
  const end = (): void => gone.abort(new Error('the client went away'))
  const write = (message: object): void => { if (!gone.signal.aborted) stdout.write(`${JSON.stringify(message)}\n`) }
  const bridge = createBridge({ ...options, notify: (method, params) => write({ jsonrpc: '2.0', method, params }) })
  const endpoint = endpointOf(bridge, options)
  const reader = createLineReader({
    message (message) {
      void endpoint.handle(message, { client: '', visit: undefined, signal: gone.signal }).then(reply => { if (reply) write(reply) })
    },
    tooLarge: id => write(mcpError(id ?? null, mcpErrors.request, `a message must not be larger than ${maxMessageBytes} bytes`)),
    problem: text => write(mcpError(null, mcpErrors.parse, text))
  }, maxMessageBytes)
  stdin.on('data', reader.add)
  for (const event of ['end', 'close', 'error']) stdin.once(event, end)
  stdout.once('error', end)
  signal.addEventListener('abort', end, { once: true })
  try {
    await Promise.race([bridge.link.ready, new Promise(resolve => { gone.signal.addEventListener('abort', resolve, { once: true }) })])
    if (!gone.signal.aborted) await new Promise(resolve => { gone.signal.addEventListener('abort', resolve, { once: true }) })
  } finally {
    end()
    // An input that is listened to keeps the process.
    stdin.destroy()
    await bridge.close()
  }
}
