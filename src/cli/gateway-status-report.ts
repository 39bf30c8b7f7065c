/** Gathers what `gateway status` says. Nothing here throws because a gateway is down: that is one of the answers. */
import { existsSync } from 'node:fs'
import { findLockOwner } from '../lib/state-lock.ts'
import { findPortHolder, type PortHolder } from '../lib/port-holder.ts'
import { packageVersion } from '../lib/package-version.ts'
import { resolveBind } from '../lib/bind-address.ts'
import type { Capability } from './capability.ts'
import type { CommandContext } from './define-command.ts'
import { currentLogFile } from './log-file.ts'
import { loadLocalSettings, type LocalSettings } from './local-settings.ts'
import { createServiceReport, portOfService, type ServiceReport } from './service-report.ts'
import { probeGateway, type ProbeOptions, type ProbeResult } from './probe.ts'
import { selectTarget, type GatewayTarget } from './target.ts'
import { openOptionsFor, type RpcFlags } from './with-gateway.ts'

interface ConfigState {
  path: string
  exists: boolean
  valid: boolean
  issues?: { path: string, message: string }[]
}

export interface StatusReport {
  cli: { version: string, entrypoint: string }
  logFile: string | null
  service: ServiceReport
  config: { cli: ConfigState, daemon: ConfigState, mismatch?: boolean }
  gateway: {
    bindMode: string
    bindHost: string
    customBindHost?: string
    port: number
    portSource: string
    probeUrl: string
    controlUiLinks: { httpUrl: string, wsUrl: string }
    probeNote?: string
    version?: string
  }
  hostDesktop: { enabled: boolean, state: string }
  port: { port: number, status: 'busy' | 'free' | 'unknown', listeners: PortHolder[], hints: string[] }
  rpc?: {
    ok: boolean
    kind: 'connect' | 'read'
    capability: Capability
    auth: { role: string | null, scopes: readonly string[], capability: Capability }
    server: { version: string | null, buildId?: string, connId: string | null }
    version?: string
    url: string
    error?: string
    authWarning?: string
  }
  extraServices: { label: string, detail: string, removal?: string }[]
  pluginVersionDrift: { gatewayVersion: string | null, drifts: never[] }
}

export type StatusFlags = RpcFlags & { readonly probe: boolean, readonly requireRpc: boolean, readonly deep: boolean }

function configState ({ loaded, configPath }: LocalSettings): ConfigState {
  const issues = loaded.issues.map(({ path, message }) => ({ path, message }))
  return { path: configPath, exists: loaded.exists, valid: issues.length === 0, ...(issues.length > 0 ? { issues } : {}) }
}

const explain = ({ error, readError }: ProbeResult): string | undefined => {
  const failed = error ?? readError
  if (!failed) return undefined
  const next = failed.details['nextStep']
  return typeof next === 'string' ? `${failed.message}\n${next}` : failed.message
}

function rpcReport (probe: ProbeResult, target: GatewayTarget, kind: 'connect' | 'read', settings: LocalSettings): NonNullable<StatusReport['rpc']> {
  const { capability, role, scopes, server } = probe
  const error = explain(probe)
  const [authWarning] = settings.credentialProblems
  return {
    ok: probe.connected && probe.readError === undefined,
    kind,
    capability,
    auth: { role: role ?? null, scopes, capability },
    server: { version: server?.version ?? null, ...(server?.buildId ? { buildId: server.buildId } : {}), connId: server?.connId ?? null },
    ...(server ? { version: server.version } : {}),
    url: target.url,
    ...(error ? { error } : {}),
    ...(authWarning ? { authWarning } : {})
  }
}

const sourceWords: { readonly [source in LocalSettings['portSource']]: string } =
  { env: 'env/config', config: 'env/config', lock: 'running gateway', default: 'default' }

