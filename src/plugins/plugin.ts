/** One plugin that is there: what it brought, how it fares, and the fence around its code. */
import { randomUUID } from 'node:crypto'
import type { Channel } from '../channels/define-channel.ts'
import type { Logger } from '../log/logger.ts'
import { repeatKey } from '../log/repeats.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import type { ProviderDeclaration } from '../providers/define-provider.ts'
import { ProviderError } from '../providers/model.ts'
import type { Method } from '../rpc/define-method.ts'
import { ToolBlocked, ToolRefusal } from '../tools/invocation.ts'
import type { Tool } from '../tools/tool.ts'
import { contained, type Suspect } from './containment.ts'
import type { PluginService } from './declaration.ts'
import type { Candidate } from './discovery.ts'
import { reasonOf } from './failure.ts'
import type { OpenRoute } from './routes.ts'
import type { PluginConfig } from './settings.ts'

export interface Contributions {
  readonly tools: Tool[]
  readonly methods: Map<string, Method<unknown>>
  readonly routes: OpenRoute[]
  readonly providers: Map<string, ProviderDeclaration>
  /** Kept for the room that runs channels. */
  readonly channels: Channel[]
  readonly services: PluginService[]
}

export interface GuardBounds {
  readonly limitMs: number
  readonly signal?: AbortSignal
}

export interface Plugin extends Suspect {
  readonly candidate: Candidate
  readonly config: PluginConfig
  readonly log: Logger
  readonly brought: Contributions
  /** Ends when it is taken away. */
  readonly signal: AbortSignal
  /** What it did not do as it should, but lives on with. */
  readonly remarks: string[]
  /** The last thing that went wrong while it was used. */
  fault (): string | undefined
  /** Its code, called for somebody: whatever it throws becomes a refusal that names it. */
  guard<Result> (what: string, bounds: GuardBounds, work: (signal: AbortSignal) => Result | Promise<Result>): Promise<Result>
  /** Notes a failure, and makes what the caller hears of it. */
  failed (what: string, error: unknown): GatewayError
  end (reason: string): void
}

export interface PluginOptions {
  readonly candidate: Candidate
  readonly config: PluginConfig
  readonly log: Logger
  readonly redact: (text: string) => string
  readonly onStray: (plugin: Plugin, reason: string) => void
}

/** Calls of one plugin that go on at the same time. */
const maxInFlight = 256

const maxRemarks = 20

/** Said on purpose, with words for the caller. */
const isIntended = (error: unknown): boolean =>
  isGatewayError(error) || error instanceof ToolRefusal || error instanceof ToolBlocked || error instanceof ProviderError

export function createPlugin ({ candidate, config, log, redact, onStray }: PluginOptions): Plugin {
  const { id } = candidate.manifest
  const life = new AbortController()
  let inFlight = 0
  let lastFault: string | undefined

  function failed (what: string, error: unknown): GatewayError {
    const errorId = randomUUID()
    lastFault = `${what}: ${redact(reasonOf(error))}`
    // The same failure again is only counted; another one is not the same for having the same sentence.
    log.error({ [repeatKey]: `${id} ${lastFault}`, err: error, errorId, plugin: id, what }, 'a plugin failed')
    return new GatewayError('PLUGIN_FAILED', { message: `the plugin ${id} failed (${what})`, details: { pluginId: id, errorId }, cause: error })
  }

  const plugin: Plugin = {
    id,
    candidate,
    config,
    log,
    brought: { tools: [], methods: new Map(), routes: [], providers: new Map(), channels: [], services: [] },
    signal: life.signal,
    remarks: [],
    fault: () => lastFault,
    failed,
    async guard (what, { limitMs, signal }, work) {
      if (life.signal.aborted) throw new GatewayError('PLUGIN_FAILED', { message: `the plugin ${id} is not there any more`, details: { pluginId: id } })
      if (inFlight >= maxInFlight) throw new GatewayError('BUSY', { message: `the plugin ${id} has too much to do`, details: { pluginId: id } })
      inFlight++
      try {
        return await contained(plugin, { limitMs, signals: [life.signal, ...(signal ? [signal] : [])] }, work)
      } catch (error) {
        if (isIntended(error) || signal?.aborted) throw error
        throw failed(what, error)
      } finally {
        inFlight--
      }
    },
    stray (error) {
      const reason = redact(reasonOf(error))
      log.error({ [repeatKey]: `${id} ${reason}`, err: error, plugin: id }, 'a plugin left an error uncaught')
      onStray(plugin, reason)
    },
    end: reason => life.abort(new Error(reason))
  }
  return plugin
}

export function remark ({ remarks }: Plugin, text: string): void {
  if (remarks.length < maxRemarks) remarks.push(text)
}
