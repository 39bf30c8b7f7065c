import { readFile } from 'node:fs/promises'
import json5 from 'json5'
import { formatIssue } from '../../config/issues.ts'
import { adviceOf, changeConfig, type ConfigOperation } from '../config-change.ts'
import { command, flag, oneOfWords, text, UsageError, type CommandContext, type OptionValues } from '../define-command.ts'
import { pathsOf } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'

const options = {
  ...jsonOption,
  strictJson: flag('The value must be JSON; otherwise what is no JSON5 counts as text'),
  merge: flag('Merge an object into what is there'),
  replace: flag('Also when most of the file would go'),
  dryRun: flag('Check only, write nothing'),
  refSource: oneOfWords('source', ['env', 'file', 'exec'], 'Instead of a value: where the credential is'),
  refProvider: text('alias', 'Provider of secrets.providers (default: default)'),
  refId: text('id', 'Its name there'),
  batchJson: text('json', 'Many at once: [{"path":"…","value":…}, …]'),
  batchFile: text('path', 'The same from a file')
}

type Flags = OptionValues<typeof options>

function parseValue (given: string, strict: boolean): unknown {
  try {
    return strict ? JSON.parse(given) : json5.parse(given)
  } catch {
    if (strict) throw new UsageError(`The value is not JSON: ${given}`)
    return given
  }
}

function parseBatch (given: string): ConfigOperation[] {
  let list: unknown
  try {
    list = json5.parse(given)
  } catch (error) {
    throw new UsageError(`The batch is not JSON: ${(error as Error).message}`)
  }
  const valid = Array.isArray(list) && list.every(item => typeof item?.path === 'string' && item.value !== undefined)
  if (!valid) throw new UsageError('The batch must be a list of {"path": "…", "value": …}')
  return (list as { path: string, value: unknown }[]).map(({ path, value }) => ({ kind: 'set', path, value }))
}

async function operationsOf (flags: Flags, path: string | undefined, value: string | undefined): Promise<ConfigOperation[]> {
  const batch = flags.batchFile === undefined ? flags.batchJson : await readFile(flags.batchFile, 'utf8')
  if (batch !== undefined) return parseBatch(batch)
  if (path === undefined) throw new UsageError('A path is missing: openclaw config set <path> <value>')
  if (flags.refId !== undefined) {
    const ref = { source: flags.refSource ?? 'env', provider: flags.refProvider ?? 'default', id: flags.refId }
    return [{ kind: 'set', path, value: ref }]
  }
  if (value === undefined) throw new UsageError(`A value is missing: openclaw config set ${path} <value>`)
  return [{ kind: 'set', path, value: parseValue(value, flags.strictJson), merge: flags.merge }]
}

async function run (context: CommandContext<Flags>): Promise<number> {
  const { options: flags, out, args, io } = context
  const operations = await operationsOf(flags, args[0], args[1])
  const result = await changeConfig(operations, {
    paths: pathsOf(context), env: io.env, dryRun: flags.dryRun, allowDestructive: flags.replace
  })
  const { changed, changedPaths, warnings, restartRequired } = result
  if (flags.json) {
    const shown = warnings.map(({ path, message }) => ({ path, message }))
    out.json({ ok: true, path: result.path, changed, changedPaths, restartRequired, dryRun: flags.dryRun, warnings: shown })
    return 0
  }
  for (const warning of warnings) out.note(`Warning: ${formatIssue(warning, result.path)}`)
  const names = operations.map(({ path }) => path).join(', ')
  if (!changed) out.line('No change')
  else out.line(flags.dryRun ? `Would update ${names}. ${adviceOf(result)}` : `Updated ${names}. ${adviceOf(result)}`)
  return 0
}

export default command({
  name: 'config set',
  summary: 'Set one value of the configuration, keeping comments and order',
  details: 'The result is checked first; when it would be invalid, the file stays as it is.',
  args: [
    { name: 'path', help: 'Place in the configuration', optional: true },
    { name: 'value', help: 'JSON5, or plain text', optional: true }
  ],
  options,
  examples: [
    ['openclaw config set gateway.port 19001', 'A number.'],
    ['openclaw config set gateway.controlUi.allowedOrigins \'["https://ui.example.com"]\'', 'A list.'],
    ['openclaw config set gateway.auth.token --ref-source env --ref-id OPENCLAW_TOKEN', 'A reference instead of the credential itself.']
  ],
  run
})