function gatewayReport (settings: LocalSettings, target: GatewayTarget, version: string | undefined, isOfService: boolean): StatusReport['gateway'] {
  const { gateway } = settings.loaded.config
  const resolved = resolveBind({ bind: gateway.bind, customBindHost: gateway.customBindHost, env: settings.env })
  const bind = typeof resolved === 'string' ? undefined : resolved
  const { host, port } = new URL(target.url)
  const base = gateway.controlUi.basePath
  const portSource = isOfService ? 'service args' : target.urlSource === 'cli --port' ? 'cli' : sourceWords[settings.portSource]
  return {
    bindMode: settings.bindMode,
    bindHost: bind?.hosts[0] ?? 'unknown',
    ...(gateway.customBindHost ? { customBindHost: gateway.customBindHost } : {}),
    port: target.local ? Number(port) : settings.port,
    portSource,
    probeUrl: target.url,
    controlUiLinks: { httpUrl: `${target.url.startsWith('wss') ? 'https' : 'http'}://${host}${base}/`, wsUrl: target.url },
    ...(bind && !bind.beyondLoopback ? { probeNote: 'Loopback-only gateway; only local clients can connect.' } : {}),
    ...(version ? { version } : {})
  }
}

interface PortView { port: StatusReport['port'], pid: number | undefined }

async function portReport (settings: LocalSettings, port: number, probe: ProbeResult | undefined): Promise<PortView> {
  const [listeners, owner] = await Promise.all([findPortHolder(port), findLockOwner(settings.paths.stateDir)])
  const status = listeners.length > 0 || probe?.connected ? 'busy' : 'free'
  const stranger = listeners.length > 0 && probe !== undefined && !probe.connected && !listeners.some(({ pid }) => pid === owner?.pid)
  const elsewhere = owner?.port !== undefined && owner.port !== port
  const hints = [
    ...(stranger ? [`Port ${port} is held by a process that is not the gateway of this state directory.`] : []),
    ...(elsewhere ? [`The gateway of this state directory (pid ${owner.pid}) listens on port ${owner.port}: add --port ${owner.port}.`] : [])
  ]
  const pid = owner?.pid ?? (probe?.connected ? listeners[0]?.pid : undefined)
  return { port: { port, status, listeners, hints }, pid }
}

/** The service may have been given another file than the one that this command reads. */
function daemonConfig (cli: ConfigState, path: string | undefined): { daemon: ConfigState, mismatch?: true } {
  if (path === undefined || path === cli.path) return { daemon: cli }
  return { daemon: { path, exists: existsSync(path), valid: true }, mismatch: true }
}

/** Gateways are found by the name that they give their process. */
async function otherGateways (ownPid: number | undefined): Promise<StatusReport['extraServices']> {
  const { findProcesses } = await import('./find-processes.ts')
  return (await findProcesses(/^openclaw-gateway\b/))
    .filter(({ pid }) => pid !== ownPid && pid !== process.pid)
    .map(({ pid, command }) => ({ label: `pid ${pid}`, detail: command }))
}

export async function createStatusReport (context: CommandContext<StatusFlags>): Promise<StatusReport> {
  const { options } = context
  const settings = await loadLocalSettings(context)
  const given = await portOfService(context)
  const target = selectTarget(given === undefined ? options : { ...options, port: given }, settings)
  const kind = options.requireRpc ? 'read' : 'connect'
  const ask: ProbeOptions['ask'] = options.requireRpc ? { status: {} } : {}
  const opening = { ...openOptionsFor(context, settings), identity: 'if-paired' as const, ask }
  const probe = options.probe ? await probeGateway(target, opening) : undefined
  const gateway = gatewayReport(settings, target, probe?.server?.version, given !== undefined)
  const { port, pid } = target.local
    ? await portReport(settings, gateway.port, probe)
    : { port: { port: gateway.port, status: 'unknown' as const, listeners: [], hints: [] }, pid: undefined }
  const config = configState(settings)
  const isRunning = pid !== undefined || probe?.connected === true
  const service = await createServiceReport(context, { local: target.local, deep: options.deep, pid, isRunning })
  return {
    cli: { version: packageVersion(), entrypoint: process.argv[1] ?? '' },
    logFile: currentLogFile(settings),
    service: service.report,
    config: { cli: config, ...daemonConfig(config, service.configPath) },
    gateway,
    hostDesktop: { enabled: false, state: 'disabled' },
    port,
    ...(probe ? { rpc: rpcReport(probe, target, kind, settings) } : {}),
    extraServices: options.deep ? [...service.others, ...await otherGateways(pid)] : [],
    pluginVersionDrift: { gatewayVersion: probe?.server?.version ?? null, drifts: [] }
  }
}
