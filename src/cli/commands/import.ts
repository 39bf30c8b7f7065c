import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expandPath } from '../../config/paths.ts'
import { exitCodes } from '../../lib/exit-codes.ts'
import { ensurePrivateDirectory } from '../../lib/private-file.ts'
import { findLockOwner } from '../../lib/state-lock.ts'
import { command, flag, text, UsageError, type CommandContext } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { pathsOf } from '../local-settings.ts'
import type { Output } from '../output.ts'
import { jsonOption } from '../rpc-options.ts'
import { withStateLock } from '../state-lock.ts'

interface Report {
  readonly sessions: ReadonlyArray<{ key: string, lines: number, messages: number }>
  readonly existing: readonly string[]
  readonly problems: readonly string[]
}

const options = {
  ...jsonOption,
  from: text('dir', 'State directory of the existing gateway, such as ~/.openclaw'),
  dryRun: flag('Read and count everything, write nothing')
}

async function sourceOf (context: CommandContext<{ from: string | undefined }>, stateDir: string, homeDir: string): Promise<string> {
  if (!context.options.from) throw new UsageError('Which state directory? Name it with --from DIR.')
  const from = resolve(expandPath(context.options.from, homeDir))
  if (from === stateDir) {
    throw new UsageError('--from names the state directory of this gateway itself: give this one another with OPENCLAW_STATE_DIR or --profile')
  }
  const known = ['agents', 'sessions', 'openclaw.json'].some(name => existsSync(join(from, name)))
  if (!known) {
    throw new CommandFailure(`${from} is no state directory: it has neither agents nor sessions. Look for it with: ls -d ~/.openclaw*`, 'source_missing')
  }
  const owner = await findLockOwner(from)
  if (owner) {
    const message = `A gateway runs on ${from} (pid ${owner.pid}) and may be writing. Stop it, then try again.`
    throw new CommandFailure(message, 'source_running', {}, exitCodes.taken)
  }
  return from
}

function print (report: Report, from: string, dryRun: boolean, out: Output): void {
  const messages = report.sessions.reduce((sum, session) => sum + session.messages, 0)
  for (const { key, lines, messages: count } of report.sessions) out.line(`  ${key}: ${count} messages, ${lines} lines`)
  const what = `${report.sessions.length} sessions with ${messages} messages from ${from}`
  out.line(dryRun ? `Would import ${what}. Nothing was written.` : `Imported ${what}.`)
  if (report.existing.length > 0) out.line(`Here already and left as they are: ${report.existing.length}`)
  for (const problem of report.problems) out.note(`! ${problem}`)
}

export default command({
  name: 'import',
  summary: 'Take over sessions and transcripts of an existing OpenClaw gateway',
  details: 'The source is only read, and no gateway may run on either directory meanwhile. Sessions that are here already stay as they are, ' +
    'so it can be given again. Configuration and credentials are not taken over: copy openclaw.json, and pair devices again.',
  options,
  exits: { 69: 'A gateway that runs has the state directory, or the source' },
  examples: [
    ['openclaw import --from ~/.openclaw --dry-run', 'What there is.'],
    ['openclaw import --from /mnt/old/.openclaw --json', 'Exit code 1 when something could not be taken over.']
  ],
  async run (context) {
    const { out, options: { dryRun, json } } = context
    const paths = pathsOf(context)
    const { stateDir } = paths
    const from = await sourceOf(context, stateDir, paths.homeDir)
    await ensurePrivateDirectory(stateDir)
    const report = await withStateLock(paths, async () => {
      const [{ importState }, { openStore }] = await Promise.all([import('../../sessions/import/import.ts'), import('../../store/open.ts')])
      const scratchDir = await mkdtemp(join(stateDir, 'tmp', 'import-'))
      const store = await openStore({ stateDir, readOnly: dryRun })
      try {
        return await importState({ from, scratchDir, store, dryRun, now: Date.now() })
      } finally {
        await store.close()
        await rm(scratchDir, { recursive: true, force: true })
      }
    })
    if (json) out.json({ ok: report.problems.length === 0, from, dryRun, ...report })
    else print(report, from, dryRun, out)
    return report.problems.length === 0 ? exitCodes.ok : exitCodes.failed
  }
})
