/** What is wrong with where credentials are kept, without saying any of them. */
import { stat } from 'node:fs/promises'
import { secretFileProblem } from './secret-path.ts'
import type { LoadedConfig } from './load.ts'
import { plainSecretsIn, checkSecrets } from './secret-values.ts'

export interface SecretFinding {
  readonly code: 'PLAINTEXT_FOUND' | 'REF_UNRESOLVED' | 'FILE_PERMISSIONS' | 'REF_NOT_CHECKED'
  readonly severity: 'error' | 'warn' | 'info'
  readonly file: string
  readonly path: string
  readonly message: string
}

export interface AuditOptions {
  /** Programs that are asked for credentials are run only when this is wished. */
  readonly allowExec: boolean
}

export async function auditSecrets (loaded: LoadedConfig, { allowExec }: AuditOptions): Promise<SecretFinding[]> {
  const plain = plainSecretsIn(loaded.parsed).map((path): SecretFinding => ({
    code: 'PLAINTEXT_FOUND',
    severity: 'warn',
    file: loaded.path,
    path,
    message: `stands in the file itself; keep it elsewhere: openclaw config set ${path} --ref-source env --ref-id NAME`
  }))
  return [...await filesOf(loaded), ...plain, ...await refsOf(loaded, allowExec)]
}

async function filesOf ({ path: root, includedPaths }: LoadedConfig): Promise<SecretFinding[]> {
  const looked = await Promise.all([root, ...includedPaths].map(async (file): Promise<SecretFinding | undefined> => {
    const found = await stat(file).catch(() => undefined)
    const problem = found && secretFileProblem(found)
    return problem === undefined ? undefined : { code: 'FILE_PERMISSIONS', severity: 'warn', file, path: '', message: problem }
  }))
  return looked.filter(finding => finding !== undefined)
}

async function refsOf (loaded: LoadedConfig, allowExec: boolean): Promise<SecretFinding[]> {
  const file = loaded.path
  const checked = await checkSecrets(loaded, ({ source }) => allowExec || source !== 'exec')
  return checked.flatMap(({ path, resolved }): SecretFinding[] => {
    if (resolved === undefined) {
      return [{ code: 'REF_NOT_CHECKED', severity: 'info', file, path, message: 'a program would have to be run; add --allow-exec to do so' }]
    }
    return resolved.error === undefined ? [] : [{ code: 'REF_UNRESOLVED', severity: 'error', file, path, message: resolved.error }]
  })
}
