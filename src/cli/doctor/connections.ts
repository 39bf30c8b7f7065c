/** What a running gateway says about its channels and the providers of its models. */
import { capabilityText } from '../capability.ts'
import { heldBackText } from '../health-lines.ts'
import { probeGateway } from '../probe.ts'
import { selectTarget } from '../target.ts'
import type { Check, Facts, Finding } from './finding.ts'

interface ChannelAccount {
  readonly accountId?: string
  readonly enabled?: boolean
  readonly configured?: boolean
  readonly running?: boolean
  readonly manuallyStopped?: boolean
  readonly healthState?: string
  readonly lastError?: string | null
}

interface ChannelStatus { readonly channelAccounts?: { readonly [channel: string]: readonly ChannelAccount[] } }
interface AuthStatus { readonly providers?: readonly { readonly provider: string, readonly status?: string }[] }

const timeoutMs = 8_000
const well = new Set([undefined, 'healthy', 'unmanaged', 'startup-connect-grace', 'reconnect-grace', 'busy'])

function channelFinding (channel: string, { accountId = 'default', configured, manuallyStopped, healthState, lastError }: ChannelAccount): Finding {
  const about = { checkId: 'channels.account', severity: 'warning' } as const
  const name = `${channel} ${accountId}`
  if (manuallyStopped) {
    const fixHint = `It stays so until somebody says: openclaw channels start --channel ${channel} --account ${accountId}`
    return { ...about, message: `${name}: stopped by hand`, fixHint }
  }
  return {
    ...about,
    message: `${name}: ${configured === false ? 'enabled and not configured' : lastError ?? healthState}`,
    fixHint: 'openclaw channels status --probe shows its state, openclaw channels logs the reason.'
  }
}

function channelFindings ({ channelAccounts = {} }: ChannelStatus): Finding[] {
  const isUnwell = ({ enabled, configured, healthState, lastError }: ChannelAccount): boolean =>
    enabled !== false && (configured === false || !well.has(healthState) || Boolean(lastError))
  return Object.entries(channelAccounts).flatMap(([channel, accounts]) => accounts
    .filter(isUnwell)
    .map(account => channelFinding(channel, account)))
}

const providerFindings = ({ providers = [] }: AuthStatus): Finding[] => providers.filter(({ status }) => status === 'missing').map(({ provider }) => ({
  checkId: 'providers.credential',
  severity: 'warning',
  message: `the provider ${provider} is configured and has no credential`,
  fixHint: `Give it one: openclaw config set models.providers.${provider}.apiKey, or the variable of its name. Then: openclaw models status --probe`
}))

function crashLoopFindings (status: Parameters<typeof heldBackText>[0]): Finding[] {
  const message = heldBackText(status)
  if (message === undefined) return []
  const fixHint = 'Put right what ends the gateway (openclaw logs --limit 200 shows its last words), then: openclaw gateway restart'
  return [{ checkId: 'gateway.crash-loop', severity: 'warning', message, fixHint }]
}

async function run ({ settings, owner }: Facts): Promise<Finding[]> {
  if (owner === undefined || settings.mode === 'remote') return []
  const probe = await probeGateway(selectTarget({ port: owner.port ?? settings.port }, settings), {
    stateDir: settings.paths.stateDir,
    timeoutMs,
    note: () => undefined,
    identity: 'if-paired',
    now: Date.now,
    ask: { 'channels.status': {}, 'models.authStatus': {}, status: {} }
  })
  if (!probe.connected) {
    return probe.error?.kind === 'request'
      ? [{ checkId: 'gateway.refused', severity: 'warning', message: `the gateway refuses this client: ${probe.error.message}`, fixHint: 'openclaw devices list' }]
      : []
  }
  if (probe.readError && Object.keys(probe.answers).length === 0) {
    const message = `the gateway does not let this client look (${capabilityText(probe.capability)}), so channels and providers were not checked`
    return [{ checkId: 'gateway.limited', severity: 'info', message, fixHint: 'Pair this client: openclaw devices list' }]
  }
  const { 'channels.status': channels = {}, 'models.authStatus': providers = {}, status = {} } = probe.answers
  return [
    ...crashLoopFindings(status as Parameters<typeof heldBackText>[0]),
    ...channelFindings(channels as ChannelStatus),
    ...providerFindings(providers as AuthStatus)
  ]
}

export const connections: Check = { id: 'gateway', run }
