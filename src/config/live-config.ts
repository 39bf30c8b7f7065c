/** The configuration that a gateway runs with, and the one way in which the gateway itself changes its file. */
import { isDeepStrictEqual } from 'node:util'
import { createOneAtATime } from '../lib/one-at-a-time.ts'
import { readIfPresent } from '../lib/private-file.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import type { Environment } from './environment.ts'
import { formatIssue, newIssues } from './issues.ts'
import { hashConfigText, loadConfig, type LoadedConfig } from './load.ts'
import type { Paths } from './paths.ts'
import { diffConfig, heldPaths, holdBack, type ReloadWay } from './reload.ts'
import { startObstacles } from './start-obstacles.ts'

export interface LiveConfig {
  /** A new object whenever something in it has changed. */
  current (): LoadedConfig
  /** The file as it is now, whatever of it runs. */
  written (): Promise<LoadedConfig>
  /**
   * Changes the file as it is now, not as it was when the gateway started: comments, unknown keys and what others wrote meanwhile stay.
   * What is written takes effect at once where its reload class says so; the rest waits for a restart.
   */
  change (edit: ConfigEdit, options?: ChangeOptions): Promise<LoadedConfig>
  /** The same without a change of ours: what others wrote takes effect. Whatever is wrong with it, the gateway goes on as it was. */
  reload (options?: ReloadOptions): Promise<LoadedConfig>
  /** `listener` is called whenever something has taken effect. */
  onChange (listener: (outcome: ReloadOutcome) => void): void
  /** Something has to be fetched before a change can take effect. When it cannot be had, nothing changes. */
  prepare (step: Preparation): void
  /** What is written and waits for a restart. */
  pending (): readonly string[]
}

/**
 * Gets ready for a configuration (`written` is all of it, also what waits for a restart); what it returns is called in the moment in
 * which that takes effect.
 */
export type Preparation = (next: LoadedConfig, written: LoadedConfig) => Promise<() => void>

export interface ReloadOutcome {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
}

export interface ReloadOptions {
  /** `seen`: nobody asked for it, so gateway.reload.mode decides what of it takes effect. */
  readonly way?: ReloadWay
  /** Credentials are fetched again, also where nothing else has changed. */
  readonly freshSecrets?: boolean
}

export interface ChangeOptions {
  readonly way?: ReloadWay
  /** Of the text that the change was made for; `null`: there was no file. Anything else is refused. */
  readonly baseHash?: string | null
  /** A change that loses most of the file is no mistake. Default: an edit names what it removes. */
  readonly allowDestructive?: boolean
}

/** From the text of the file, and what it means, to the new text. */
export type ConfigEdit = (text: string, loaded: LoadedConfig) => string

export interface LiveConfigOptions {
  readonly loaded: LoadedConfig
  readonly paths: Paths
  readonly env: Environment
}

function refuseInvalid (before: LoadedConfig, after: LoadedConfig): void {
  const [issue, ...others] = newIssues([...before.issues, ...startObstacles(before)], [...after.issues, ...startObstacles(after)])
  if (!issue) return
  const more = others.length > 0 ? ` (+${others.length} more)` : ''
  // A path names its place by itself; a text that cannot be read is looked for in its file, which may be an included one.
  const said = issue.path === '' ? formatIssue(issue, after.path) : `${issue.path}: ${issue.message}`
  const shown = [issue, ...others].slice(0, 20)
  const issues = shown.map(({ path, message, line }) => ({ path, message, ...(line === undefined ? {} : { line }) }))
  const unreadable = after.exists && after.parsed === undefined ? { unreadable: true } : {}
  throw new GatewayError('CONFIG_INVALID', {
    message: `invalid config: ${said}${more}`, details: { path: issue.path, issues, ...unreadable }
  })
}

/** Whoever deletes the file, or empties it, has not asked for the defaults: channels, keys and the token itself would be gone. */
function refuseGone (running: LoadedConfig, written: LoadedConfig): void {
  const isThere = written.exists && written.raw?.trim() !== ''
  if (isThere || !running.exists || running.raw?.trim() === '') return
  throw new GatewayError('CONFIG_INVALID', {
    message: `the configuration ${written.path} is ${written.exists ? 'empty' : 'gone'}; the gateway goes on with what it has. ` +
      'Put the file back (earlier ones lie beside it as .bak), or restart the gateway to begin without it.'
  })
}

/** Somebody who writes at the very same time is rare; twice in a row is somebody who does not stop. */
const attempts = 3

/** What is to run next, and what of it is new. */
interface Plan { readonly next: LoadedConfig, readonly written: LoadedConfig, readonly outcome: ReloadOutcome }

const isWithin = (path: string, others: readonly string[]): boolean =>
  others.some(other => path === other || path.startsWith(`${other}.`) || other.startsWith(`${path}.`))

function planFor (running: LoadedConfig, written: LoadedConfig, way: ReloadWay): Plan {
  const changed = diffConfig(running.source, written.source)
  const held = new Set(heldPaths(changed, written.config.gateway.reload.mode, way))
  const pending = [...held]
  const next = {
    ...written,
    source: holdBack(written.source, running.source, pending),
    config: holdBack(written.config, running.config, pending),
    env: isWithin('env', pending) ? running.env : written.env
  }
  const outcome = { applied: changed.filter(path => !held.has(path)), pending }
  return pending.length === 0 ? { next: written, written, outcome } : { next, written, outcome }
}

