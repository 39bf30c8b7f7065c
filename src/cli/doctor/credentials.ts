/** Where the gateway's secret comes from, as fingerprints: two people see whether they mean the same one, and nobody sees it. */
import { environmentFirst } from '../../lib/environment-first.ts'
import type { LocalSettings } from '../local-settings.ts'
import type { Check, Finding } from './finding.ts'

export interface SecretSource {
  readonly kind: 'token' | 'password'
  readonly source: 'config' | 'env' | 'generated'
  /** A password could be guessed from its fingerprint, so it gets none. */
  readonly fingerprint?: string
  readonly inForce: boolean
}

export async function secretSources ({ auth, env, generatedToken }: LocalSettings): Promise<SecretSource[]> {
  const { fingerprint } = await import('../../lib/fingerprint.ts')
  type Row = readonly [SecretSource['source'], string | undefined]
  const inOrder = (configured: Row, given: Row): Row[] => environmentFirst(env) ? [given, configured] : [configured, given]
  const tokens: Row[] = [...inOrder(['config', auth.token], ['env', env['OPENCLAW_GATEWAY_TOKEN']?.trim() || undefined]), ['generated', generatedToken]]
  const passwords = inOrder(['config', auth.password], ['env', env['OPENCLAW_GATEWAY_PASSWORD']?.trim() || undefined])
  const known = (rows: readonly Row[]): [SecretSource['source'], string][] =>
    rows.flatMap(([source, value]) => value === undefined ? [] : [[source, value] as [SecretSource['source'], string]])
  return [
    ...known(tokens).map(([source, value], index): SecretSource => ({ kind: 'token', source, fingerprint: fingerprint(value), inForce: index === 0 })),
    ...known(passwords).map(([source], index): SecretSource => ({ kind: 'password', source, inForce: index === 0 }))
  ]
}

export const credentials: Check = {
  id: 'auth',
  async run ({ settings }) {
    const tokens = (await secretSources(settings)).filter(({ kind, source }) => kind === 'token' && source !== 'generated')
    const [first, second] = tokens
    const problems = settings.credentialProblems.map((message): Finding => ({
      checkId: 'auth.unresolved', severity: 'error', message, fixHint: 'Make the secret available where the configuration points: openclaw config validate'
    }))
    if (!first || !second || first.fingerprint === second.fingerprint) return problems
    const told = ({ source, fingerprint }: SecretSource): string => `${source === 'env' ? 'OPENCLAW_GATEWAY_TOKEN' : 'gateway.auth.token'} (${fingerprint})`
    return [...problems, {
      checkId: 'auth.two-tokens',
      severity: 'warning',
      message: `${told(second)} is another token than ${told(first)}, which is the one in force`,
      fixHint: 'Unset the variable, or remove the key: openclaw config unset gateway.auth.token'
    }]
  }
}
