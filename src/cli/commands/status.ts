import { release } from 'node:os'
import type { AuditStanding } from '../../audit/act.ts'
import type { GatewayClientError } from '../client-error.ts'
import { capabilityText } from '../capability.ts'
import { command, flag, type CommandContext, type OptionValues } from '../define-command.ts'
import { secretSources, type SecretSource } from '../doctor/credentials.ts'
import { agentsText, channelLines, eventLoopText, heldBackText, type HealthView } from '../health-lines.ts'
import { loadLocalSettings, type LocalSettings } from '../local-settings.ts'
import { packageVersion } from '../../lib/package-version.ts'
import { escapeControl } from '../../lib/text.ts'
import { probeGateway, type ProbeResult } from '../probe.ts'
import { createServiceReport, type ServiceReport } from '../service-report.ts'
import { rpcOptions } from '../rpc-options.ts'
import type { Summary } from '../security/audit.ts'
import { ago, duration, facts } from '../table.ts'
import { selectTarget, type GatewayTarget } from '../target.ts'
import { openOptionsFor } from '../with-gateway.ts'

const options = {
  ...rpcOptions,
  deep: flag('Let the gateway look again instead of answering from its cache'),
  all: flag('Everything: also the security audit'),
  usage: flag('Nothing more in this version', { hidden: true }),
  verbose: flag('The same as --deep', { hidden: true }),
  debug: flag('The same as --deep', { hidden: true })
}

type Context = CommandContext<OptionValues<typeof options>>

interface StatusView {
  runtimeVersion?: string
  pid?: number
  uptimeMs?: number
  clients?: { [kind: string]: number }
  sessions?: { count?: number }
  tasks?: { active?: number, total?: number }
  processMemory?: { rssBytes?: number }
  audit?: AuditStanding
  crashLoop?: { message?: string }
}

/** Which secret it was, so that two people see whether they mean the same one. */
const authText = ({ auth, authSource }: GatewayTarget, { secrets }: Beside): string => {
  const used = Object.keys(auth)
  const fingerprint = used.includes('token') && authSource !== 'flag' ? secrets.find(({ inForce }) => inForce)?.fingerprint : undefined
  return used.length > 0 ? `auth ${used.join(' and ')} (${authSource}${fingerprint ? `, fingerprint ${fingerprint}` : ''})` : 'auth by this device'
}

const explain = (error: GatewayClientError): string => error.reason ?? error.message

function gatewayText (target: GatewayTarget, probe: ProbeResult, beside: Beside, out: Context['out']): string {
  const where = `${target.local ? 'local' : 'remote'} · ${target.url} (${target.urlSource})`
  if (!probe.connected) {
    const refused = probe.error!.kind === 'request'
    return `${where} · ${out.paint('red', refused ? 'refuses this client' : 'unreachable')}: ${escapeControl(explain(probe.error!), 500)}`
  }
  const latency = duration(probe.connectLatencyMs ?? 0)
  return `${where} · ${out.paint('green', 'reachable')} ${latency} · ${authText(target, beside)} · ${capabilityText(probe.capability)}`
}

function configText ({ loaded, configPath }: LocalSettings, out: Context['out']): string {
  if (!loaded.exists) return `${configPath} (missing: safe defaults)`
  const { issues, warnings } = loaded
  const remarks = [
    issues.length > 0 ? out.paint('red', `${issues.length} to correct`) : undefined,
    warnings.length > 0 ? out.paint('yellow', `${warnings.length} to look at`) : undefined
  ].filter(Boolean).join(', ')
  return remarks ? `${configPath} (${remarks}: openclaw config validate)` : configPath
}

function clientsText ({ clients }: StatusView): string | undefined {
  const shown = Object.entries(clients ?? {}).filter(([, count]) => typeof count === 'number')
  return shown.length > 0 ? shown.map(([kind, count]) => `${count} ${kind}`).join(', ') : undefined
}

