import type { Message } from '../protocol/transcript.ts'

/** The messages as a model reads them: what strangers wrote is marked for it, and only for it. */
export async function prompted (messages: readonly Message[]): Promise<readonly Message[]> {
  const hasStrangers = messages.some(message =>
    message.role === 'user' && (message.__openclaw?.['channel'] ?? message.__openclaw?.['external']) !== undefined)
  return hasStrangers ? (await import('./strangers.ts')).withMarks(messages) : messages
}
