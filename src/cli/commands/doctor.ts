import { randomBytes } from 'node:crypto'
import { exitCodes } from '../../lib/exit-codes.ts'
import { findLockOwner } from '../../lib/state-lock.ts'
import { escapeControl } from '../../lib/text.ts'
import { changeConfig } from '../config-change.ts'
import { command, flag, oneOfWords, texts, type CommandContext, type OptionValues } from '../define-command.ts'
import { configuration } from '../doctor/configuration.ts'
import { connections } from '../doctor/connections.ts'
import { credentials, secretSources, type SecretSource } from '../doctor/credentials.ts'
import { severities, type Check, type Facts, type Finding } from '../doctor/finding.ts'
import { lock } from '../doctor/locks.ts'
import { clock, node, port } from '../doctor/machine.ts'
import { service } from '../doctor/service.ts'
import { state, type Checkup } from '../doctor/state.ts'
import { loadLocalSettings } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'

const options = {
  fix: flag('Repair what can be repaired without losing anything, and say what was done'),
  repair: flag('The same as --fix', { hidden: true }),
  lint: flag('For scripts: exit code 1 when something was found'),
  severityMin: oneOfWords('severity', severities, 'With --lint: the least that counts (default: warning)'),
  only: texts('id', 'Only this check, such as config, state, port, lock, clock, node, service, auth or gateway'),
  skip: texts('id', 'All but this check'),
  generateGatewayToken: flag('Put a new token into the configuration when there is none'),
  deep: flag('The same; every check is made in any case', { hidden: true }),
  yes: flag('Ask nothing; it never does', { hidden: true }),
  nonInteractive: flag('Ask nothing; it never does', { hidden: true }),
  force: flag('No different in this version', { hidden: true }),
  ...jsonOption
}

type Context = CommandContext<OptionValues<typeof options>>

interface Report {
  readonly checksRun: number
  readonly checksSkipped: number
  readonly findings: readonly Finding[]
  readonly broken: readonly string[]
}

const runnerFailed = 2

async function examine (checks: readonly Check[], facts: Facts, { only, skip }: Context['options']): Promise<Report> {
  const chosen = checks.filter(({ id }) => (only === undefined || only.includes(id)) && !skip?.includes(id))
  const settled = await Promise.allSettled(chosen.map(check => check.run(facts)))
  return {
    checksRun: chosen.length,
    checksSkipped: checks.length - chosen.length,
    findings: settled.flatMap(outcome => outcome.status === 'fulfilled' ? outcome.value : []),
    broken: settled.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [`${chosen[index]!.id}: ${(outcome.reason as Error).message}`] : [])
  }
}

interface Repair { readonly checkId: string, readonly ok: boolean, readonly message: string, readonly of?: Finding }

/** One after the other: two of them may change the same file. */
async function repairAll (findings: readonly Finding[]): Promise<Repair[]> {
  const done: Repair[] = []
  for (const finding of findings) {
    const { checkId, repair } = finding
    if (!repair) continue
    const told = (ok: boolean) => (message: string): Repair => ({ checkId, ok, message, of: finding })
    done.push(await repair().then(told(true), (error: Error) => told(false)(error.message)))
  }
  return done
}

async function generateToken ({ io }: Context, { settings }: Facts): Promise<Repair[]> {
  const durable = (await secretSources(settings)).find(({ source }) => source !== 'generated')
  if (durable) return [{ checkId: 'auth.token', ok: true, message: `there is a ${durable.kind} already (${durable.source}); it stays` }]
  const value = randomBytes(24).toString('hex')
  await changeConfig([{ kind: 'set', path: 'gateway.auth.token', value }], { paths: settings.paths, env: io.env })
  const message = 'put a new token into gateway.auth.token; see it with: openclaw config get gateway.auth.token --show'
  return [{ checkId: 'auth.token', ok: true, message }]
}

const colors = { error: 'red', warning: 'yellow', info: 'dim' } as const
const signs = { error: '×', warning: '!', info: '·' } as const

const secretText = ({ kind, source, fingerprint, inForce }: SecretSource): string =>
  `${kind} from ${source}${fingerprint ? ` (fingerprint ${fingerprint})` : ''}${inForce ? '' : ', not in force'}`

function secretsText ({ settings: { loaded } }: Facts, secrets: readonly SecretSource[]): string {
  if (secrets.length > 0) return secrets.map(secretText).join('; ')
  return loaded.exists && loaded.parsed === undefined ? 'not known while the configuration cannot be read' : 'none yet; a start makes a token'
}

