/** One server from its first need on: opened when somebody needs it, opened again when it has gone, left alone when it keeps failing. */
import type { LoadedConfig } from '../../config/load.ts'
import { leftUntil } from '../../lib/clock.ts'
import type { ToolContext, ToolResult } from '../tool.ts'
import type { Connection, ForeignTool } from './connection.ts'
import type { McpSources } from './mcp.ts'
import { failedResult, resultOf } from './results.ts'
import type { ServerSettings } from './settings.ts'

export type ServerState = 'idle' | 'connecting' | 'ready' | 'failed' | 'closed'

export interface ServerFacts extends Partial<Pick<Connection, 'pid' | 'serverName' | 'serverVersion'>> {
  readonly failures: number
  readonly retryAtMs?: number
}

export interface McpServer {
  readonly settings: ServerSettings
  readonly tools: readonly ForeignTool[]
  readonly state: ServerState
  readonly lastError: string | undefined
  readonly facts: ServerFacts
  /** Resolves when it is open; rejects with a sentence. `again`: also when it failed just now. */
  open (again?: boolean): Promise<Connection>
  /** Resolves when it is open, has failed, or has been given time enough. Never rejects. */
  settled (): Promise<void>
  call (tool: string, args: object, context: ToolContext): Promise<ToolResult>
  close (): Promise<void>
}

export interface ServerOptions extends Pick<McpSources, 'log' | 'redact' | 'now' | 'env' | 'version'> {
  readonly settings: ServerSettings
  readonly config: () => LoadedConfig
  readonly idleMs: () => number
  /** What it has, whenever that is known or has changed. */
  readonly onTools: (tools: readonly ForeignTool[]) => void
}

/** What a run waits at most before it goes on without the tools of a server. */
const patienceMs = 10_000
/** A server that was up for so long has earned a fresh start. */
const stableMs = 60_000
const longestPauseMs = 300_000
const maxCallsAtOnce = 32
/** Unanswered one after the other: it hangs. */
const maxUnanswered = 3

/** The first failure is forgiven at once. */
const pauseAfter = (failures: number): number => failures <= 1 ? 0 : Math.min(1_000 * 2 ** (failures - 2), longestPauseMs)

const doubt = 'Whether it took effect is not known: check before calling it again.'

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 2_000)

const reasonOf = ({ reason }: AbortSignal): Error => reason instanceof Error ? reason : new Error('aborted')

