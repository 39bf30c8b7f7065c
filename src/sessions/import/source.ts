/** What an import reads, whatever it was stored in. */

export type Fields = { readonly [field: string]: unknown }

/** One generation of a conversation; its events as they were written, in their order. */
export interface SourceTranscript {
  readonly sessionId: string
  /** The event that the conversation ends with, where that is recorded; else the last one. */
  readonly leafId?: string
  events (): Fields[]
}

export interface SourceSession {
  readonly agentId: string
  readonly key: string
  readonly entry: Fields
  /** Oldest first; the last one is the current. */
  readonly transcripts: readonly SourceTranscript[]
}

export interface Source {
  readonly sessions: readonly SourceSession[]
  /** What is there and cannot be read, in sentences. */
  readonly problems: readonly string[]
  close (): void
}

export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

export function parseFields (text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}
