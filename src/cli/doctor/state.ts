import { chmod } from 'node:fs/promises'
import type { Check, Finding } from './finding.ts'

interface StateFinding {
  readonly subject: string
  readonly path: string
  readonly message: string
  readonly next: string
}

/** What the store says about a state directory. */
export interface Checkup {
  readonly findings: readonly StateFinding[]
  readonly database: { readonly path: string, readonly exists: boolean, readonly bytes: number, readonly schema?: number }
}

const grave = new Set(['database', 'disk'])

/** Only of what is ours to change: files of other users need their owner. */
const chmodIn = (hint: string): { mode: number, path: string } | undefined => {
  const [, mode, path] = /^chmod ([0-7]{3}) (.+)$/.exec(hint) ?? []
  return mode === undefined ? undefined : { mode: parseInt(mode, 8), path: path! }
}

function asFinding ({ subject, path, message, next }: StateFinding): Finding {
  const found = { checkId: `state.${subject}`, severity: grave.has(subject) ? 'error' as const : 'warning' as const, path, message: `${path}: ${message}`, fixHint: next }
  const change = chmodIn(next)
  if (!change) return found
  return {
    ...found,
    async repair () {
      await chmod(change.path, change.mode)
      return `${change.path} is for its owner alone now (${change.mode.toString(8)})`
    }
  }
}

export const state = (checkup: Checkup): Check => ({ id: 'state', run: async () => checkup.findings.map(asFinding) })
