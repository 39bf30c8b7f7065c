/** May this command run: what the configuration, the approvals document and the call say, the strictest of them. */
import type { CommandCheck } from './command-check.ts'

export const securities = ['deny', 'allowlist', 'full'] as const
export type Security = typeof securities[number]
export const asks = ['off', 'on-miss', 'always'] as const
export type Ask = typeof asks[number]
export const execModes = ['deny', 'allowlist', 'ask', 'auto', 'full'] as const
export type ExecMode = typeof execModes[number]

export interface ExecPolicy {
  readonly security: Security
  readonly ask: Ask
  /** What holds when nobody can be asked. */
  readonly askFallback: Security
}

const byMode: { readonly [mode in ExecMode]: Pick<ExecPolicy, 'security' | 'ask'> } = {
  deny: { security: 'deny', ask: 'off' },
  allowlist: { security: 'allowlist', ask: 'off' },
  ask: { security: 'allowlist', ask: 'on-miss' },
  auto: { security: 'allowlist', ask: 'on-miss' },
  full: { security: 'full', ask: 'off' }
}

/** A word that nobody knows counts as the strictest one. */
const word = <const W extends string>(words: readonly W[], given: string | undefined, strictest: W): W | undefined =>
  given === undefined ? undefined : words.find(known => known === given) ?? strictest

export interface PolicyWords {
  readonly mode?: string
  readonly security?: string
  readonly ask?: string
  readonly askFallback?: string
  /** There is a list of the only commands: nothing beyond it runs. */
  readonly isListed?: boolean
}

const stricter = (a: ExecPolicy, b: ExecPolicy): ExecPolicy => ({
  security: securities[Math.min(securities.indexOf(a.security), securities.indexOf(b.security))]!,
  ask: asks[Math.max(asks.indexOf(a.ask), asks.indexOf(b.ask))]!,
  askFallback: securities[Math.min(securities.indexOf(a.askFallback), securities.indexOf(b.askFallback))]!
})

const none: ExecPolicy = { security: 'full', ask: 'off', askFallback: 'full' }

/** One layer. `mode` is the newer word and wins over the two older ones. */
function layer ({ mode, security, ask, askFallback, isListed = false }: PolicyWords): ExecPolicy {
  const ofMode = mode === undefined ? undefined : byMode[word(execModes, mode, 'deny')!]
  const own = ofMode?.security ?? word(securities, security, 'deny') ?? 'full'
  return {
    security: isListed && own === 'full' ? 'allowlist' : own,
    ask: ofMode?.ask ?? word(asks, ask, 'always') ?? 'off',
    askFallback: word(securities, askFallback, 'deny') ?? 'full'
  }
}

/** Without a word about it nothing runs when nobody can be asked. */
export function effectivePolicy (layers: readonly PolicyWords[]): ExecPolicy {
  const policy = layers.map(layer).reduce(stricter, none)
  return layers.some(({ askFallback }) => askFallback !== undefined) ? policy : { ...policy, askFallback: 'deny' }
}

export type Verdict =
  | { readonly kind: 'run' }
  | { readonly kind: 'ask', readonly because: string }
  | { readonly kind: 'refuse', readonly because: string }

export const switchedOff = 'commands are switched off for this agent (tools.exec.mode) or this conversation (execSecurity)'

export function judge ({ security, ask }: ExecPolicy, check: CommandCheck): Verdict {
  if (check.forbidden) return { kind: 'refuse', because: check.forbidden }
  if (security === 'deny') return { kind: 'refuse', because: switchedOff }
  if (ask === 'always') return { kind: 'ask', because: 'every command needs the consent of a person' }
  if (check.isAllowed || (security === 'full' && ask === 'off')) return { kind: 'run' }
  const because = check.problem ?? 'it is not on the allowlist'
  return ask === 'off' ? { kind: 'refuse', because } : { kind: 'ask', because }
}

/** The same when nobody can be asked. */
export function judgeAlone ({ security, askFallback }: ExecPolicy, check: CommandCheck): boolean {
  if (check.forbidden || security === 'deny' || askFallback === 'deny') return false
  return check.isAllowed || (askFallback === 'full' && security === 'full')
}
