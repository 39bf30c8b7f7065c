import { findPortHolder } from '../../lib/port-holder.ts'
import { findLockOwner } from '../../lib/state-lock.ts'
import { command, flag, text, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import { waitForService } from '../service-health.ts'
import { scopeOf, serviceOptions } from '../service-options.ts'
import { done, failed, guardService, runServiceAction, type Outcome } from '../service-outcome.ts'
import { servicePort } from '../service-port.ts'
import { nonCanonical, type ServiceSetup } from '../service-setup.ts'
import { selectTarget } from '../target.ts'
import { reachGateway } from '../with-gateway.ts'

const options = {
  ...serviceOptions,
  safe: flag('Let the gateway finish what runs first, and restart by itself'),
  skipDeferral: flag('With --safe: do not wait for what runs'),
  wait: text('time', 'How long to wait until it serves again, such as 90s or 2m (default: 60s)'),
  force: flag('Also without a terminal; no different in this version', { hidden: true }),
  preserveDefinition: flag('Keep the service as it is written; always so in this version', { hidden: true })
}

type Context = CommandContext<OptionValues<typeof options>>

const stillStarting = 2
const askingMs = 10_000

function waitMs (given: string | undefined): number {
  if (given === undefined) return process.platform === 'win32' ? 180_000 : 60_000
  const [, number, unit = 's'] = /^(\d{1,6})(ms|s|m)?$/.exec(given) ?? []
  if (number === undefined) throw new UsageError('Invalid --wait (use a time such as 90s or 2m)')
  return Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit as 'ms' | 's' | 'm']
}

/** The gateway drains by itself and begins anew inside its process: no service is touched. */
async function askGateway (setup: ServiceSetup, context: Context): Promise<Outcome> {
  const { settings, host } = setup
  const { skipDeferral } = context.options
  const isElsewhere = nonCanonical(settings.paths, host) !== undefined
  const owner = await findLockOwner(settings.paths.stateDir)
  const port = owner?.port ?? (isElsewhere ? settings.port : servicePort(setup))
  const target = selectTarget({ port }, settings)
  let delayMs = 0
  await reachGateway({ ...context, options: { ...context.options, timeout: askingMs } }, { target, settings }, true, async ({ client }) => {
    const wish = { reason: 'openclaw gateway restart --safe', ...(skipDeferral ? { skipDeferral: true } : {}) }
    const answer = await client.call('gateway.restart.request', wish) as { restart?: { delayMs?: number } }
    delayMs = answer.restart?.delayMs ?? 0
    return 0
  })
  const when = skipDeferral ? 'now, whatever runs' : 'as soon as it has finished what runs'
  const cooled = `, and not before ${Math.ceil(delayMs / 1000)} s have passed: it restarted a moment ago`
  return done('scheduled', `The gateway restarts ${when}${delayMs > 1000 ? cooled : ''}.`)
}

/** No service, but a gateway that somebody started by hand: it can do it by itself. */
async function signalForeground ({ settings }: ServiceSetup): Promise<Outcome> {
  const owner = await findLockOwner(settings.paths.stateDir)
  const port = owner?.port ?? settings.port
  const isOnPort = owner !== undefined && (await findPortHolder(port)).some(({ pid }) => pid === owner.pid)
  if (!isOnPort || process.platform === 'win32') {
    return failed('not-installed', 'No service is installed.', { hints: ['Install it: openclaw gateway install', 'Or run it here: openclaw gateway'] })
  }
  process.kill(owner.pid, 'SIGUSR2')
  return done('restart-requested', `Gateway restart request sent to foreground process on port ${port}: ${owner.pid}.`)
}

/** What is installed under this name belongs to another state directory; a gateway of this one can only have been started by hand. */
async function restartElsewhere (setup: ServiceSetup): Promise<Outcome> {
  const outcome = await signalForeground(setup)
  if (!outcome.ok) guardService(setup)
  return outcome
}

async function restart (setup: ServiceSetup, context: Context): Promise<Outcome> {
  const { manager, installed, settings, host } = setup
  const timeoutMs = waitMs(context.options.wait)
  if (context.options.safe) return await askGateway(setup, context)
  if (host.env['OPENCLAW_SUPERVISOR_MODE'] !== 'external' && nonCanonical(settings.paths, host) !== undefined) return await restartElsewhere(setup)
  guardService(setup)
  if (!installed) return await signalForeground(setup)
  const { pid: formerPid } = await manager.runtime()
  const owner = await findLockOwner(settings.paths.stateDir)
  await manager.restart(owner ? { gatewayPid: owner.pid } : {})
  const health = await waitForService(setup, { port: servicePort(setup), timeoutMs, formerPid })
  if (health.state === 'gave-up') return failed('restart-health-failed', `Restarted, but ${health.why}.`, { hints: [health.hint] })
  if (health.state === 'healthy') return done('restarted', `Restarted ${manager.title} ${manager.label}${health.pid ? ` (pid ${health.pid})` : ''}.`)
  return failed('restart-health-pending', 'The restart was sent, and the gateway is still starting.', {
    hints: ['Watch it with: openclaw gateway status'], exitCode: stillStarting
  })
}

export default command({
  name: 'gateway restart',
  summary: 'Restart the service and wait until it serves again',
  exits: { 2: 'The restart was sent, and the gateway does not answer in time' },
  details: 'Without a service, the gateway of this state directory begins anew.',
  options,
  examples: [
    ['openclaw gateway restart', 'Through the supervisor.'],
    ['openclaw gateway restart --safe', 'When nothing runs any more.']
  ],
  async run (context) {
    if (context.options.skipDeferral && !context.options.safe) throw new UsageError('--skip-deferral needs --safe')
    waitMs(context.options.wait)
    return await runServiceAction(context, 'restart', scopeOf(context.options), setup => restart(setup, context), () => {})
  }
})
