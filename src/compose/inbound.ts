/** What messages of people need of the other rooms. Loaded with the channels. */
import { commandOf } from '../agent/commands.ts'
import { createInbound, type Inbound } from '../channels/inbound/inbound.ts'
import type { ChannelRooms } from '../channels/room.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logging } from '../log/logger.ts'
import { createUploads } from '../routes/gateway/uploads.ts'
import type { Conversation } from './conversation.ts'

export interface InboundParts extends Pick<ChannelRooms, 'delivery' | 'pairing'>, Pick<Conversation, 'runs' | 'files'> {
  readonly live: LiveConfig
  readonly logging: Logging
  readonly clock: Clock
}

export function composeInbound ({ live, logging, clock, delivery, pairing, runs, files }: InboundParts): Inbound {
  const uploads = createUploads({ files, maxBytes: () => live.current().config.gateway.dataPlane.maxUploadBytes })
  return createInbound({
    config: live.current,
    clock,
    log: logging.child('inbound'),
    delivery,
    pairing,
    runs: {
      start: async request => await runs.start(request),
      stop: async sessionKey => (await runs.abort({ sessionKey, origin: 'stop' })).runIds.length > 0
    },
    orderOf: text => commandOf(text, live.current().config.session.resetTriggers),
    keepFile: async (place, name, bytes) => await uploads.keep(place, name, bytes)
  })
}
