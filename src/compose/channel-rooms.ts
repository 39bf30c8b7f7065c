/** The rooms of the channels, put together. Loaded when somebody needs them. */
import { builtinChannels } from '../channels/builtin/index.ts'
import { createChannels } from '../channels/channels.ts'
import { createDelivery } from '../channels/delivery/delivery.ts'
import { accountEntries } from '../channels/entries.ts'
import type { Inbound } from '../channels/inbound/inbound.ts'
import { createChannelPairing } from '../channels/inbound/pairing.ts'
import { createReplies } from '../channels/replies/replies.ts'
import type { Outbox } from '../channels/replies/reply.ts'
import type { ChannelRooms, Receive } from '../channels/room.ts'
import { createWebchat } from '../channels/webchat.ts'
import { systemClock as clock } from '../lib/clock.ts'
import type { ChannelParts } from './channels.ts'
import { composeInbound } from './inbound.ts'
import { composeMessages } from './messages.ts'
import { composeMenu } from './order-answers.ts'
import { composeReplyFiles } from './reply-files.ts'

export interface BuiltChannels {
  readonly rooms: ChannelRooms
  readonly outbox: Outbox
  readonly inbound: Inbound
}

export async function buildChannels (parts: ChannelParts): Promise<BuiltChannels> {
  const { live, store, logging, changed, env, crashLoop } = parts
  const isOff = env['OPENCLAW_SKIP_CHANNELS'] === '1'
  const receive: Receive = async (account, message) => {
    await inbound.receive(account, message)
    messages.conversations.heard(account, message)
  }
  const own = createWebchat({ ...parts, now: () => clock.now() })
  const commands = composeMenu(live.current)
  const config = live.current
  const room = { config, store, clock, logging, builtin: builtinChannels, own, receive, commands, changed, isOff, crashLoop }
  const channels = createChannels(room)
  const delivery = createDelivery({
    collection: store.collection('outbound'),
    clock,
    log: logging.child('delivery'),
    find: (channel, accountId) => channels.find(channel, accountId),
    settingsOf: (channel, accountId) =>
      accountEntries(live.current().config).find(entry => entry.channel === channel && entry.accountId === accountId)?.config,
    random: Math.random,
    maxAgeMs: () => live.current().config.agents.defaults.recovery.maxAgeMinutes * 60_000
  })
  const pairing = createChannelPairing({
    requests: store.collection('channel-requests'),
    allowed: store.collection('channel-allowed'),
    commit: async ops => await store.commit(ops),
    now: () => clock.now()
  })
  const inbound = composeInbound({ ...parts, clock, delivery, pairing })
  await delivery.open()
  const outbox = createReplies({
    channels,
    delivery,
    live: store.collection('live-replies'),
    fileOf: composeReplyFiles(parts),
    config: live.current,
    clock,
    log: logging.child('replies')
  })
  await outbox.forgetOld()
  const messages = composeMessages({ ...parts, channels, delivery, pairing, clock })
  return { rooms: { channels, delivery, pairing, ...messages }, outbox, inbound }
}
