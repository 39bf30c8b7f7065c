import { loadConfig } from '../../config/load.ts'
import type { SecretFinding } from '../../config/secret-audit.ts'
import { command, flag } from '../define-command.ts'
import { pathsOf } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'

const count = (findings: readonly SecretFinding[], code: SecretFinding['code']): number => findings.filter(finding => finding.code === code).length

export default command({
  name: 'secrets audit',
  summary: 'Look where credentials are kept, and whether they can be had',
  details: 'Names credentials that stand in the configuration as text, references that lead nowhere, and files that others may read. ' +
    'It never prints a credential.',
  exits: { 0: 'Done, or with --check nothing found', 1: 'With --check: findings', 2: 'With --check: references that cannot be resolved' },
  options: {
    ...jsonOption,
    check: flag('Tell by the exit code'),
    allowExec: flag('Also run the programs that references of source "exec" name')
  },
  examples: [
    ['openclaw secrets audit', 'One line for each finding.'],
    ['openclaw secrets audit --check', 'For a pipeline.']
  ],
  async run (context) {
    const { options, out, io } = context
    const { auditSecrets } = await import('../../config/secret-audit.ts')
    const loaded = await loadConfig({ paths: pathsOf(context), env: io.env })
    const findings = await auditSecrets(loaded, options)
    const unresolved = count(findings, 'REF_UNRESOLVED')
    const counted = findings.filter(({ severity }) => severity !== 'info').length
    const status = unresolved > 0 ? 'unresolved' : counted > 0 ? 'findings' : 'clean'
    if (options.json) {
      const summary = { plaintextCount: count(findings, 'PLAINTEXT_FOUND'), unresolvedRefCount: unresolved, fileCount: count(findings, 'FILE_PERMISSIONS') }
      out.json({ version: 1, status, filesScanned: [loaded.path, ...loaded.includedPaths], summary, findings })
    } else {
      for (const { severity, file, path, message } of findings) out.line(`${severity}: ${path === '' ? file : path}: ${message}`)
      out.line(counted === 0 ? 'Secrets audit: nothing found.' : `Secrets audit: ${counted} ${counted === 1 ? 'finding' : 'findings'}.`)
    }
    return !options.check || status === 'clean' ? 0 : status === 'unresolved' ? 2 : 1
  }
})
