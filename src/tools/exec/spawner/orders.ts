/** What the gateway and the process that starts its commands tell each other. */
import type { Program } from '../launch.ts'

export type Order =
  /** `marker` stands in the environment of everything that it starts. */
  | { readonly kind: 'start', readonly id: number, readonly marker: string, readonly program: Program }
  | { readonly kind: 'write', readonly id: number, readonly call: number, readonly data: string, readonly isLast: boolean }
  | { readonly kind: 'stop', readonly id: number, readonly graceMs: number }

export type Report =
  | { readonly kind: 'started', readonly id: number, readonly pid: number }
  | { readonly kind: 'failed', readonly id: number, readonly message: string }
  | { readonly kind: 'written', readonly id: number, readonly call: number, readonly ok: boolean }
  | ({ readonly kind: 'output', readonly id: number } & Printed)
  | ({ readonly kind: 'ended', readonly id: number } & ProgramEnd)

/** A piece of what a program printed. */
export interface Printed {
  readonly head: Buffer
  /** Bytes between the two that are only counted: nobody would keep them. Then `tail` is as long as the end that is kept. */
  readonly skipped: number
  readonly tail: Buffer
}

export interface ProgramEnd {
  readonly code: number | null
  readonly signal: string | null
  /** False: something that it started could not be ended. */
  readonly isClean: boolean
}
