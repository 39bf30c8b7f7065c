import { networkInterfaces } from 'node:os'
import { exitCodes } from '../../lib/exit-codes.ts'
import { capabilityText, type Capability } from '../capability.ts'
import type { GatewayClientError } from '../client-error.ts'
import { command, flag, text, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import { loadLocalSettings, type LocalSettings } from '../local-settings.ts'
import { probeGateway, type ProbeResult } from '../probe.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { duration } from '../table.ts'
import { selectTarget, type GatewayTarget } from '../target.ts'
import { openOptionsFor } from '../with-gateway.ts'

const options = {
  ...rpcOptionsWith(3000),
  ssh: text('target', 'Not part of this version: open a tunnel yourself (ssh -N -L …)', { hidden: true }),
  sshIdentity: text('path', 'See --ssh', { hidden: true }),
  sshAuto: flag('See --ssh', { hidden: true })
}

type Context = CommandContext<OptionValues<typeof options>>
type Kind = 'explicit' | 'configRemote' | 'localLoopback'

interface Probed {
  kind: Kind
  target: GatewayTarget
  probe: ProbeResult
}

interface Warning { code: string, message: string, targetIds: Kind[] }

const labels: { readonly [kind in Kind]: string } = { explicit: 'Explicit', configRemote: 'Configured remote', localLoopback: 'Local loopback' }
const ask = { 'config.get': {}, health: {}, status: {}, 'system-presence': {} }

/**
 * Everything worth a look, the most specific first. The local one is always among them. A credential that comes with an address is for
 * that address: the others are met with their own.
 */
function targetsOf ({ options: given, io }: Context, settings: LocalSettings): { kind: Kind, target: GatewayTarget }[] {
  const { url, port, token, password } = given
  const own = url === undefined ? { token, password } : { token: undefined, password: undefined }
  const local = selectTarget({ port: port ?? settings.port, ...own }, settings)
  const explicit = url === undefined ? [] : [{ kind: 'explicit' as const, target: selectTarget({ url, token, password }, settings) }]
  const configured = selectTarget(own, settings)
  const remote = configured.local ? [] : [{ kind: 'configRemote' as const, target: configured }]
  return [...explicit, ...remote, { kind: 'localLoopback' as const, target: local }]
}

const isReached = ({ probe }: Probed): boolean => probe.connected
const isLimited = ({ probe }: Probed): boolean => probe.connected && probe.readError?.code === 'FORBIDDEN'

function warningsOf (probed: readonly Probed[], settings: LocalSettings): Warning[] {
  const kinds = (some: readonly Probed[]): Kind[] => some.map(({ kind }) => kind)
  const reached = probed.filter(isReached)
  const limited = probed.filter(isLimited)
  // The same process behind two addresses is one gateway.
  const gateways = new Set(reached.map(({ probe }) => (probe.server as { bootId?: string }).bootId ?? probe.server!.connId))
  const warnings: Warning[] = []
  if (reached.length === 0) {
    const refusing = probed.filter(({ probe }) => probe.error?.kind === 'request')
    const message = refusing.length > 0
      ? 'A gateway answered and lets this client not in; why stands below.'
      : 'No gateway answered. See who listens and why: openclaw gateway status --deep'
    warnings.push({ code: 'no_gateway_reachable', message, targetIds: kinds(probed) })
  }
  if (gateways.size > 1) {
    const message = 'More than one gateway answers. Give each its own port, configuration, state directory and workspace.'
    warnings.push({ code: 'multiple_gateways', message, targetIds: kinds(reached) })
  }
  if (limited.length > 0) {
    const message = 'Connected, but without operator.read: pair this device (openclaw devices list) or use a credential that has it.'
    warnings.push({ code: 'probe_scope_limited', message, targetIds: kinds(limited) })
  }
  for (const message of settings.credentialProblems) warnings.push({ code: 'auth_secretref_unresolved', message, targetIds: [] })
  return warnings
}

const closeOf = (error: GatewayClientError | undefined): { code: number, reason: string } | null =>
  error?.kind === 'transport' ? { code: error.closeCode ?? 1006, reason: error.closeCode === undefined ? '' : error.reason ?? '' } : null

function targetReport ({ kind, target, probe }: Probed, active: boolean): object {
  const { answers, error, readError, server } = probe
  const presence = answers['system-presence'] as { reason?: string }[] | undefined
  return {
    id: kind,
    kind,
    url: target.url,
    active,
    tunnel: null,
    connect: {
      ok: probe.connected,
      rpcOk: probe.connected && readError === undefined,
      scopeLimited: readError?.code === 'FORBIDDEN',
      latencyMs: probe.connectLatencyMs ?? null,
      error: error?.reason ?? error?.message ?? readError?.message ?? null,
      close: closeOf(error)
    },
    auth: { role: probe.role ?? null, scopes: probe.scopes, capability: probe.capability },
    server: { version: server?.version ?? null, connId: server?.connId ?? null },
    self: presence?.find(({ reason }) => reason === 'self') ?? null,
    config: answers['config.get'] ?? null,
    health: answers['health'] ?? null,
    summary: answers['status'] ?? null,
    presence: presence ?? null
  }
}

function networkOf (settings: LocalSettings): object {
  const isTailnet = (address: string): boolean => /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(address)
  const tailnet = Object.values(networkInterfaces()).flatMap(list => list ?? []).find(({ address }) => isTailnet(address))?.address
  const scheme = settings.tls.enabled ? 'wss' : 'ws'
  return {
    localLoopbackUrl: `${scheme}://${settings.loopbackHost}:${settings.port}`,
    localTailnetUrl: tailnet ? `${scheme}://${tailnet}:${settings.port}` : null,
    tailnetIPv4: tailnet ?? null
  }
}

function readText (entry: Probed): string {
  if (isLimited(entry)) return `limited - ${entry.probe.readError!.message}`
  return entry.probe.readError ? `failed - ${entry.probe.readError.message}` : 'ok'
}

function targetLines (entry: Probed): string[] {
  const { kind, target, probe } = entry
  const connect = probe.connected
    ? `Connect: ok (${duration(probe.connectLatencyMs ?? 0)}) · Capability: ${capabilityText(probe.capability)} · Read probe: ${readText(entry)}`
    : `Connect: failed - ${probe.error?.message ?? 'unknown'}`
  const next = probe.error?.details['nextStep']
  return [`${labels[kind]} ${target.url}`, `  ${connect}`, ...(typeof next === 'string' ? [`  ${next}`] : [])]
}

async function run (context: Context): Promise<number> {
  const { options: given, out } = context
  if (given.ssh || given.sshAuto) throw new UsageError('--ssh is not part of this version. Open a tunnel: ssh -N -L 18789:127.0.0.1:18789 user@host')
  const settings = await loadLocalSettings(context)
  const startedAt = performance.now()
  const ts = Date.now()
  const opening = { ...openOptionsFor(context, settings), identity: 'if-paired' as const, ask }
  const probed = await Promise.all(targetsOf(context, settings).map(async ({ kind, target }): Promise<Probed> =>
    ({ kind, target, probe: await probeGateway(target, opening) })))
  const primary = probed.find(isReached)
  const warnings = warningsOf(probed, settings)
  const capability: Capability = primary?.probe.capability ?? probed[0]!.probe.capability
  if (given.json) {
    out.json({
      ok: primary !== undefined,
      degraded: primary !== undefined && isLimited(primary),
      capability,
      ts,
      durationMs: Math.round(performance.now() - startedAt),
      timeoutMs: given.timeout,
      primaryTargetId: primary?.kind ?? null,
      warnings,
      network: networkOf(settings),
      discovery: { timeoutMs: 0, count: 0, beacons: [] },
      targets: probed.map(entry => targetReport(entry, entry === (primary ?? probed[0])))
    })
  } else {
    out.line(`Gateway Status\nReachable: ${primary ? 'yes' : 'no'}\nCapability: ${capabilityText(capability)}\nProbe budget: ${given.timeout}ms`)
    if (warnings.length > 0) out.line(['', 'Warning:', ...warnings.map(({ message }) => `- ${message}`)].join('\n'))
    out.line(['', 'Targets', ...probed.flatMap(targetLines)].join('\n'))
  }
  return primary ? exitCodes.ok : exitCodes.failed
}

export default command({
  name: 'gateway probe',
  summary: 'Look at every gateway this machine knows: reachable, let in, able to read',
  details: 'Looks at --url, at the configured remote and at this machine. Exits 1 only when none of them answers.',
  options,
  examples: [
    ['openclaw gateway probe', 'What this client reaches, and what it may do there.'],
    ['openclaw gateway probe --url wss://gateway.example.com --token … --json', 'One more target, for programs.']
  ],
  run
})