const megabytes = (bytes: number | undefined): string | undefined => bytes === undefined ? undefined : `${Math.round(bytes / 1e6)} MB`

/** What is known beside what the gateway itself tells. */
interface Beside {
  readonly service: ServiceReport
  /** Of this machine's gateway; none when another one is asked. */
  readonly secrets: readonly SecretSource[]
  /** Only with --all or --deep. */
  readonly security?: { readonly summary: Summary, readonly findings: readonly object[] }
}

async function lookBeside (context: Context, settings: LocalSettings, target: GatewayTarget, probe: ProbeResult): Promise<Beside> {
  const seen = { local: target.local, deep: false, pid: undefined, isRunning: probe.connected }
  const { report: service } = await createServiceReport(context, seen)
  const secrets = target.local ? await secretSources(settings) : []
  if (!context.options.all && !context.options.deep) return { service, secrets }
  const { audit, summarize } = await import('../security/audit.ts')
  const findings = await audit(context, settings)
  const security = { summary: summarize(findings), findings: findings.map(({ repair: _repair, ...finding }) => finding) }
  return { service, secrets, security }
}

function serviceText ({ command, label, loaded, loadedText, notLoadedText, runtime, configAudit }: ServiceReport): string {
  if (!command) return label
  const drift = configAudit.ok ? '' : ' · drifted: openclaw doctor --fix'
  return `${label} · ${loaded ? loadedText : notLoadedText} · ${runtime.status}${runtime.pid ? ` (pid ${runtime.pid})` : ''}${drift}`
}

const securityText = ({ security }: Beside): string | undefined => security &&
  `${security.summary.critical} critical · ${security.summary.warn} warn · ${security.summary.info} info (openclaw security audit)`

function auditText ({ audit }: StatusView): string | undefined {
  if (!audit) return undefined
  const { entries, head, verified, dropped, failing, enabled } = audit
  const proof = verified ? `${verified.ok ? 'proved' : 'NOT WHOLE'} ${ago(verified.atMs, Date.now())}` : 'not proved since the start: openclaw audit verify'
  return [
    enabled ? undefined : 'switched off',
    `${entries} entries`,
    head && `head ${head.slice(0, 24)}…`,
    entries > 0 ? proof : undefined,
    dropped > 0 ? `${dropped} dropped` : undefined,
    failing ? 'cannot be written now' : undefined
  ].filter(Boolean).join(' · ')
}

function overview (context: Context, settings: LocalSettings, target: GatewayTarget, probe: ProbeResult, beside: Beside): string {
  const { out } = context
  const health = (probe.answers['health'] ?? {}) as HealthView
  const status = (probe.answers['status'] ?? {}) as StatusView
  const presence = probe.answers['system-presence'] as unknown[] | undefined
  const base = settings.loaded.config.gateway.controlUi.basePath
  const channels = channelLines(health)
  return facts([
    ['OS', `${process.platform} ${release()} (${process.arch}) · node ${process.versions.node}`],
    ['Dashboard', `${target.url.replace(/^ws/, 'http')}${base}/`],
    ['Config', configText(settings, out)],
    ['Gateway', gatewayText(target, probe, beside, out)],
    ['Gateway service', serviceText(beside.service)],
    ['Security audit', securityText(beside)],
    ['Version', probe.server ? `${probe.server.version} (command line ${packageVersion()})` : packageVersion()],
    ['Running', status.uptimeMs === undefined ? undefined : `for ${duration(status.uptimeMs)}${status.pid ? ` (pid ${status.pid})` : ''}`],
    ['Held back', heldBackText(status)],
    ['Clients', clientsText(status)],
    ['Presence', presence ? `${presence.length} known` : undefined],
    ['Agents', agentsText(health)],
    ['Channels', probe.connected ? channels.length > 0 ? channels.join('\n') : 'none configured' : undefined],
    ['Sessions', status.sessions?.count === undefined ? undefined : `${status.sessions.count} stored`],
    ['Tasks', status.tasks?.active === undefined ? undefined : `${status.tasks.active} active, ${status.tasks.total ?? 0} known`],
    ['Audit log', auditText(status)],
    ['Event loop', eventLoopText(health)],
    ['Memory', megabytes(status.processMemory?.rssBytes)]
  ])
}

