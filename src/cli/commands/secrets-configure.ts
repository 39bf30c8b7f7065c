import json5 from 'json5'
import { loadConfig } from '../../config/load.ts'
import { formatPath, isReservedKey } from '../../config/path-syntax.ts'
import { checkPlan, maxPlanBytes, PlanError, refOf, runsPrograms, type SecretPlan } from '../../config/secret-plan.ts'
import { placeType } from '../../config/secret-places.ts'
import type { SecretRef } from '../../config/schema.ts'
import { createPrivateFile } from '../../lib/private-file.ts'
import { adviceOf, stepsOf } from '../config-change.ts'
import { command, flag, text, texts, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { pathsOf } from '../local-settings.ts'
import { openQuestions, type Questions } from '../questions.ts'
import { jsonOption } from '../rpc-options.ts'
import { askForProviders, askForRefs, type Wishes } from '../secret-plan-questions.ts'
import { runPlan, type PlanRun } from '../secret-plan-course.ts'

const options = {
  ...jsonOption,
  map: texts('path=source:[provider:]id', 'This credential is there from now on'),
  provider: texts('alias=json5', 'Add or change a provider of secrets.providers'),
  removeProvider: texts('alias', 'Take a provider away'),
  planOut: text('path', 'Write the plan to a new file'),
  apply: flag('Carry it out'),
  yes: flag('Do not ask before that'),
  providersOnly: flag('Ask for providers only'),
  skipProviderSetup: flag('Do not ask for providers'),
  allowExec: flag('Also run the programs that references of source "exec" name'),
  agent: text('id', 'Profiles of accounts are not kept here', { hidden: true })
}

type Context = CommandContext<OptionValues<typeof options>>

/** `env:NAME`, `file:vault:/key`; an id with a colon and no provider: `exec::a:b`. */
function mapped (given: string): [path: string, ref: SecretRef] {
  const [, path, source, rest] = /^(.+?)=([a-z]+):(.+)$/.exec(given) ?? []
  if (path === undefined) throw new UsageError(`Invalid --map (use path=source:id or path=source:provider:id): ${given}`)
  const [, provider, id] = /^([^:]*):(.+)$/.exec(rest!) ?? [undefined, '', rest]
  return [formatPath(stepsOf(path)), refOf({ source, ...(provider ? { provider } : {}), id }, path)]
}

function provided (given: string): [alias: string, provider: { readonly [key: string]: unknown }] {
  const [, alias = '', body = ''] = /^([^=]+)=(.+)$/s.exec(given) ?? []
  try {
    if (alias !== '' && !isReservedKey(alias)) return [alias, json5.parse(body)]
  } catch {
    // Said below, without quoting what may be wrong in it.
  }
  throw new UsageError('Invalid --provider (use alias=\'{source: "file", path: "/absolute/path"}\')')
}

const wishesOf = ({ map = [], provider = [], removeProvider = [] }: Context['options']): Wishes =>
  ({ upserts: Object.fromEntries(provider.map(provided)), deletes: [...removeProvider], refs: new Map(map.map(mapped)) })

const isEmpty = ({ upserts, deletes, refs }: Wishes): boolean => Object.keys(upserts).length + deletes.length + refs.size === 0

function planOf ({ upserts, deletes, refs }: Wishes): SecretPlan {
  const targets = [...refs].map(([path, ref]) => {
    const steps = stepsOf(path)
    return { type: placeType(steps), path, pathSegments: steps.map(String), ref }
  })
  return {
    generatedAt: new Date().toISOString(),
    generatedBy: 'openclaw secrets configure',
    ...checkPlan({ version: 1, protocolVersion: 1, targets, providerUpserts: upserts, providerDeletes: deletes })
  }
}

async function ask (context: Context, questions: Questions): Promise<Wishes> {
  const { options: { providersOnly, skipProviderSetup }, io } = context
  const loaded = await loadConfig({ paths: pathsOf(context), env: io.env })
  const wishes = wishesOf(context.options)
  if (!skipProviderSetup) await askForProviders(questions, loaded, wishes, context.out.note)
  if (!providersOnly) await askForRefs(questions, loaded, wishes, context.out.note)
  return wishes
}

async function keepPlan (plan: SecretPlan, file: string): Promise<void> {
  const text = `${JSON.stringify(plan, null, 2)}\n`
  if (Buffer.byteLength(text) > maxPlanBytes) throw new CommandFailure(`The plan is larger than ${maxPlanBytes} bytes; make two of it.`)
  if (!await createPrivateFile(file, text)) throw new CommandFailure(`${file} is there already; name another --plan-out.`)
}

const askBefore = ({ options: { apply } }: Context): string => apply
  ? 'Credentials that stand in the file are replaced for good, without a backup. Go on?'
  : 'Apply this plan now?'

async function mayApply (context: Context, questions: Questions | undefined): Promise<boolean> {
  const { apply, yes } = context.options
  if (apply && yes) return true
  if (questions) return await questions.confirm(askBefore(context))
  if (apply) throw new CommandFailure('Nothing was changed: without a terminal --apply needs --yes.')
  return false
}

function tell ({ out }: Context, plan: SecretPlan, { warnings, skippedExecRefs }: PlanRun): void {
  for (const { path, ref } of plan.targets) out.line(`${path} → ${ref.source}${ref.provider ? ` (${ref.provider})` : ''} ${ref.id}`)
  for (const alias of Object.keys(plan.providerUpserts ?? {})) out.line(`secrets.providers.${alias} is set`)
  for (const alias of plan.providerDeletes ?? []) out.line(`secrets.providers.${alias} is removed`)
  for (const warning of warnings) out.note(`Warning: ${warning}`)
  if (skippedExecRefs > 0) out.line(`${skippedExecRefs} references of source "exec" were not asked for; --allow-exec does so.`)
}

async function carryOut (context: Context, plan: SecretPlan, questions: Questions | undefined): Promise<number> {
  const { options: { json, planOut, allowExec }, out } = context
  const { run: preflight } = await runPlan(context, { plan, write: false, allowExec })
  if (!json) tell(context, plan, preflight)
  if (planOut !== undefined) await keepPlan(plan, planOut)
  const applied = await mayApply(context, questions)
    ? await runPlan(context, { plan, write: true, allowExec: allowExec || (questions !== undefined && runsPrograms(plan) && await questions.confirm('Run the programs of the plan?')) })
    : undefined
  if (json) out.json({ plan, preflight, ...(applied ? { applied: applied.run } : {}) })
  else if (applied) out.line(applied.run.changed ? `Secrets applied. ${adviceOf(applied.change)}` : 'Secrets apply: no changes.')
  else out.line(planOut === undefined ? 'Nothing was changed.' : `Nothing was changed. Carry it out with: openclaw secrets apply --from ${planOut}`)
  return 0
}

async function run (context: Context): Promise<number> {
  const { options: given, io } = context
  if (given.providersOnly && given.skipProviderSetup) throw new UsageError('--providers-only and --skip-provider-setup exclude each other')
  if (given.agent !== undefined) {
    throw new CommandFailure('This gateway keeps no profiles of accounts for agents: the key of a provider stands at models.providers.<id>.apiKey.')
  }
  const isSaid = !isEmpty(wishesOf(given))
  if (!isSaid && !io.stdin.isTTY) {
    throw new CommandFailure('Questions need a terminal. Say what you want with --map path=source:id, or write a plan for: openclaw secrets apply --from <path>')
  }
  const questions = io.stdin.isTTY ? openQuestions(io) : undefined
  try {
    const wishes = isSaid || !questions ? wishesOf(given) : await ask(context, questions)
    if (isEmpty(wishes)) {
      context.out.note('Nothing was wished for, nothing was changed.')
      return 0
    }
    return await carryOut(context, planOf(wishes), questions)
  } finally {
    questions?.close()
  }
}

export default command({
  name: 'secrets configure',
  summary: 'Put references in the place of credentials that stand in the configuration',
  details: 'Asks for providers and credentials, or takes them from --map and --provider, makes a plan of it, and asks every reference for its ' +
    'credential before anything is written. Credentials themselves are never asked for. What is replaced is gone: no backup of it is made.',
  options,
  examples: [
    ['openclaw secrets configure', 'Questions at the terminal.'],
    ['openclaw secrets configure --map gateway.auth.token=env:OPENCLAW_TOKEN --apply --yes', 'For scripts.'],
    ['openclaw secrets configure --plan-out plan.json', 'Only the plan, for openclaw secrets apply.']
  ],
  run: context => run(context).catch((error: unknown) => {
    throw error instanceof PlanError ? new CommandFailure(error.message, 'plan_invalid') : error
  })
})
