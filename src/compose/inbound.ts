/** What messages of people need of the other rooms. Loaded with the channels. */
import { commandOf } from '../agent/commands.ts'
import { createInbound, type Inbound } from '../channels/inbound/inbound.ts'
import type { ChannelRooms } from '../channels/room.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logging } from '../log/logger.ts'
import type { Hear } from '../tools/media/hearing.ts'
import { createUploads } from '../routes/gateway/uploads.ts'
import type { Conversation } from './conversation.ts'
import { composeOrderAnswers } from './order-answers.ts'

export interface InboundParts extends Pick<ChannelRooms, 'delivery' | 'pairing'>, Pick<Conversation, 'runs' | 'files' | 'sessions' | 'outbound'> {
  readonly live: LiveConfig
  readonly logging: Logging
  readonly clock: Clock
}

export function composeInbound ({ live, logging, clock, delivery, pairing, runs, files, sessions, outbound }: InboundParts): Inbound {
  const resetTriggers = (): readonly string[] => live.current().config.session.resetTriggers
  const uploads = createUploads({ files, maxBytes: () => live.current().config.gateway.dataPlane.maxUploadBytes })
  const log = logging.child('inbound')
  const hear: Hear = async (sound, signal) => {
    const { createHearing } = await import('../tools/media/hearing.ts')
    const warn = (err: unknown, by: string): void => log.warn({ err, by }, 'a voice message could not be heard')
    return await createHearing({ config: live.current, outbound, warn })(sound, signal)
  }
  return createInbound({
    config: live.current,
    clock,
    log,
    delivery,
    pairing,
    runs: {
      start: async request => await runs.start(request),
      stop: async sessionKey => (await runs.abort({ sessionKey, origin: 'stop' })).runIds.length > 0
    },
    orderOf: text => commandOf(text, resetTriggers()),
    answerTo: composeOrderAnswers({ sessions, resetTriggers, now: () => clock.now() }),
    hear,
    keepFile: async (place, name, bytes) => await uploads.keep(place, name, bytes)
  })
}
