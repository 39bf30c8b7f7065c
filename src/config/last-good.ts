/** Keeps a copy of the configuration that the gateway runs with, for the day on which the file is broken. Loaded after the start. */
import { realpath } from 'node:fs/promises'
import { readIfPresent, writePrivateFile } from '../lib/private-file.ts'
import { lastGoodSuffix } from './backup-files.ts'
import type { Environment } from './environment.ts'
import type { LoadedConfig } from './load.ts'
import { redactedMark } from './redact.ts'

/** True when it is kept now. What is partly disabled, or only shows what was shown to somebody, is nothing to go back to. */
export async function keepLastGood ({ path, raw, issues }: LoadedConfig, env: Environment): Promise<boolean> {
  if (raw === undefined || raw.trim() === '' || issues.length > 0 || raw.includes(redactedMark)) return false
  if (env['OPENCLAW_CONFIG_READONLY'] === '1') return false
  const copy = await realpath(path).catch(() => path) + lastGoodSuffix
  if (await readIfPresent(copy).catch(() => undefined) !== raw) await writePrivateFile(copy, raw)
  return true
}
