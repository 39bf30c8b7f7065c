import { resolve } from 'node:path'
import { command, text } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { pathsOf } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'

const defaultName = (now: Date): string => `openclaw-backup-${now.toISOString().slice(0, 19).replace(/[:T]/g, '-')}.sqlite`

export default command({
  name: 'backup',
  summary: 'Copy the state of the gateway into one file, also while it runs',
  details: 'The file holds the state database and the private files beside it: identity, tokens, configuration, workspaces. ' +
    'Logs, locks, files set aside and files above 4 MiB stay out. Whoever has it is the gateway: keep it as safe as the state directory.',
  options: { ...jsonOption, output: text('file', 'Where to (default: openclaw-backup-<time>.sqlite in the working directory)') },
  examples: [
    ['openclaw backup', 'A file of this moment, only for you to read.'],
    ['openclaw backup --output /mnt/backup/gateway.sqlite --json', 'For scripts; refuses to overwrite.']
  ],
  async run (context) {
    const { options, out } = context
    const { stateDir } = pathsOf(context)
    const { existsSync } = await import('node:fs')
    if (!existsSync(stateDir)) throw new CommandFailure(`There is nothing to save: ${stateDir} does not exist.`, 'state_missing')
    const { makeBackup } = await import('../../store/upkeep/backup.ts')
    try {
      const report = makeBackup(stateDir, resolve(options.output ?? defaultName(new Date())))
      if (options.json) out.json({ ok: true, ...report })
      else {
        out.line(`Backup: ${report.path} (${report.bytes} bytes, ${report.files} files beside the database)`)
        for (const path of report.leftOut) out.note(`left out: ${path}`)
        out.line(`Restore it with: openclaw restore ${report.path}`)
      }
      return 0
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const next = code === 'EEXIST' ? 'Choose another name with --output.' : 'Look at the state with: openclaw doctor.'
      throw new CommandFailure(`The backup was not made: ${message}. ${next}`, 'backup_failed')
    }
  }
})