interface Draft { readonly before: LoadedConfig, readonly after: LoadedConfig, readonly text: string }

/** The editor and the writer are loaded when something is written. */
async function draft ({ paths, env }: LiveConfigOptions, edit: ConfigEdit, baseHash: string | null | undefined): Promise<Draft> {
  const [{ setConfigValue }, before] = await Promise.all([import('./edit.ts'), loadConfig({ paths, env })])
  if (baseHash !== undefined && baseHash !== (before.hash ?? null)) throw new GatewayError('CONFIG_CHANGED')
  const broken = before.exists && before.parsed === undefined ? before.issues[0] : undefined
  if (broken) throw new GatewayError('CONFIG_INVALID', { message: `the configuration cannot be read: ${formatIssue(broken, before.path)}` })
  // A file without a mode would keep the gateway from starting, which it does without a file.
  const start = before.exists ? before.raw! : setConfigValue('{}\n', 'gateway.mode', 'local')
  let text: string
  try {
    text = edit(start, before)
  } catch (error) {
    if (error instanceof RangeError) throw new GatewayError('CONFIG_INVALID', { message: `config not changed: ${error.message}` })
    throw error
  }
  const after = await loadConfig({ paths, env, text })
  refuseInvalid(before, after)
  return { before, after, text }
}

export function createLiveConfig (options: LiveConfigOptions): LiveConfig {
  const { paths, env } = options
  let current = options.loaded
  let pending: readonly string[] = []
  const inTurn = createOneAtATime()
  const listeners: Array<(outcome: ReloadOutcome) => void> = []
  const preparations: Preparation[] = []

  /** All that can fail comes first; what is returned swaps everything in one go. */
  async function ready ({ next, written, outcome }: Plan, freshSecrets = false): Promise<() => LoadedConfig> {
    const { secretValues, rotated } = await renewedSecrets(current, next, freshSecrets)
    const complete = { ...next, secretValues }
    const whole = { ...outcome, applied: [...new Set([...outcome.applied, ...rotated])] }
    const steps = await Promise.all(preparations.map(step => step(complete, next === written ? complete : written)))
    return () => {
      current = complete
      pending = outcome.pending
      for (const step of steps) step()
      for (const listener of listeners) listener(whole)
      return current
    }
  }

  async function reload ({ way = 'asked', freshSecrets }: ReloadOptions): Promise<LoadedConfig> {
    const written = await loadConfig({ paths, env })
    refuseGone(current, written)
    refuseInvalid(current, written)
    const plan = planFor(current, written, way)
    const isSame = plan.outcome.applied.length === 0 && isDeepStrictEqual(plan.outcome.pending, pending) && written.hash === current.hash
    if (isSame && !freshSecrets && isDeepStrictEqual(written.env, current.env)) return current
    const swap = await ready(plan, freshSecrets)
    return swap()
  }

  async function change (edit: ConfigEdit, { way = 'asked', baseHash, allowDestructive = true }: ChangeOptions): Promise<LoadedConfig> {
    for (let attempt = 1; ; attempt++) {
      const { before, after, text } = await draft(options, edit, baseHash)
      refuseGone(current, before)
      // What somebody else wrote and was refused does not come in by way of a change of something else.
      refuseInvalid(current, after)
      const swap = await ready(planFor(current, after, way))
      const { writeConfigFile } = await import('./write.ts')
      try {
        await writeConfigFile(paths.configPath, text, { previousHash: before.hash ?? null, env, allowDestructive })
        return swap()
      } catch (error) {
        if (attempt === attempts || !isGatewayError(error) || error.code !== 'CONFIG_CHANGED' || baseHash !== undefined) throw error
      }
    }
  }

  return {
    current: () => current,
    async written () {
      // Most often it is what was read last; the file alone is looked at then.
      const text = current.exists ? await readIfPresent(paths.configPath).catch(() => undefined) : undefined
      return text !== undefined && hashConfigText(text) === current.hash ? current : await loadConfig({ paths, env })
    },
    change: (edit, how = {}) => inTurn(() => change(edit, how)),
    reload: (how = {}) => inTurn(() => reload(how)),
    onChange (listener) { listeners.push(listener) },
    prepare (step) { preparations.push(step) },
    pending: () => pending
  }
}

/** Credentials that are in use stay what they are until they are asked for again, or the places they come from have changed. */
async function renewedSecrets (
  before: LoadedConfig, next: LoadedConfig, fresh: boolean
): Promise<{ secretValues: LoadedConfig['secretValues'], rotated: readonly string[] }> {
  const { secretValues } = before
  const isUsed = secretValues !== undefined && secretValues.size > 0
  const isMoved = isUsed && !(isDeepStrictEqual(before.config.secrets, next.config.secrets) && isDeepStrictEqual(before.env, next.env))
  if (!fresh && !isMoved) return { secretValues, rotated: [] }
  const { renewSecrets, rotatedIn } = await import('./secret-values.ts')
  const renewed = await renewSecrets(next, secretValues)
  return { secretValues: renewed, rotated: rotatedIn(next.source, secretValues, renewed) }
}