function nextSteps (probe: ProbeResult, target: GatewayTarget, settings: LocalSettings): string[] {
  const advice = probe.error?.details['nextStep'] ?? probe.readError?.details['nextStep']
  if (typeof advice === 'string') return [advice, ...settings.credentialProblems]
  if (probe.connected) return ['Follow the log: openclaw logs --follow', 'Devices: openclaw devices list']
  const blocking = settings.loaded.issues.some(issue => issue.critical)
  if (target.local && blocking) return ['The configuration forbids the start. See what to correct: openclaw config validate']
  return target.local
    ? ['Start it: openclaw gateway run', 'See who holds the port: openclaw gateway status --deep']
    : ['Check the address and the way there: openclaw gateway probe']
}

function document (settings: LocalSettings, target: GatewayTarget, probe: ProbeResult, { service, secrets, security }: Beside): object {
  const presence = probe.answers['system-presence'] as { reason?: string }[] | undefined
  const health = probe.answers['health'] as HealthView | undefined
  const agents = (health?.agents ?? []).map(({ agentId, isDefault, sessions }) =>
    ({ id: agentId, isDefault: isDefault ?? false, sessionsCount: sessions?.count ?? 0 }))
  const error = probe.error ?? probe.readError
  return {
    ...probe.answers['status'] as object,
    os: { platform: process.platform, arch: process.arch, release: release(), label: `${process.platform} ${release()} (${process.arch})` },
    cli: { version: packageVersion() },
    gateway: {
      mode: target.local ? 'local' : 'remote',
      url: target.url,
      urlSource: target.urlSource,
      misconfigured: settings.loaded.issues.length > 0,
      reachable: probe.connected,
      connectLatencyMs: probe.connectLatencyMs ?? null,
      capability: probe.capability,
      authSource: target.authSource,
      self: presence?.find(({ reason }) => reason === 'self') ?? null,
      error: error ? explain(error) : null,
      ...(error?.detailCode ? { errorCode: error.detailCode } : {}),
      authWarning: settings.credentialProblems[0] ?? null
    },
    config: { path: settings.configPath, exists: settings.loaded.exists, valid: settings.loaded.issues.length === 0 },
    gatewayService: service,
    ...(security ? { securityAudit: security } : {}),
    health: health ?? null,
    presence: presence ?? [],
    agents: { defaultId: health?.defaultAgentId ?? null, agents },
    secretDiagnostics: settings.credentialProblems,
    secrets,
    collection: { source: probe.connected ? 'gateway' : 'local' }
  }
}

async function run (context: Context): Promise<number> {
  const { options: given, out } = context
  const settings = await loadLocalSettings(context)
  const target = selectTarget(given, settings)
  const fresh = given.deep || given.all || given.verbose || given.debug
  const ask = { health: fresh ? { probe: true } : {}, status: {}, 'system-presence': {} }
  const probe = await probeGateway(target, { ...openOptionsFor(context, settings), ask })
  const beside = await lookBeside(context, settings, target, probe)
  if (given.json) out.json(document(settings, target, probe, beside))
  else {
    out.line(out.paint('bold', 'OpenClaw status'))
    out.line(`\n${overview(context, settings, target, probe, beside)}\n`)
    out.line(nextSteps(probe, target, settings).join('\n'))
  }
  return 0
}

export default command({
  name: 'status',
  summary: 'The whole picture on one page: gateway, version, clients, agents, channels, sessions',
  details: 'Exits 0 whether the gateway answers or not; scripts ask `openclaw gateway status --require-rpc`.',
  options,
  examples: [
    ['openclaw status', 'For people.'],
    ['openclaw status --json', 'For programs; gateway.reachable says whether it answers.']
  ],
  run
})
