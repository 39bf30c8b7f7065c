import { formatIssue } from '../../config/issues.ts'
import { valueAt } from '../../config/path-syntax.ts'
import { loadConfig } from '../../config/load.ts'
import { adviceOf, changeConfig, stepsOf } from '../config-change.ts'
import { command, flag } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { pathsOf } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'
import { required } from '../with-gateway.ts'

export default command({
  name: 'config unset',
  summary: 'Remove one value from the configuration, so that its default counts',
  args: [{ name: 'path', help: 'Place in the configuration' }],
  options: { ...jsonOption, dryRun: flag('Check only, write nothing'), replace: flag('Also when most of the file would go') },
  examples: [['openclaw config unset gateway.port', 'Back to 18789.']],
  async run (context) {
    const { options, out, args, io } = context
    const path = required(args[0], 'path')
    const paths = pathsOf(context)
    const { parsed } = await loadConfig({ paths, env: io.env })
    if (valueAt(parsed, stepsOf(path)) === undefined) {
      throw new CommandFailure(
        `Config path not found: ${path}. Nothing was changed. Run openclaw config get <path> first if you are unsure of the path.`,
        'config_path_unknown'
      )
    }
    const result = await changeConfig([{ kind: 'unset', path }], {
      paths, env: io.env, dryRun: options.dryRun, allowDestructive: options.replace
    })
    if (options.json) {
      const { changedPaths, restartRequired } = result
      out.json({ ok: true, path: result.path, changed: true, changedPaths, restartRequired, dryRun: options.dryRun })
    } else {
      for (const warning of result.warnings) out.note(`Warning: ${formatIssue(warning, result.path)}`)
      out.line(`${options.dryRun ? 'Would remove' : 'Removed'} ${path}. ${adviceOf(result)}`)
    }
    return 0
  }
})
