import { resolve } from 'node:path'
import { command } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { pathsOf } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'
import { withStateLock } from '../state-lock.ts'

export default command({
  name: 'restore',
  summary: 'Put a backup in the place of the current state',
  details: 'Refuses while a gateway runs on the state directory. What the backup replaces is kept in a directory before-restore-<time> there. ' +
    'Files that the backup does not have stay as they are. A copy of the database alone, such as state.v2.sqlite, which is kept before an ' +
    'update changes its shape, replaces the database alone.',
  args: [{ name: 'file', help: 'Made by openclaw backup, or a copy of state.sqlite' }],
  options: jsonOption,
  exits: { 69: 'The state directory belongs to a gateway that runs' },
  examples: [
    ['openclaw restore openclaw-backup-2026-11-21-10-00-00.sqlite', 'Stop the gateway first.'],
    ['openclaw restore ~/.openclaw/state.v2.sqlite', 'The way back to the version before: then start that one.']
  ],
  async run (context) {
    const { options, out, args: [file] } = context
    const paths = pathsOf(context)
    const { restoreBackup } = await import('../../store/upkeep/restore.ts')
    const { ensurePrivateDirectory } = await import('../../lib/private-file.ts')
    await ensurePrivateDirectory(paths.stateDir)
    const report = await withStateLock(paths, () => {
      try {
        return restoreBackup(paths.stateDir, resolve(file!), Date.now())
      } catch (error) {
        throw new CommandFailure(`Not restored: ${(error as Error).message}. Choose another file, or make one with: openclaw backup.`, 'restore_failed')
      }
    })
    if (options.json) out.json({ ok: true, stateDir: paths.stateDir, ...report })
    else {
      out.line(`Restored ${paths.stateDir} (${report.files} files beside the database).`)
      if (report.aside) out.line(`What was there before: ${report.aside}`)
      out.line(report.earlierSchema === undefined
        ? 'Start the gateway with: openclaw gateway run'
        : 'It is as an earlier version of the gateway left it: start that version. This one would change it again, and keep a copy again.')
    }
    return 0
  }
})
