/** Credentials of accounts: written into the settings, or kept elsewhere and named there. */
import type { LoadedConfig } from '../config/load.ts'
import { isSecretRef, type SecretInput } from '../config/schema/types.ts'
import { onlyAccountId, type AccountEntry } from './entries.ts'

/** Where the settings of an account stand, for sentences. */
export const settingsPath = (channel: string, accountId: string): string =>
  accountId === onlyAccountId ? `channels.${channel}` : `channels.${channel}.accounts.${accountId}`

/** Something stands there; whether it can be had shows when it is needed. */
export const isGiven = (value: unknown): boolean => isSecretRef(value) || (typeof value === 'string' && value.trim() !== '')

export async function secretOf ({ channel, accountId, config }: AccountEntry, name: string, loaded: LoadedConfig): Promise<string> {
  const { createSecretResolver } = await import('../config/secrets.ts')
  const { value = '', error } = await createSecretResolver(loaded).resolve(config[name] as SecretInput | undefined)
  const secret = value.trim()
  // An empty one must never be held against what a stranger sends.
  if (secret === '') throw new Error(`${settingsPath(channel, accountId)}.${name} has no value: ${error ?? 'it is empty'}`)
  return secret
}
