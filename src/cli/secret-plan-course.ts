/** Carries out a plan of references, or says what it would do: everything is judged first, and no copy of a credential is kept. */
import type { LoadedConfig } from '../config/load.ts'
import { effectiveEnvironment } from '../config/environment.ts'
import { valueAt } from '../config/path-syntax.ts'
import { runsPrograms, type SecretPlan } from '../config/secret-plan.ts'
import { backupsWith, scrubsOf } from '../config/secret-scrub.ts'
import { checkSecrets, refsIn, type CheckedRef } from '../config/secret-values.ts'
import { asReference } from '../config/secrets.ts'
import { configTree, type SecretRef } from '../config/schema.ts'
import { changeConfig, type ChangeResult, type ConfigOperation } from './config-change.ts'
import type { CommandContext } from './define-command.ts'
import { CommandFailure } from './failure.ts'
import { pathsOf } from './local-settings.ts'

export interface PlanRun {
  readonly mode: 'dry-run' | 'write'
  readonly changed: boolean
  readonly changedFiles: readonly string[]
  readonly checks: { readonly resolvability: true, readonly resolvabilityComplete: boolean }
  readonly refsChecked: number
  readonly skippedExecRefs: number
  readonly warningCount: number
  readonly warnings: readonly string[]
}

export interface PlanRunOptions {
  readonly plan: SecretPlan
  readonly write: boolean
  readonly allowExec: boolean
}

const maxNamed = 5

/** A target may name a provider that the same plan brings; one that goes must not be needed any more. */
function operationsOf ({ targets, providerUpserts = {}, providerDeletes = [] }: SecretPlan): ConfigOperation[] {
  return [
    ...Object.entries(providerUpserts).map(([alias, value]): ConfigOperation => ({ kind: 'set', path: `secrets.providers.${alias}`, value })),
    ...targets.map(({ path, ref }): ConfigOperation => ({ kind: 'set', path, value: ref })),
    ...providerDeletes.map((alias): ConfigOperation => ({ kind: 'unset', path: `secrets.providers.${alias}` }))
  ]
}

/** What stood at the targets as text. */
function movedValues ({ targets }: SecretPlan, before: LoadedConfig): Map<string, string> {
  return new Map(targets.flatMap(({ path, pathSegments }) => {
    const value = valueAt(before.parsed, pathSegments)
    return typeof value === 'string' && value !== '' && !asReference(value) ? [[path, value] as const] : []
  }))
}

interface Checked {
  readonly refsChecked: number
  readonly skippedExecRefs: number
  readonly warnings: string[]
}

const named = (refs: readonly CheckedRef[]): string => refs.slice(0, maxNamed).map(({ path, resolved }) => `${path}: ${resolved?.error}`).join('; ')

interface Change {
  readonly before: LoadedConfig
  readonly after: LoadedConfig
  readonly stateDir: string
}

/** A service sees less than the shell of whoever typed the command. */
async function shellOnly (checked: readonly CheckedRef[], after: LoadedConfig, stateDir: string): Promise<string[]> {
  const env = await effectiveEnvironment({}, stateDir, after.source)
  return checked.filter(({ ref, resolved }) => ref.source === 'env' && resolved?.value !== undefined && env[ref.id] === undefined)
    .map(({ path, ref }) => `${path}: ${ref.id} is set in this shell; the gateway has it only where it is set for it too, as in ${stateDir}/.env`)
}

