import { exitCodes } from '../../lib/exit-codes.ts'
import { escapeControl } from '../../lib/text.ts'
import { command, flag, integer, oneOfWords, text, type CommandContext, type OptionValues } from '../define-command.ts'
import { loadLocalSettings, type LocalSettings } from '../local-settings.ts'
import { probeGateway } from '../probe.ts'
import { jsonOption } from '../rpc-options.ts'
import { audit, summarize, summaryText } from '../security/audit.ts'
import type { AuditFinding, AuditSeverity } from '../security/finding.ts'
import { selectTarget } from '../target.ts'

const options = {
  deep: flag('Also connect to the gateway, as somebody with its secret would'),
  fix: flag('Take rights on files away from others; nothing else is changed'),
  auth: oneOfWords('mode', ['none', 'token', 'password', 'trusted-proxy'], 'Judge as if this were gateway.auth.mode'),
  token: text('token', 'Token of the gateway, for --deep'),
  password: text('password', 'Password of the gateway, for --deep'),
  timeout: integer('ms', 'How long --deep waits', { min: 1, max: 600_000 }, 5_000),
  ...jsonOption
}

type Context = CommandContext<OptionValues<typeof options>>

interface Deep { readonly gateway: { readonly attempted: true, readonly url: string, readonly ok: boolean, readonly error: string | null } }

async function lookDeep ({ options: flags, out }: Context, settings: LocalSettings): Promise<{ deep: Deep, findings: AuditFinding[] }> {
  const target = selectTarget({ token: flags.token, password: flags.password }, settings)
  const { connected, error } = await probeGateway(target, {
    stateDir: settings.paths.stateDir, timeoutMs: flags.timeout, note: line => out.note(line), identity: 'if-paired', now: Date.now, ask: {}
  })
  const deep: Deep = { gateway: { attempted: true, url: target.url, ok: connected, error: error?.message ?? null } }
  if (connected) return { deep, findings: [] }
  return {
    deep,
    findings: [{
      checkId: 'gateway.probe_failed',
      severity: 'warn',
      title: 'The gateway could not be looked at',
      detail: `${target.url}: ${error?.message ?? 'no answer'}`,
      remediation: 'openclaw gateway status --deep says why.'
    }]
  }
}

const colors: { readonly [severity in AuditSeverity]: 'red' | 'yellow' | 'dim' } = { critical: 'red', warn: 'yellow', info: 'dim' }

function tell ({ out }: Context, findings: readonly AuditFinding[], repairs: readonly string[]): void {
  out.line(`Summary: ${summaryText(summarize(findings))}`)
  for (const severity of ['critical', 'warn', 'info'] as const) {
    const group = findings.filter(finding => finding.severity === severity)
    if (group.length > 0) out.line(`\n${out.paint(colors[severity], severity.toUpperCase())}`)
    for (const { checkId, title, detail, remediation } of group) {
      out.line(`${checkId}  ${escapeControl(title, 300)}\n  ${escapeControl(detail, 1_000)}`)
      if (remediation) out.line(`  Fix: ${escapeControl(remediation, 500)}`)
    }
  }
  for (const line of repairs) out.line(`✓ ${line}`)
}

async function repairAll (findings: readonly AuditFinding[]): Promise<string[]> {
  const done: string[] = []
  for (const { repair, checkId } of findings) if (repair) done.push(await repair().catch((error: Error) => `${checkId} could not be repaired: ${error.message}`))
  return done
}

async function run (context: Context): Promise<number> {
  const { options: given, out } = context
  const settings = await loadLocalSettings(context)
  const look = (): Promise<AuditFinding[]> => audit(context, settings, given)
  const repairs = given.fix ? await repairAll(await look()) : []
  const looked = given.deep ? await lookDeep(context, settings) : undefined
  const findings = [...await look(), ...looked?.findings ?? []]
  if (given.json) {
    out.json({
      ts: Date.now(),
      summary: summarize(findings),
      findings: findings.map(({ repair: _repair, ...finding }) => finding),
      ...(looked ? { deep: looked.deep } : {}),
      ...(given.fix ? { fixes: repairs } : {}),
      secretDiagnostics: settings.credentialProblems
    })
  } else {
    tell(context, findings, repairs)
  }
  return exitCodes.ok
}

export default command({
  name: 'security audit',
  summary: 'Look for what lets more people in, or do more, than is meant',
  details: 'Judges configuration, rights of files and the service; --deep connects as well. Exits 0 whatever is found: summary.critical counts.',
  options,
  examples: [
    ['openclaw security audit', 'What stands open, the worst first, each with what closes it.'],
    ['openclaw security audit --fix', 'Takes rights on files away from others, and looks again.'],
    ['openclaw security audit --json', 'For programs, by checkId.']
  ],
  run
})
