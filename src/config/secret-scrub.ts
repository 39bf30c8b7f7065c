/** Takes credentials that have found a better place out of the `.env` files beside the configuration. */
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { isCredentialName } from '../lib/redact.ts'
import { readIfPresent, writePrivateFile } from '../lib/private-file.ts'
import { backupSuffixes, lastGoodSuffix } from './backup-files.ts'
import type { Paths } from './paths.ts'
import type { SecretRef } from './schema/types.ts'

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/

const envFiles = ({ stateDir, configPath }: Pick<Paths, 'stateDir' | 'configPath'>): string[] =>
  [...new Set([join(stateDir, '.env'), join(dirname(configPath), '.env')])]

/** Without the one-line assignments whose values have moved away. A name that a reference reads is where its value belongs. */
function scrubbed (text: string, moved: ReadonlySet<string>, isRead: (name: string) => boolean): string {
  return text.split('\n').filter(line => {
    const name = assignment.exec(line)?.[1]
    if (name === undefined || !isCredentialName(name) || isRead(name)) return true
    const value = parseEnv(line)[name]
    return value === undefined || !moved.has(value)
  }).join('\n')
}

export interface ScrubOptions {
  readonly paths: Pick<Paths, 'stateDir' | 'configPath'>
  /** Values that stood in the configuration as text and do not any more. */
  readonly moved: ReadonlySet<string>
  /** Every reference of the configuration as it is now. */
  readonly refs: readonly SecretRef[]
}

export interface Scrub {
  readonly file: string
  write (): Promise<void>
}

/** The files that would be changed. */
export async function scrubsOf ({ paths, moved, refs }: ScrubOptions): Promise<Scrub[]> {
  const names = new Set(refs.filter(({ source }) => source === 'env').map(({ id }) => id))
  const looked = await Promise.all(envFiles(paths).map(async (file): Promise<Scrub[]> => {
    const text = await readIfPresent(file)
    if (text === undefined) return []
    const rest = scrubbed(text, moved, name => names.has(name))
    return rest === text ? [] : [{ file, write: () => writePrivateFile(file, rest) }]
  }))
  return looked.flat()
}

const backupsOf = (configPath: string): string[] => [lastGoodSuffix, ...backupSuffixes].map(suffix => configPath + suffix)

/** Earlier versions of the configuration that still hold one of these values. */
export async function backupsWith (configPath: string, moved: ReadonlySet<string>): Promise<string[]> {
  const looked = await Promise.all(backupsOf(configPath).map(async file => {
    const text = await readIfPresent(file).catch(() => undefined)
    return text !== undefined && [...moved].some(value => text.includes(value)) ? [file] : []
  }))
  return looked.flat()
}