async function checkPlan ({ plan, allowExec }: PlanRunOptions, { before, after, stateDir }: Change): Promise<Checked> {
  const touched = new Set(plan.targets.map(({ path }) => path))
  const gone = new Set(plan.providerDeletes)
  const aliasOf = ({ source, provider }: SecretRef): string => provider ?? after.config.secrets.defaults[source]
  const isMeant = (path: string, ref: SecretRef): boolean => touched.has(path) || gone.has(aliasOf(ref))
  const meant = refsIn(after.source, configTree).filter(({ path, ref }) => isMeant(path, ref))
  const wanted = new Set(meant.map(({ ref }) => JSON.stringify(ref)))
  const skipped = allowExec ? [] : meant.filter(({ ref }) => ref.source === 'exec')
  const isAsked = (ref: SecretRef): boolean => wanted.has(JSON.stringify(ref)) && (allowExec || ref.source !== 'exec')
  const asked = await checkSecrets({ ...after, secretValues: new Map() }, isAsked)
  const checked = asked.filter(({ path, ref, resolved }) => resolved !== undefined && isMeant(path, ref))
  const lost = checked.filter(({ resolved }) => resolved?.error !== undefined)
  if (lost.length > 0) {
    const more = lost.length > maxNamed ? ` (+${lost.length - maxNamed} more)` : ''
    const unresolved = lost.map(({ path, resolved }) => ({ path, message: resolved?.error }))
    const message = `Secrets apply failed: these references lead nowhere, nothing was changed: ${named(lost)}${more}`
    throw new CommandFailure(message, 'secrets_unresolved', { unresolved })
  }
  const old = movedValues(plan, before)
  const others = checked.filter(({ path, resolved }) => old.has(path) && old.get(path) !== resolved?.value)
    .map(({ path }) => `${path}: what the reference leads to is another credential than the one that stands there now`)
  const warnings = [...others, ...await shellOnly(checked, after, stateDir)]
  return { refsChecked: checked.length, skippedExecRefs: skipped.length, warnings }
}

const refuseExec = ({ plan, write, allowExec }: PlanRunOptions): void => {
  if (!write || allowExec || !runsPrograms(plan)) return
  throw new CommandFailure(
    'Secrets apply failed: the plan has programs run that tell credentials; say that you want that with --allow-exec', 'exec_not_allowed')
}

export async function runPlan (context: CommandContext<object>, options: PlanRunOptions): Promise<{ run: PlanRun, change: ChangeResult }> {
  const { plan, write } = options
  refuseExec(options)
  const paths = pathsOf(context)
  const { env } = context.io
  let checked: Checked = { refsChecked: 0, skippedExecRefs: 0, warnings: [] }
  let moved: ReadonlySet<string> = new Set()
  let refs: SecretRef[] = []
  const change = await changeConfig(operationsOf(plan), {
    paths,
    env,
    dryRun: !write,
    withoutBackup: true,
    async check (before, after) {
      checked = await checkPlan(options, { before, after, stateDir: paths.stateDir })
      moved = new Set(movedValues(plan, before).values())
      refs = refsIn(after.source, configTree).map(({ ref }) => ref)
    }
  })
  const scrubs = plan.options.scrubEnv && moved.size > 0 ? await scrubsOf({ paths, moved, refs }) : []
  const warnings = [...checked.warnings, ...change.warnings.map(({ path, message }) => `${path}: ${message}`)]
  const changedFiles = change.changed ? [change.path] : []
  for (const { file, write: scrub } of scrubs) {
    const failure = write ? await scrub().then(() => undefined, (error: Error) => error) : undefined
    if (failure) warnings.push(`${file} still holds a credential that has moved: ${failure.message}`)
    else changedFiles.push(file)
  }
  const backups = await backupsWith(paths.configPath, moved)
  warnings.push(...backups.map(file => `${file} still holds a credential that has moved; delete it when you do not need it: rm ${file}`))
  const run: PlanRun = {
    mode: write ? 'write' : 'dry-run',
    changed: changedFiles.length > 0,
    changedFiles: changedFiles.sort(),
    checks: { resolvability: true, resolvabilityComplete: checked.skippedExecRefs === 0 },
    refsChecked: checked.refsChecked,
    skippedExecRefs: checked.skippedExecRefs,
    warningCount: warnings.length,
    warnings
  }
  return { run, change }
}
