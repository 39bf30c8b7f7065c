/** How the five commands about the service begin and end: guarded, written down, and told in one shape. */
import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { exitCodes } from '../lib/exit-codes.ts'
import { ServiceError } from '../service/names.ts'
import { isClientError } from './client-error.ts'
import type { CommandContext } from './define-command.ts'
import { nonCanonical, openService, type ServiceSetup, type SetupOptions } from './service-setup.ts'

export type ServiceAction = 'install' | 'uninstall' | 'start' | 'stop' | 'restart'

export interface Outcome {
  readonly ok: boolean
  readonly result: string
  readonly message: string
  readonly hints?: readonly string[]
  readonly warnings?: readonly string[]
  readonly exitCode?: number
}

export const done = (result: string, message: string, more: Partial<Outcome> = {}): Outcome => ({ ok: true, result, message, ...more })
export const failed = (result: string, message: string, more: Partial<Outcome> = {}): Outcome => ({ ok: false, result, message, ...more })

type Context = CommandContext<{ readonly json: boolean }>

const lifecycleLog = (stateDir: string): string => join(stateDir, 'logs', 'gateway-restart.log')

async function writeDown ({ settings }: ServiceSetup, action: ServiceAction, { io }: Context): Promise<void> {
  const file = lifecycleLog(settings.paths.stateDir)
  const line = `[${new Date().toISOString()}] openclaw gateway lifecycle source=cli action=${action} mode=service pid=${process.pid} interactive=${io.stdin.isTTY ? 1 : 0}\n`
  try {
    await mkdir(join(settings.paths.stateDir, 'logs'), { recursive: true, mode: 0o700 })
    await appendFile(file, line, { mode: 0o600 })
  } catch {
    // A disk that is full must not keep a service from being stopped.
  }
}

/** Refuses what would touch the service of somebody else. */
export function guardService ({ settings, host }: ServiceSetup): void {
  if (host.env['OPENCLAW_SUPERVISOR_MODE'] === 'external') {
    throw new ServiceError('service management skipped: OPENCLAW_SUPERVISOR_MODE=external says that somebody else starts and stops this gateway', [
      'Use that supervisor, or unset the variable.'
    ])
  }
  const why = nonCanonical(settings.paths, host)
  if (why === undefined) return
  throw new ServiceError(`service management skipped: non-default state dir or config path. ${why}.`, [
    'Unset HOME, OPENCLAW_HOME, OPENCLAW_STATE_DIR and OPENCLAW_CONFIG_PATH, or use a profile: openclaw --profile NAME gateway install',
    'Without a service: openclaw gateway run'
  ])
}

async function serviceFields (setup: ServiceSetup | undefined): Promise<object> {
  if (!setup) return {}
  const { manager } = setup
  const loaded = await manager.isLoaded().catch(() => false)
  return { service: { label: manager.title, loaded, loadedText: manager.loadedText, notLoadedText: manager.notLoadedText } }
}

const asOutcome = (error: unknown): Outcome => {
  if (error instanceof ServiceError) return failed('failed', error.message, { hints: error.hints })
  if (isClientError(error)) return failed('failed', error.message, { hints: ['See how it is: openclaw gateway status'] })
  const { code, path, message } = error as NodeJS.ErrnoException
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS' && code !== 'ENOSPC') throw error
  return failed('failed', `${path ?? 'a file'} cannot be written: ${message}`, { hints: ['Give it to the user of the gateway, or make room.'] })
}

export async function runServiceAction (
  context: Context, action: ServiceAction, options: SetupOptions, act: (setup: ServiceSetup) => Promise<Outcome>, guard = guardService
): Promise<number> {
  let setup: ServiceSetup | undefined
  let outcome: Outcome
  try {
    setup = await openService(context, options)
    guard(setup)
    await writeDown(setup, action, context)
    outcome = await act(setup)
  } catch (error) {
    outcome = asOutcome(error)
  }
  const { ok, result, message, hints = [], warnings = [], exitCode } = outcome
  const { out } = context
  if (context.options.json) {
    const text = ok ? { message } : { error: message }
    const advice = { ...(hints.length > 0 ? { hints } : {}), ...(warnings.length > 0 ? { warnings } : {}) }
    out.json({ action, ok, result, ...text, ...advice, ...await serviceFields(setup) })
  } else {
    if (ok) out.line(message)
    else out.note(message)
    for (const line of [...warnings.map(warning => `Warning: ${warning}`), ...hints]) out.note(line)
  }
  return exitCode ?? (ok ? exitCodes.ok : exitCodes.failed)
}
