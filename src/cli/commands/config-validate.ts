import { exitCodes } from '../../lib/exit-codes.ts'
import { formatIssues, loadConfig, type LoadedConfig } from '../../config/load.ts'
import { startObstacles } from '../../config/start-obstacles.ts'
import { command } from '../define-command.ts'
import { pathsOf } from '../local-settings.ts'
import type { Output } from '../output.ts'
import { jsonOption } from '../rpc-options.ts'

const shown = (list: LoadedConfig['issues']): object[] => list.map(({ path, message, line, expected, disabledPath }) => ({
  path,
  message,
  ...(line === undefined ? {} : { line }),
  ...(expected === undefined ? {} : { expected }),
  ...(disabledPath === undefined ? {} : { disabledPath })
}))

function printJson (loaded: LoadedConfig, out: Output): void {
  const { path, issues, warnings, exists } = loaded
  if (issues.length === 0) return out.json({ valid: true, path, exists, warnings: shown(warnings) })
  const error = { type: 'config_invalid', message: `OpenClaw config is invalid: ${path}` }
  out.json({ ok: false, error, valid: false, path, issues: shown(issues), warnings: shown(warnings) })
}

function printText (loaded: LoadedConfig, out: Output): void {
  const { path, issues, warnings, exists } = loaded
  if (!exists && issues.length === 0) out.line(`No configuration at ${path}: the defaults count.`)
  else if (issues.length === 0) out.line(`Config valid: ${path}`)
  else {
    out.note(`OpenClaw config is invalid: ${path}`)
    for (const line of formatIssues(loaded)) out.note(`  × ${line}`)
  }
  for (const line of formatIssues(loaded, warnings)) out.note(`  ! ${line}`)
}

export default command({
  name: 'config validate',
  summary: 'Check the configuration without starting anything',
  options: jsonOption,
  examples: [['openclaw config validate', 'Says the line, what is wrong there and what was expected; exit 1 when something is.']],
  async run (context) {
    const { options, out, io } = context
    const read = await loadConfig({ paths: pathsOf(context), env: io.env })
    const loaded = { ...read, warnings: [...startObstacles(read), ...read.warnings] }
    if (options.json) printJson(loaded, out)
    else printText(loaded, out)
    return loaded.issues.length === 0 ? exitCodes.ok : exitCodes.failed
  }
})
