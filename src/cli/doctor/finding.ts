/** What every check of `openclaw doctor` is given, and what it may say. */
import type { LockOwner } from '../../lib/state-lock.ts'
import type { CommandContext } from '../define-command.ts'
import type { LocalSettings } from '../local-settings.ts'

export const severities = ['info', 'warning', 'error'] as const
export type Severity = typeof severities[number]

export interface Finding {
  readonly checkId: string
  readonly severity: Severity
  readonly message: string
  readonly path?: string
  /** What to do about it. */
  readonly fixHint: string
  /** Puts it right without losing anything, and says what it did. */
  readonly repair?: () => Promise<string>
}

export interface Facts {
  readonly context: Pick<CommandContext, 'global' | 'io'>
  readonly settings: LocalSettings
  readonly owner: LockOwner | undefined
  readonly deep: boolean
}

export interface Check {
  readonly id: string
  run (facts: Facts): Promise<readonly Finding[]>
}
