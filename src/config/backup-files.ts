/** Earlier versions of the configuration beside its file: what they are called, and the one that a gateway keeps of what it runs with. */
import { realpath } from 'node:fs/promises'
import { readIfPresent, writePrivateFile } from '../lib/private-file.ts'
import type { Environment } from './environment.ts'
import type { LoadedConfig } from './load.ts'
import { redactedMark } from './redacted-mark.ts'

/** The newest first, by what is put behind the name of the file. */
export const backupSuffixes = ['.bak', '.bak.1', '.bak.2', '.bak.3', '.bak.4'] as const

/** The last one that a gateway has run with, all of it. */
export const lastGoodSuffix = '.last-good'

/** True when it is kept now. What is partly disabled, or only shows what was shown to somebody, is nothing to go back to. */
export async function keepLastGood ({ path, raw, issues }: LoadedConfig, env: Environment): Promise<boolean> {
  if (raw === undefined || raw.trim() === '' || issues.length > 0 || raw.includes(redactedMark)) return false
  if (env['OPENCLAW_CONFIG_READONLY'] === '1') return false
  const copy = await realpath(path).catch(() => path) + lastGoodSuffix
  if (await readIfPresent(copy).catch(() => undefined) !== raw) await writePrivateFile(copy, raw)
  return true
}
