/** Files that replies name: of the workspace of their agent, or at an address that is fetched like any other. */
import { createFileFetch } from '../channels/messaging/files.ts'
import type { RepliesOptions } from '../channels/replies/replies.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Outbound } from '../lib/outbound/outbound.ts'
import type { Files } from '../tools/files/files.ts'
import { fileOf } from '../tools/messages/acting.ts'

export interface ReplyFileParts {
  readonly live: LiveConfig
  readonly outbound: Outbound
  readonly files: Files
}

const fetchLimitMs = 20_000

export function composeReplyFiles ({ live, outbound, files }: ReplyFileParts): RepliesOptions['fileOf'] {
  const fetch = createFileFetch({ outbound, config: live.current })
  return async (name, { agentId, sessionKey }, limitBytes) => /^https?:\/\//i.test(name)
    ? await fetch(name, limitBytes, AbortSignal.timeout(fetchLimitMs))
    : await fileOf(name, files, { agentId, sessionKey })
}
