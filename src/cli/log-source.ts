/** Where `logs` reads from: the gateway, or the file itself when there is no gateway to ask. */
import { createRedactor } from '../lib/redact.ts'
import { tailLog, type LogsTailResult } from '../log/tail.ts'
import { isClientError } from './client-error.ts'
import { openGateway, type OpenOptions } from './open-gateway.ts'
import { currentLogFile } from './log-file.ts'
import type { LocalSettings } from './local-settings.ts'
import type { GatewayTarget } from './target.ts'

export interface TailQuery {
  cursor?: number
  limit?: number
  maxBytes?: number
}

export interface LogSource {
  tail (query: TailQuery): Promise<LogsTailResult>
  close (): Promise<void>
}

export async function openRemoteLog (target: GatewayTarget, options: OpenOptions): Promise<LogSource> {
  const client = await openGateway(target, options)
  return {
    tail: query => client.request('logs.tail', query) as Promise<LogsTailResult>,
    close: () => client.close()
  }
}

/** Nothing when no log file can be trusted here. */
export function openLocalLog (settings: LocalSettings): LogSource | undefined {
  const file = currentLogFile(settings)
  if (file === null) return undefined
  const { redactText } = createRedactor({ patterns: settings.loaded.config.logging.redactPatterns })
  return {
    tail: query => tailLog({ file, ...query, redact: redactText }),
    close: async () => undefined
  }
}

/** True for a gateway that is not there or does not want this client; false for one that says the request is wrong. */
export const mayReadFileInstead = (error: unknown): boolean =>
  isClientError(error) && (error.kind === 'transport' || error.code === 'NOT_PAIRED')
