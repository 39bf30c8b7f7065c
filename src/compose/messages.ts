/** What operators, programs and agents have of the channels. Loaded with them. */
import { createPairingDesk } from '../channels/inbound/pairing-desk.ts'
import { createConversations } from '../channels/messaging/conversations.ts'
import { createFileFetch } from '../channels/messaging/files.ts'
import { createMessaging } from '../channels/messaging/messaging.ts'
import { createReceipts } from '../channels/messaging/receipts.ts'
import { createProbing } from '../channels/probing.ts'
import type { ChannelRooms } from '../channels/room.ts'
import { healthOf, summarise } from '../channels/summary.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Outbound } from '../lib/outbound/outbound.ts'
import type { Logging } from '../log/logger.ts'
import type { SessionsRoom } from '../sessions/sessions.ts'
import type { Store } from '../store/store.ts'

export interface MessageParts extends Pick<ChannelRooms, 'channels' | 'delivery' | 'pairing'> {
  readonly live: LiveConfig
  readonly store: Store
  readonly logging: Logging
  readonly outbound: Outbound
  readonly sessions: Pick<SessionsRoom, 'records'>
  readonly clock: Clock
}

type MessageRooms = Pick<ChannelRooms, 'conversations' | 'desk' | 'messages' | 'probing' | 'summary' | 'health' | 'redact'>

export function composeMessages (parts: MessageParts): MessageRooms {
  const { channels, delivery, pairing, live, store, logging, outbound, sessions, clock } = parts
  const config = live.current
  const { redactText: redact } = logging.redactor
  const messages = createMessaging({
    channels,
    delivery,
    receipts: createReceipts({ collection: store.collection('channel-receipts'), now: () => clock.now() }),
    config,
    clock,
    fetch: createFileFetch({ outbound, config })
  })
  const probing = createProbing({ channels, now: () => clock.now(), redact })
  return {
    probing,
    health: () => healthOf({ channels, config, redact, probes: probing.last() }, delivery.list()),
    desk: createPairingDesk({
      pairing,
      delivery,
      config,
      async setOwner (owner) {
        const { setConfigValue } = await import('../config/edit.ts')
        await live.change(text => setConfigValue(text, ['commands', 'ownerAllowFrom'], [owner]))
      },
      log: logging.child('channels')
    }),
    messages,
    conversations: createConversations({ records: () => sessions.records(), messages, clock }),
    redact,
    summary: more => summarise({ channels, config, redact, ...more })
  }
}
