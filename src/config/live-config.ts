/** The configuration that a gateway runs with, and the one way in which the gateway itself changes its file. */
import { createOneAtATime } from '../lib/one-at-a-time.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import type { Environment } from './environment.ts'
import { loadConfig, type ConfigIssue, type LoadedConfig } from './load.ts'
import type { Paths } from './paths.ts'

export interface LiveConfig {
  /** A new object whenever something in it has changed. */
  current (): LoadedConfig
  /**
   * Changes the file as it is now, not as it was when the gateway started: comments, unknown keys and what others wrote meanwhile stay.
   * What is written takes effect at once, for the sections that can (`agents`, `bindings`, `plugins`, `mcp`); the rest waits for a
   * restart as before.
   */
  change (edit: ConfigEdit): Promise<LoadedConfig>
  /** The same without a change of ours: what others wrote takes effect. */
  reload (): Promise<LoadedConfig>
  /** `listener` is called whenever something has taken effect. */
  onChange (listener: () => void): void
}

/** From the text of the file, and what it means, to the new text. */
export type ConfigEdit = (text: string, loaded: LoadedConfig) => string

export interface LiveConfigOptions {
  readonly loaded: LoadedConfig
  readonly paths: Paths
  readonly env: Environment
}

type Sections = { readonly [section: string]: unknown }

const keyOf = ({ path, message }: ConfigIssue): string => `${path}\0${message}`

function refuseInvalid (before: LoadedConfig, after: LoadedConfig): void {
  const known = new Set(before.issues.map(keyOf))
  const issue = after.issues.find(candidate => !known.has(keyOf(candidate)))
  if (issue) throw new GatewayError('CONFIG_INVALID', { message: `invalid config: ${issue.path}: ${issue.message}`, details: { path: issue.path } })
}

/** Somebody who writes at the very same time is rare; twice in a row is somebody who does not stop. */
const attempts = 3

const liveSections = ['agents', 'bindings', 'plugins', 'mcp'] as const

/** What runs, with the live sections of what was just written. */
function adopt (running: LoadedConfig, written: LoadedConfig): LoadedConfig {
  const source: { [section: string]: unknown } = { ...running.source as Sections }
  for (const section of liveSections) {
    const value = (written.source as Sections)[section]
    if (value === undefined) delete source[section]
    else source[section] = value
  }
  const { agents, bindings, plugins, mcp } = written.config
  return { ...written, source, config: { ...running.config, agents, bindings, plugins, mcp }, env: running.env }
}

/** The editor and the writer are loaded when something is written. */
async function write ({ paths, env }: LiveConfigOptions, edit: ConfigEdit): Promise<LoadedConfig> {
  const [{ setConfigValue }, { writeConfigFile }, before] = await Promise.all([
    import('./edit.ts'), import('./write.ts'), loadConfig({ paths, env })
  ])
  const broken = before.exists && before.parsed === undefined ? before.issues[0] : undefined
  if (broken) throw new GatewayError('CONFIG_INVALID', { message: `the configuration file cannot be read: ${broken.message}` })
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
  // An edit names what it removes, however much that is of the file.
  await writeConfigFile(paths.configPath, text, { previousHash: before.hash ?? null, env, allowDestructive: true })
  return after
}

export function createLiveConfig (options: LiveConfigOptions): LiveConfig {
  let current = options.loaded
  const inTurn = createOneAtATime()
  const listeners: Array<() => void> = []

  function take (written: LoadedConfig): LoadedConfig {
    current = adopt(current, written)
    for (const listener of listeners) listener()
    return current
  }

  async function reload (): Promise<LoadedConfig> {
    const { paths, env } = options
    const written = await loadConfig({ paths, env })
    refuseInvalid(current, written)
    return take(written)
  }

  async function change (edit: ConfigEdit): Promise<LoadedConfig> {
    for (let attempt = 1; ; attempt++) {
      try {
        return take(await write(options, edit))
      } catch (error) {
        if (attempt === attempts || !isGatewayError(error) || error.code !== 'CONFIG_CHANGED') throw error
      }
    }
  }

  return {
    current: () => current,
    change: edit => inTurn(() => change(edit)),
    reload: () => inTurn(reload),
    onChange (listener) { listeners.push(listener) }
  }
}
