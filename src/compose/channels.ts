/** The channels of a running gateway: built after it is ready if the configuration names any, else when somebody asks for them. */
import { hasChannels } from '../channels/entries.ts'
import type { ChannelRooms, Receive } from '../channels/room.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { EventBus } from '../events/bus.ts'
import type { Logging } from '../log/logger.ts'
import type { Outbound } from '../lib/outbound/outbound.ts'
import type { Plugins } from '../plugins/plugins.ts'
import type { Store } from '../store/store.ts'
import { composeMessages } from './messages.ts'

export interface ChannelParts {
  readonly live: LiveConfig
  readonly store: Store
  readonly logging: Logging
  readonly events: EventBus
  readonly outbound: Outbound
  /** Channels that plugins bring. */
  readonly brought: Plugins['channels']
  /** Something of an account has changed that people may want to see. */
  readonly changed: () => void
}

/** Loaded at first use. */
export interface LateChannels {
  (): Promise<ChannelRooms>
  /** Undefined as long as nobody needed them. */
  current (): ChannelRooms | undefined
  /** After the gateway is ready. */
  begin (): Promise<void>
  close (): Promise<void>
}

async function build (parts: ChannelParts): Promise<ChannelRooms> {
  const { live, store, logging, changed } = parts
  const [
    { createChannels }, { createDelivery }, { createChannelPairing }, { builtinChannels }, { systemClock: clock }
  ] = await Promise.all([
    import('../channels/channels.ts'),
    import('../channels/delivery/delivery.ts'),
    import('../channels/inbound/pairing.ts'),
    import('../channels/builtin/index.ts'),
    import('../lib/clock.ts')
  ])
  const receive: Receive = async () => { throw new Error('messages are not taken in yet') }
  const channels = createChannels({ config: live.current, store, clock, logging, builtin: builtinChannels, receive, changed })
  const delivery = createDelivery({
    collection: store.collection('outbound'),
    clock,
    log: logging.child('delivery'),
    find: (channel, accountId) => channels.find(channel, accountId),
    random: Math.random,
    maxAgeMs: () => live.current().config.agents.defaults.recovery.maxAgeMinutes * 60_000
  })
  const pairing = createChannelPairing({
    requests: store.collection('channel-requests'), allowed: store.collection('channel-allowed'), now: () => clock.now()
  })
  await delivery.open()
  return { channels, delivery, pairing, ...await composeMessages({ ...parts, channels, delivery, pairing, clock }) }
}

export function composeChannels (parts: ChannelParts): LateChannels {
  const { live, events, brought, logging } = parts
  const log = logging.child('channels')
  let loading: Promise<ChannelRooms> | undefined
  let rooms: ChannelRooms | undefined
  let hasBegun = false
  let isClosed = false

  function takeBrought ({ channels }: ChannelRooms): void {
    for (const { channel } of brought()) channels.add(channel)
  }

  async function load (): Promise<ChannelRooms> {
    try {
      const built = await build(parts)
      takeBrought(built)
      rooms = built
      if (!isClosed) built.channels.open()
      return built
    } catch (error) {
      // What could not be read now may be readable with the next request.
      loading = undefined
      throw error
    }
  }

  const channels = (): Promise<ChannelRooms> => {
    loading ??= load()
    return loading
  }

  async function follow (): Promise<void> {
    if (!hasBegun || isClosed) return
    if (rooms) {
      takeBrought(rooms)
      await rooms.channels.reload()
    } else if (hasChannels(live.current().config)) await channels()
  }
  const followLater = (): void => { follow().catch((err: unknown) => log.error({ err }, 'channels could not follow the configuration')) }

  live.onChange(followLater)
  events.subscribe(({ event }) => { if (event === 'plugins.changed') followLater() })

  return Object.assign(channels, {
    current: () => rooms,
    async begin () {
      hasBegun = true
      await follow()
    },
    async close () {
      isClosed = true
      const built = await loading?.catch(() => undefined)
      await built?.delivery.close()
      await built?.channels.close()
    }
  })
}
