import { findLockOwner } from '../../lib/state-lock.ts'
import { startObstacles } from '../../config/start-obstacles.ts'
import { command, flag, integer, oneOfWords, text, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import { changeConfig } from '../config-change.ts'
import { jsonOption } from '../rpc-options.ts'
import { waitForService } from '../service-health.ts'
import { done, failed, runServiceAction, type Outcome } from '../service-outcome.ts'
import type { ServiceSetup } from '../service-setup.ts'

const options = {
  port: integer('port', 'Port that the service is given (default: the configured one)', { min: 1, max: 65_535 }),
  runtime: oneOfWords('name', ['node', 'bun'], 'What runs it; only node in this version'),
  runtimePath: text('path', 'The program node itself, when it is not this one'),
  wrapper: text('program', 'A program of your own that is started in place of node and gets `gateway --port …`'),
  token: text('token', 'Token of the gateway; kept in the configuration, never in the service'),
  system: flag('A service of the machine (systemd, needs sudo) in place of one of this user'),
  runAs: text('user', 'Whom a service of the machine runs as (default: whoever called sudo)'),
  force: flag('Write it anew although it is installed'),
  ...jsonOption
}

type Context = CommandContext<OptionValues<typeof options>>

/** What a shell has and a service will not have. */
function secretWarnings ({ settings, host }: ServiceSetup): string[] {
  const { env } = host
  const loose = (['OPENCLAW_GATEWAY_TOKEN', 'OPENCLAW_GATEWAY_PASSWORD'] as const).filter(name => env[name])
  return loose.map(name => `${name} of this shell is not written into the service, where everybody could read it. ` +
    `If the gateway needs it, put it into ${settings.paths.stateDir}/.env (0600) or set gateway.auth to a secret reference.`)
}

const runtimeWarnings = (runtime: string | undefined): string[] => runtime && /[\\/](\.nvm|\.fnm|\.volta|\.asdf|\.pyenv|mise)[\\/]/.test(runtime)
  ? [`${runtime} belongs to a version manager and goes with the next clean-up there; openclaw doctor notices. A Node of the system lasts longer.`]
  : []

async function obstacle (setup: ServiceSetup): Promise<Outcome | undefined> {
  const { settings, manager, installed } = setup
  const { issues } = settings.loaded
  const blocking = [...issues.filter(({ critical }) => critical), ...startObstacles(settings.loaded)]
  if (blocking.length > 0) {
    return failed('config-invalid', `The configuration forbids the start, so no service was installed: ${blocking[0]!.path}: ${blocking[0]!.message}`, {
      hints: ['See what to correct: openclaw config validate']
    })
  }
  const owner = await findLockOwner(settings.paths.stateDir)
  const runtime = installed ? await manager.runtime().catch(() => undefined) : undefined
  if (!owner || owner.pid === runtime?.pid || runtime?.status === 'running') return undefined
  return failed('gateway-running', `A gateway that is no service runs already (pid ${owner.pid}), and the service could not start beside it.`, {
    hints: [`Stop it (kill ${owner.pid}), then repeat: openclaw gateway install`]
  })
}

async function install (setup: ServiceSetup, { options: flags, io }: Context): Promise<Outcome> {
  const { manager, installed, settings } = setup
  if (installed && !flags.force && await manager.isLoaded()) {
    const drift = await setup.issues()
    return done('already-installed', `Already installed: ${manager.title} ${manager.label} (${installed.path})`, {
      hints: drift.length > 0 ? [`It differs from what would be written now (${drift[0]!.message}): openclaw gateway install --force`] : []
    })
  }
  const inTheWay = await obstacle(setup)
  if (inTheWay) return inTheWay
  if (flags.token) await changeConfig([{ kind: 'set', path: 'gateway.auth.token', value: flags.token }], { paths: settings.paths, env: io.env })
  const plan = await setup.plan({ port: flags.port, runtimePath: flags.runtimePath, wrapper: flags.wrapper })
  const warnings = [...secretWarnings(setup), ...runtimeWarnings(plan.programArguments[0]), ...await manager.install(plan)]
  if (plan.runAs === 'root') warnings.push('the service runs as root, and so do the tools of its agents; better: --run-as USER')
  const port = flags.port ?? settings.port
  const health = await waitForService(setup, { port, timeoutMs: 60_000 })
  if (health.state === 'gave-up') return failed('start-failed', `Installed, but ${health.why}.`, { hints: [health.hint], warnings })
  const state = health.state === 'healthy' ? `running${health.pid ? ` (pid ${health.pid})` : ''} on port ${port}` : 'still starting'
  return done(installed ? 'reinstalled' : 'installed', `Installed ${manager.title} ${manager.label}: ${state}\n${manager.files(plan)[0]!.path}`, { warnings })
}

export default command({
  name: 'gateway install',
  summary: 'Install the gateway as a service of this user (or of the machine), and start it',
  details: 'systemd on Linux, a LaunchAgent on macOS, a Scheduled Task on Windows; one for each profile. No secret is written into it: ' +
    'the gateway reads its configuration and <state directory>/.env itself. Repeating it changes nothing; --force writes it anew.',
  options,
  examples: [
    ['openclaw gateway install', 'Runs from now on, and after every login.'],
    ['openclaw gateway install --port 19000 --force', 'Moves the service to another port.'],
    ['sudo openclaw gateway install --system --run-as alice', 'A service of the machine: runs from boot on, without a login.']
  ],
  async run (context) {
    const { runtime, runtimePath, wrapper, runAs, system } = context.options
    if (runtime === 'bun') throw new UsageError('--runtime bun is not part of this version: the gateway needs Node')
    if (runtimePath !== undefined && wrapper !== undefined) throw new UsageError('--runtime-path and --wrapper exclude each other')
    if (runAs !== undefined && !system) throw new UsageError('--run-as is for a service of the machine: add --system')
    return await runServiceAction(context, 'install', { scope: system ? 'system' : undefined, runAs }, setup => install(setup, context))
  }
})
