/** What happens when the configuration of a running gateway changes: who is told, what is renewed, and when it has to begin anew. */
import type { GatewayAuth } from '../auth/gateway-auth.ts'
import type { Environment } from '../config/environment.ts'
import type { Follower } from '../config/follow.ts'
import type { LiveConfig, ReloadOutcome } from '../config/live-config.ts'
import { formatIssues, newIssues, type LoadedConfig } from '../config/load.ts'
import { diffConfig } from '../config/reload.ts'
import type { ReloadFacts, Reloads, RestartAnswer, RestartRequest } from '../config/reloads.ts'
import type { EventBus } from '../events/bus.ts'
import type { LogLevel } from '../log/level.ts'
import type { Logging } from '../log/logger.ts'

/** What only the process around the gateway can do. */
export interface ReloadPorts {
  /** The credential that a configuration means, with flags and environment; throws what forbids it, or a start with all that is written. */
  readonly authOf?: (next: LoadedConfig, written: LoadedConfig) => Promise<GatewayAuth>
  readonly logLevels?: (loaded: LoadedConfig) => { level: LogLevel, consoleLevel: LogLevel }
  /** The gateway is begun anew as soon as nothing runs, or when that takes too long. */
  readonly restart?: (request: RestartRequest) => RestartAnswer
}

export interface ReloadParts extends ReloadPorts {
  readonly live: LiveConfig
  readonly configPath: string
  readonly env: Environment
  readonly logging: Logging
  readonly events: EventBus
  readonly now: () => number
  readonly replaceAuth: (auth: GatewayAuth) => void
  /** What was read off the configuration once is read again. */
  readonly rebuild: () => void
}

export interface ReloadRoom extends Reloads {
  begin (): Promise<void>
  close (): void
}

const maxNamed = 12
/** Whoever waits for the gateway comes first. */
const keepAfterMs = 1_000
const named = (paths: readonly string[]): string =>
  paths.slice(0, maxNamed).join(', ') + (paths.length > maxNamed ? ` and ${paths.length - maxNamed} more` : '')

/** Restarts in a row keep a distance, which would look like a change that is not heard. */
const whenOf = ({ delayMs }: RestartAnswer): string =>
  ` — deferring until nothing runs${delayMs > 1_000 ? `, and for ${Math.ceil(delayMs / 1_000)} s: the last restart was a moment ago` : ''}`

export function composeReload (parts: ReloadParts): ReloadRoom {
  const { live, logging, events, now, authOf, logLevels } = parts
  const log = logging.child('reload')
  const settings = () => live.current().config.gateway.reload
  let follower: Follower | undefined
  let isClosed = false
  let appliedAtMs: number | undefined
  let refused: ReloadFacts['refused']
  let announced = ''
  let heard: ReloadOutcome | undefined
  let hasBegun = false
  let keeping: NodeJS.Timeout | undefined

  if (authOf) {
    live.prepare(async (next, written) => {
      const auth = await authOf(next, written)
      return () => parts.replaceAuth(auth)
    })
  }

  function needsRestart (pending: readonly string[]): void {
    const names = named(pending)
    const isNews = names !== announced
    announced = names
    if (pending.length === 0) return
    const { mode } = settings()
    const isIgnored = mode === 'off' || mode === 'hot'
    if (isIgnored) {
      if (isNews) log.warn(`config reload requires gateway restart; ${mode} mode ignoring (${names})`)
      return
    }
    const answer = parts.restart?.({ reason: `config reload: ${names}`, stillNeeded: () => live.pending().length > 0 })
    if (isNews) log.warn(`config change requires gateway restart (${names})${answer ? whenOf(answer) : ''}`)
  }

  /** A gateway that holds for a moment has started well. A write that fails costs nothing that runs. */
  function keepGood (): void {
    keeping ??= setTimeout(() => {
      keeping = undefined
      if (live.pending().length > 0 || isClosed) return
      import('../config/backup-files.ts').then(async ({ keepLastGood }) => await keepLastGood(live.current(), parts.env))
        .catch((err: unknown) => log.debug({ err }, 'no copy of the configuration could be kept'))
    }, keepAfterMs).unref()
  }

  let before = live.current()
  live.onChange(outcome => {
    const { applied, pending } = heard = outcome
    const current = live.current()
    refused = undefined
    parts.rebuild()
    if (logLevels && diffConfig(before.config.logging, current.config.logging).length > 0) logging.setLevels(logLevels(current))
    for (const line of formatIssues(current, newIssues(before.warnings, current.warnings))) log.warn(`config: ${line}`)
    before = current
    if (applied.length > 0) {
      appliedAtMs = now()
      log.info(`config hot reload applied (${named(applied)})`)
    }
    events.emit('config.changed', { ts: now(), hash: current.hash ?? null, applied: [...applied], pending: [...pending] })
    needsRestart(pending)
    if (hasBegun) begin().catch((err: unknown) => log.warn({ err }, 'the configuration is not watched'))
  })

  function refuse (reason: string): void {
    if (refused?.reason === reason) return
    refused = { atMs: now(), reason }
    log.error(`config reload skipped (${reason}); the gateway goes on with what it has`)
    events.emit('config.changed', { ts: now(), hash: live.current().hash ?? null, applied: [], pending: [...live.pending()], refused: reason })
  }

  async function begin (): Promise<void> {
    keepGood()
    hasBegun = true
    if (settings().mode === 'off') {
      follower?.close()
      follower = undefined
    }
    if (isClosed || follower || settings().mode === 'off') return
    const { createFollower } = await import('../config/follow.ts')
    if (isClosed || follower) return
    follower = createFollower({
      live,
      configPath: parts.configPath,
      debounceMs: () => settings().debounceMs,
      taken () {
        refused = undefined
        needsRestart(live.pending())
      },
      refused: refuse,
      vanished: () => log.warn(`the configuration ${parts.configPath} is gone or empty; the gateway goes on with what it has`),
      trouble: err => log.warn({ err }, 'changes of the configuration may be noticed late')
    })
    await follower.begin()
  }

  return {
    facts: () => ({
      mode: settings().mode,
      watching: follower !== undefined && settings().mode !== 'off',
      pending: live.pending(),
      ...(appliedAtMs === undefined ? {} : { appliedAtMs }),
      ...(refused ? { refused } : {})
    }),
    async now (options = {}) {
      heard = undefined
      await live.reload(options)
      refused = undefined
      return heard ?? { applied: [], pending: live.pending() }
    },
    restart: request => parts.restart?.(request),
    begin,
    close () {
      isClosed = true
      clearTimeout(keeping)
      follower?.close()
    }
  }
}