function untilAborted<T> (work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(reasonOf(signal))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

export function createServer (options: ServerOptions): McpServer {
  const { settings, log, redact, now } = options
  const { name, requestTimeoutMs } = settings
  const stopping = new AbortController()
  let tools: readonly ForeignTool[] = []
  let connection: Connection | undefined
  let opening: { readonly promise: Promise<Connection>, readonly sinceMs: number } | undefined
  let failures = 0
  let retryAtMs = 0
  let pauseMs = 0
  let lastError: string | undefined
  let active = 0
  let unanswered = 0
  let problems = 0
  let idle: NodeJS.Timeout | undefined
  let mask = (text: string): string => text
  const clean = (text: string): string => redact(mask(text))

  function failed (why: string): string {
    failures++
    pauseMs = pauseAfter(failures)
    retryAtMs = now() + pauseMs
    lastError = clean(why)
    return lastError
  }

  function take (found: readonly ForeignTool[]): void {
    if (stopping.signal.aborted) return
    tools = found
    options.onTools(found)
  }

  /** What it prints beside its messages is told a few times only. */
  function onProblem (text: string): void {
    if (++problems <= 3) log.warn({ server: name, problem: clean(text) }, 'an MCP server said something wrong')
  }

  function watch (opened: Connection, sinceMs: number): void {
    opened.ended.then(why => {
      if (connection !== opened) return
      connection = undefined
      clearTimeout(idle)
      if (now() - sinceMs >= stableMs) failures = 0
      log.warn({ server: name, reason: failed(why), failures }, 'an MCP server has gone; it is opened again when it is needed')
    }).catch(() => {})
  }

  async function openNow (): Promise<Connection> {
    try {
      if (settings.problem !== undefined) throw new Error(settings.problem)
      const [{ connect }, { resolveServer }, { refusedNames }] = await Promise.all([
        import('./connection.ts'), import('./secrets.ts'), import('./stdio.ts')
      ])
      const server = await resolveServer(settings, options.config())
      mask = server.mask
      const names = refusedNames(server.env)
      if (names.length > 0) log.warn({ server: name, names }, 'an MCP server is not given variables that change which code it runs')
      problems = unanswered = 0
      const { env: environment, version } = options
      const opened = await connect({ server, environment, version, onTools: take, onProblem, signal: stopping.signal })
      if (stopping.signal.aborted) {
        await opened.close()
        throw new Error('it was stopped')
      }
      connection = opened
      lastError = undefined
      watch(opened, now())
      take(opened.tools)
      log.info({ server: name, tools: opened.tools.length, pid: opened.pid }, 'an MCP server is ready')
      rest()
      return opened
    } catch (error) {
      const why = failed(messageOf(error))
      if (!stopping.signal.aborted) log.warn({ server: name, reason: why, failures, retryAtMs }, 'an MCP server could not be opened')
      throw new Error(why)
    }
  }

  async function open (again = false): Promise<Connection> {
    if (stopping.signal.aborted) throw new Error('it was stopped')
    if (connection) return connection
    if (opening) return await opening.promise
    const waitMs = leftUntil(retryAtMs, pauseMs, now())
    if (!again && waitMs > 0) throw new Error(`${lastError}; it is tried again in ${Math.ceil(waitMs / 1000)} s`)
    const promise = openNow().finally(() => { opening = undefined })
    opening = { promise, sinceMs: now() }
    return await promise
  }

  /** Closed on purpose: no failure, and its tools are still there to be asked for. */
  async function retire (): Promise<void> {
    const leaving = connection
    connection = undefined
    clearTimeout(idle)
    await leaving?.close()
  }

  function rest (): void {
    clearTimeout(idle)
    const idleMs = options.idleMs()
    if (idleMs > 0 && active === 0 && connection) idle = setTimeout(() => { void retire() }, idleMs).unref()
  }

  async function ask (opened: Connection, tool: string, args: object, { signal, update }: ToolContext): Promise<ToolResult> {
    const progress = (text: string): void => update({ content: [{ type: 'text', text: clean(text).slice(0, 2_000) }] })
    try {
      const result = resultOf(await opened.call(tool, args, { signal, timeoutMs: requestTimeoutMs, progress }), mask)
      unanswered = 0
      failures = 0
      return result
    } catch (error) {
      if (signal.aborted) throw reasonOf(signal)
      if (connection !== opened) return failedResult(`The MCP server "${name}" went away while it worked (${lastError ?? 'closed'}). ${doubt}`)
      if ((error as { code?: unknown }).code === 'REQUEST_TIMEOUT') return await hung(opened)
      unanswered = 0
      return failedResult(`The MCP server "${name}" refused: ${clean(messageOf(error))}`)
    }
  }

  async function hung (opened: Connection): Promise<ToolResult> {
    if (++unanswered >= maxUnanswered && connection === opened) {
      await retire()
      log.warn({ server: name, reason: failed(`it left ${unanswered} calls unanswered`) }, 'an MCP server hangs and was ended')
    }
    return failedResult(`The MCP server "${name}" did not answer within ${requestTimeoutMs} ms (mcp.servers.${name}.requestTimeoutMs). ${doubt}`)
  }

  function state (): ServerState {
    if (stopping.signal.aborted) return 'closed'
    if (connection) return 'ready'
    return opening ? 'connecting' : lastError === undefined ? 'idle' : 'failed'
  }

  return {
    settings,
    get tools () { return tools },
    get state () { return state() },
    get lastError () { return lastError },
    get facts () {
      const { pid, serverName, serverVersion } = connection ?? {}
      return { pid, serverName, serverVersion, failures, ...(retryAtMs > now() ? { retryAtMs } : {}) }
    },
    open,
    async settled () {
      const { promise, resolve } = Promise.withResolvers<void>()
      open().then(() => resolve(), () => resolve())
      const leftMs = opening ? opening.sinceMs + patienceMs - now() : patienceMs
      const timer = setTimeout(resolve, Math.max(0, leftMs))
      await promise
      clearTimeout(timer)
    },
    async call (tool, args, context) {
      if (active >= maxCallsAtOnce) return failedResult(`The MCP server "${name}" has ${active} calls to do already; try again when some are done.`)
      active++
      clearTimeout(idle)
      try {
        const opened = await untilAborted(open(), context.signal).catch((error: unknown) => {
          if (context.signal.aborted) throw reasonOf(context.signal)
          return messageOf(error)
        })
        if (typeof opened === 'string') return failedResult(`The MCP server "${name}" cannot be reached: ${opened}.`)
        return await ask(opened, tool, args, context)
      } finally {
        active--
        rest()
      }
    },
    async close () {
      stopping.abort(new Error('it was stopped'))
      clearTimeout(idle)
      await opening?.promise.catch(() => {})
      await retire()
    }
  }
}
