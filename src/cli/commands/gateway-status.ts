import { command, flag, unset, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import { exitCodes } from '../../lib/exit-codes.ts'
import { createStatusReport, type StatusReport } from '../gateway-status-report.ts'
import { capabilityText } from '../capability.ts'
import { rpcOptions } from '../rpc-options.ts'

const options = {
  ...rpcOptions,
  probe: unset('Do not connect; only say what is configured and who listens'),
  requireRpc: flag('Also call a read method, and exit 1 when that fails'),
  deep: flag('Also look for other gateways and services of this machine')
}

type Context = CommandContext<OptionValues<typeof options>>

const probeLines = ({ rpc }: StatusReport, kind: string): (string | undefined)[] => rpc === undefined
  ? []
  : [
      `${kind === 'read' ? 'Read' : 'Connectivity'} probe: ${rpc.ok ? 'ok' : 'failed'}`,
      ...(rpc.error ? rpc.error.split('\n').map(line => `  ${line}`) : []),
      ...(rpc.authWarning ? [`  ${rpc.authWarning}`] : []),
      `Capability: ${capabilityText(rpc.capability)}`
    ]

function runtimeText ({ status, pid, state, lastExitStatus, lastExitReason }: StatusReport['service']['runtime']): string {
  const known = [
    pid === undefined ? undefined : `pid ${pid}`,
    state === undefined ? undefined : `state ${state}`,
    lastExitStatus ? `last exit ${lastExitStatus}` : undefined,
    lastExitReason
  ].filter(Boolean).join(', ')
  return `Runtime: ${status}${known ? ` (${known})` : ''}`
}

/** Blocks with an empty line between them; lines that have nothing to say are left out. */
const blocks = (groups: readonly (readonly (string | undefined)[])[]): string =>
  groups.map(group => group.filter(line => line !== undefined).join('\n')).filter(Boolean).join('\n\n')

function human (report: StatusReport): string {
  const { service, gateway, config, cli, rpc, port } = report
  const state = config.cli.exists ? config.cli.valid ? '' : ' (invalid)' : ' (missing)'
  const listening = port.listeners.map(({ address }) => address).join(', ')
  return blocks([
    [`Service: ${service.label} (${service.loaded ? service.loadedText : service.notLoadedText})`, `File logs: ${report.logFile ?? 'none'}`],
    [
      `Config (cli): ${config.cli.path}${state}`,
      ...(config.cli.issues ?? []).map(({ path, message }) => `  ${path ? `${path}: ` : ''}${message}`),
      config.mismatch ? `Config (service): ${config.daemon.path}` : undefined
    ],
    service.configAudit.issues.map(({ message }) => `Service drift: ${message}`).concat(service.configAudit.ok ? [] : ['Repair it: openclaw doctor --fix']),
    [
      `Gateway: bind=${gateway.bindMode} (${gateway.bindHost}), port=${gateway.port} (${gateway.portSource})`,
      `Probe target: ${gateway.probeUrl}`,
      `Dashboard: ${gateway.controlUiLinks.httpUrl}`,
      gateway.probeNote ? `Probe note: ${gateway.probeNote}` : undefined
    ],
    [`CLI version: ${cli.version} (${cli.entrypoint})`, rpc?.version ? `Gateway version: ${rpc.version}` : undefined],
    [
      runtimeText(service.runtime),
      ...probeLines(report, rpc?.kind ?? 'connect')
    ],
    [
      listening ? `Listening: ${listening}` : undefined,
      ...(rpc && !rpc.ok ? port.listeners.map(({ pid, command }) => `  pid ${pid ?? 'unknown'}: ${command}`) : []),
      ...port.hints
    ],
    report.extraServices.length > 0
      ? [
          'Other gateway-like services detected (best effort):',
          ...report.extraServices.flatMap(({ label, detail, removal }) => [`- ${label} (${detail})`, ...(removal ? [`  If it is not wanted: ${removal}`] : [])])
        ]
      : [],
    ['Troubles: run openclaw status', 'Follow the log: openclaw logs --follow']
  ])
}

async function run (context: Context): Promise<number> {
  const { options: given, out } = context
  if (given.requireRpc && !given.probe) throw new UsageError('--require-rpc and --no-probe exclude each other')
  const report = await createStatusReport(context)
  if (given.json) out.json(report)
  else out.line(human(report))
  return given.requireRpc && !report.rpc?.ok ? exitCodes.failed : exitCodes.ok
}

export default command({
  name: 'gateway status',
  summary: 'Whether the gateway runs, who listens on its port, and what this client may do there',
  details: 'Exits 0 also when the probe fails; use --require-rpc in scripts.',
  options,
  examples: [
    ['openclaw gateway status', 'Healthy: Runtime: running, Connectivity probe: ok.'],
    ['openclaw gateway status --require-rpc && echo ready', 'Proof that a read method answers.'],
    ['openclaw gateway status --no-probe --json', 'Without touching the gateway.']
  ],
  run
})