interface Told extends Report {
  readonly checkup: Pick<Checkup, 'database'>
  readonly facts: Facts
  readonly secrets: readonly SecretSource[]
  readonly repairs: readonly Repair[]
  readonly ok: boolean
}

function tell ({ out }: Context, { facts, checkup, secrets, findings, repairs, broken, ok }: Told): void {
  const { database } = checkup
  const { owner, settings } = facts
  out.line(`State:    ${settings.paths.stateDir}`)
  out.line(`Gateway:  ${owner ? `running (pid ${owner.pid})` : 'not running'}`)
  out.line(`Database: ${database.exists ? `${database.path} (${database.bytes} bytes)` : 'none yet'}`)
  out.line(`Secrets:  ${secretsText(facts, secrets)}`)
  for (const { checkId, severity, message, fixHint } of findings) {
    out.line(`${out.paint(colors[severity], `${signs[severity]} ${checkId}`)}: ${escapeControl(message, 1_000)}`)
    out.line(`    ${escapeControl(fixHint, 1_000)}`)
  }
  for (const { ok: worked, checkId, message } of repairs) out.line(`${worked ? '✓' : '×'} ${checkId}: ${escapeControl(message, 1_000)}`)
  for (const text of broken) out.note(`A check could not be made: ${text}`)
  const repairable = findings.filter(({ repair }) => repair).length
  out.line(findings.length === 0 ? 'Nothing found.' : `${findings.length} found${ok ? ', nothing that needs to be done' : ''}.`)
  if (repairable > 0 && repairs.length === 0) out.line(`${repairable} of them can be repaired: openclaw doctor --fix`)
}

function document ({ facts, checkup, secrets, repairs, ok, ...report }: Told): object {
  const { checksRun, checksSkipped, findings, broken } = report
  const { owner, settings } = facts
  return {
    schemaVersion: 1,
    ok,
    checksRun,
    checksSkipped,
    findings: findings.map(({ repair, ...finding }) => ({ ...finding, repairable: repair !== undefined })),
    ...(repairs.length > 0 ? { repairs: repairs.map(({ of: _finding, ...repair }) => repair) } : {}),
    ...(broken.length > 0 ? { warnings: broken } : {}),
    stateDir: settings.paths.stateDir,
    gateway: { running: owner !== undefined, ...owner },
    database: checkup.database,
    secrets
  }
}

const rank = (severity: Finding['severity']): number => severities.indexOf(severity)

async function run (context: Context): Promise<number> {
  const { options: given, out } = context
  const settings = await loadLocalSettings(context)
  const { checkState } = await import('../../store/upkeep/checkup.ts')
  const facts: Facts = { context, settings, owner: await findLockOwner(settings.paths.stateDir), deep: given.deep }
  const checkup = checkState(settings.paths.stateDir)
  const checks = [configuration, state(checkup), port, lock, clock, node, service, credentials, connections]
  const report = await examine(checks, facts, given)
  const repairs = [
    ...given.fix || given.repair ? await repairAll(report.findings) : [],
    ...given.generateGatewayToken ? await generateToken(context, facts) : []
  ]
  const repaired = new Set(repairs.filter(({ ok }) => ok).map(repair => repair.of))
  const least = rank(given.severityMin ?? 'warning')
  const ok = report.findings.every(finding => rank(finding.severity) < least || repaired.has(finding))
  const told = { ...report, checkup, facts, secrets: await secretSources(settings), repairs, ok }
  if (given.json) out.json(document(told))
  else tell(context, told)
  if (!given.lint) return exitCodes.ok
  return report.broken.length > 0 ? runnerFailed : ok ? exitCodes.ok : exitCodes.failed
}

export default command({
  name: 'doctor',
  summary: 'Check configuration, state, rights, port, locks, service, secrets, channels and providers; --fix repairs',
  details: 'Works while the gateway runs and while it does not, and changes nothing without --fix. Each finding says what to do. ' +
    'Exits 0 when a report could be made; with --lint 1 when something was found and 2 when a check could not be made.',
  options,
  examples: [
    ['openclaw doctor', 'Reads the whole database; a large one takes seconds.'],
    ['openclaw doctor --fix', 'Repairs what is safe: rights, stale locks, a drifted service, a configuration that is broken or lost gateway.mode.'],
    ['openclaw doctor --lint --json', 'For monitoring.']
  ],
  run
})
