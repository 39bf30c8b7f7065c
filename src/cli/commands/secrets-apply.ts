import { PlanError, readPlan } from '../../config/secret-plan.ts'
import { adviceOf } from '../config-change.ts'
import { command, flag, text, UsageError } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { jsonOption } from '../rpc-options.ts'
import { runPlan } from '../secret-plan-course.ts'

export default command({
  name: 'secrets apply',
  summary: 'Carry out a plan that puts references in the place of credentials',
  details: 'The plan is judged as a whole, and every reference is asked for, before anything is written. Credentials that stood in the file ' +
    'as text are gone afterwards: no backup of them is made, and lines of .env that hold the same values go too (scrubEnv: false in the plan ' +
    'keeps them). Programs that tell credentials are run only with --allow-exec; without it such a plan is not carried out.',
  options: {
    ...jsonOption,
    from: text('path', 'The plan'),
    dryRun: flag('Judge the plan and write nothing'),
    allowExec: flag('Also run the programs that references of source "exec" name')
  },
  examples: [
    ['openclaw secrets apply --from plan.json --dry-run', 'What would happen.'],
    ['openclaw secrets apply --from plan.json', 'And then for good.']
  ],
  async run (context) {
    const { options: { from, dryRun, allowExec, json }, out } = context
    if (from === undefined) throw new UsageError('A plan is missing: openclaw secrets apply --from <path>')
    const plan = await readPlan(from).catch((error: unknown) => {
      throw error instanceof PlanError ? new CommandFailure(`Secrets apply failed: ${error.message}`, 'plan_invalid') : error
    })
    const { run, change } = await runPlan(context, { plan, write: !dryRun, allowExec })
    if (json) {
      out.json(run)
      return 0
    }
    for (const warning of run.warnings) out.note(`Warning: ${warning}`)
    const files = `${run.changedFiles.length} ${run.changedFiles.length === 1 ? 'file' : 'files'}`
    if (dryRun) out.line(run.changed ? `Secrets apply dry run: ${files} would change.` : 'Secrets apply dry run: no changes.')
    else out.line(run.changed ? `Secrets applied. Updated ${files}. ${adviceOf(change)}` : 'Secrets apply: no changes.')
    if (run.skippedExecRefs > 0) out.line(`${run.skippedExecRefs} references of source "exec" were not asked for; --allow-exec does so.`)
    return 0
  }
})
