/** How the process speaks before there is a log, and through the log while there is one. */
import type { Logging } from '../log/logger.ts'
import type { RunOptions } from './run-options.ts'

export interface Voice {
  /** The log of this life; taken away again when it is closed. */
  logging: Logging | undefined
  say (level: 'info' | 'warn' | 'error' | 'fatal', text: string, error?: unknown): void
  /** The last chance for what is not written yet. */
  flush (): void
}

export function createVoice ({ stderr }: RunOptions): Voice {
  const voice: Voice = {
    logging: undefined,
    say (level, text, error) {
      const log = voice.logging?.child('gateway')
      if (!log) stderr.write(`[gateway] ${text}${error instanceof Error ? `\n${error.stack}` : ''}\n`)
      else if (error === undefined) log[level](text)
      else log[level]({ err: error }, text)
    },
    flush: () => voice.logging?.flushSync()
  }
  return voice
}
