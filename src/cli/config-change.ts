/** Changing the configuration file from the command line: edit the text, judge the result, write it whole. */
import { setTimeout as sleep } from 'node:timers/promises'
import { setConfigValue, unsetConfigValue } from '../config/edit.ts'
import { loadConfig, newIssues, type ConfigIssue, type LoadedConfig } from '../config/load.ts'
import { parsePath, valueAt, type PathStep } from '../config/path-syntax.ts'
import type { Paths } from '../config/paths.ts'
import { diffConfig, heldPaths } from '../config/reload.ts'
import { startObstacles } from '../config/start-obstacles.ts'
import { writeConfigFile } from '../config/write.ts'
import { isObject } from '../lib/json-object.ts'
import { isGatewayError } from '../protocol/errors.ts'
import { CommandFailure } from './failure.ts'

export type ConfigOperation =
  | { readonly kind: 'set', readonly path: string, readonly value: unknown, readonly merge?: boolean }
  | { readonly kind: 'unset', readonly path: string }

export interface ChangeOptions {
  readonly paths: Paths
  readonly env: NodeJS.ProcessEnv
  readonly dryRun?: boolean
  /** The user knows that much of the file goes. */
  readonly allowDestructive?: boolean
  readonly withoutBackup?: boolean
  /** Throws when what would be written must not be; asked before anything is. */
  readonly check?: (before: LoadedConfig, after: LoadedConfig) => Promise<void>
}

export interface ChangeResult {
  readonly path: string
  readonly changed: boolean
  readonly changedPaths: readonly string[]
  readonly warnings: readonly ConfigIssue[]
  readonly restartRequired: boolean
  /** What needs a restart gets it from a gateway that runs, as soon as nothing runs in it. */
  readonly restartsByItself: boolean
}

export function stepsOf (path: string): PathStep[] {
  try {
    return parsePath(path)
  } catch (error) {
    throw new CommandFailure((error as Error).message)
  }
}

const merged = (old: unknown, value: unknown): unknown => isObject(old) && isObject(value)
  ? { ...old, ...Object.fromEntries(Object.entries(value).map(([key, item]) => [key, merged(old[key], item)])) }
  : value

function apply (text: string, operation: ConfigOperation, parsed: unknown): string {
  const steps = stepsOf(operation.path)
  try {
    if (operation.kind === 'unset') return unsetConfigValue(text, steps)
    return setConfigValue(text, steps, operation.merge ? merged(valueAt(parsed, steps), operation.value) : operation.value)
  } catch (error) {
    if (error instanceof RangeError) throw new CommandFailure(`Config not changed: ${error.message}`)
    throw error
  }
}

function refuseInvalid (before: LoadedConfig, after: LoadedConfig): void {
  const [first, ...others] = newIssues(before.issues, after.issues)
  if (!first) return
  const more = others.length > 0 ? ` (+${others.length} more)` : ''
  const issues = [first, ...others].map(({ path, message, expected }) => ({ path, message, ...(expected ? { expected } : {}) }))
  throw new CommandFailure(`Config validation failed: ${first.path}: ${first.message}${more}`, 'config_invalid', { issues })
}

/** Lists of an included file come before ours, so that what was asked for is only a part of what there would be. */
function refuseMixed (operations: readonly ConfigOperation[], { includedPaths, source }: LoadedConfig): void {
  if (includedPaths.length === 0) return
  for (const operation of operations) {
    if (operation.kind === 'unset' || !Array.isArray(operation.value)) continue
    const found = valueAt(source, stepsOf(operation.path))
    if (!Array.isArray(found) || found.length <= operation.value.length) continue
    throw new CommandFailure(`Config not changed: ${operation.path} also has entries in an included file (${includedPaths.join(', ')}). Change it there.`)
  }
}

/** Scripts change several keys at the same time; each change is made to the file as the others have left it. */
const attempts = 8
const longestPauseMs = 150

export async function changeConfig (operations: readonly ConfigOperation[], options: ChangeOptions): Promise<ChangeResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await changeOnce(operations, options)
    } catch (error) {
      if (!isGatewayError(error) || error.code !== 'CONFIG_CHANGED' || attempt === attempts) throw error
      await sleep(Math.random() * longestPauseMs)
    }
  }
}

async function changeOnce (operations: readonly ConfigOperation[], options: ChangeOptions): Promise<ChangeResult> {
  const { paths, env } = options
  const before = await loadConfig({ paths, env })
  const broken = before.exists && before.parsed === undefined ? before.issues[0] : undefined
  if (broken) throw new CommandFailure(`Config not changed: ${paths.configPath} cannot be read: ${broken.message}`, 'config_invalid')
  const text = operations.reduce((current, operation) => apply(current, operation, before.parsed), before.raw ?? '{}\n')
  const after = await loadConfig({ paths, env, text })
  refuseInvalid(before, after)
  refuseMixed(operations, after)
  await options.check?.(before, after)
  const changedPaths = diffConfig(before.parsed, after.parsed)
  if (!options.dryRun && text !== before.raw) {
    await writeConfigFile(paths.configPath, text, {
      previousHash: before.hash ?? null,
      env,
      ...(options.allowDestructive ? { allowDestructive: true } : {}),
      ...(options.withoutBackup ? { withoutBackup: true } : {})
    })
  }
  const { mode } = after.config.gateway.reload
  return {
    path: paths.configPath,
    changed: changedPaths.length > 0,
    changedPaths,
    restartsByItself: mode === 'hybrid' || mode === 'restart',
    warnings: newIssues([...startObstacles(before), ...before.warnings], [...startObstacles(after), ...after.warnings]),
    restartRequired: heldPaths(diffConfig(before.source, after.source), mode, 'seen').length > 0
  }
}

export function adviceOf ({ restartRequired, restartsByItself }: ChangeResult): string {
  if (!restartRequired) return 'Change will apply without restarting the gateway.'
  return restartsByItself ? 'A gateway that runs restarts by itself to apply it.' : 'Restart the gateway to apply.'
}
