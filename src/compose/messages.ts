/** What operators, programs and agents have of the channels. Loaded with them. */
import type { ChannelRooms } from '../channels/room.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Clock } from '../lib/clock.ts'
import type { Outbound } from '../lib/outbound/outbound.ts'
import type { Logging } from '../log/logger.ts'
import type { Store } from '../store/store.ts'

export interface MessageParts extends Pick<ChannelRooms, 'channels' | 'delivery' | 'pairing'> {
  readonly live: LiveConfig
  readonly store: Store
  readonly logging: Logging
  readonly outbound: Outbound
  readonly clock: Clock
}

type MessageRooms = Pick<ChannelRooms, 'desk' | 'messages' | 'probing' | 'summary' | 'health' | 'redact'>

export async function composeMessages (parts: MessageParts): Promise<MessageRooms> {
  const { channels, delivery, pairing, live, store, logging, outbound, clock } = parts
  const config = live.current
  const [
    { createMessaging }, { createReceipts }, { createFileFetch }, { createPairingDesk }, { healthOf, summarise }, { createProbing }
  ] = await Promise.all([
    import('../channels/messaging/messaging.ts'),
    import('../channels/messaging/receipts.ts'),
    import('../channels/messaging/files.ts'),
    import('../channels/inbound/pairing-desk.ts'),
    import('../channels/summary.ts'),
    import('../channels/probing.ts')
  ])
  const { redactText: redact } = logging.redactor
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
    messages: createMessaging({
      channels,
      delivery,
      receipts: createReceipts({ collection: store.collection('channel-receipts'), now: () => clock.now() }),
      config,
      clock,
      fetch: createFileFetch({ outbound, config })
    }),
    redact,
    summary: more => summarise({ channels, config, redact, ...more })
  }
}
