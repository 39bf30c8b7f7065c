/** The channels of a running gateway: built after it is ready if the configuration names any, else when somebody asks for them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Channel } from '../channels/define-channel.ts'
import { hasChannels } from '../channels/entries.ts'
import type { Outbox } from '../channels/replies/reply.ts'
import type { ChannelRooms } from '../channels/room.ts'
import type { Environment } from '../config/environment.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { EventBus } from '../events/bus.ts'
import type { CrashLoop } from '../host/crash-loop.ts'
import type { Logging } from '../log/logger.ts'
import type { Outbound } from '../lib/outbound/outbound.ts'
import type { Plugins } from '../plugins/plugins.ts'
import type { Store } from '../store/store.ts'
import type { BuiltChannels } from './channel-rooms.ts'
import type { Conversation } from './conversation.ts'

export interface ChannelParts extends Pick<Conversation, 'runs' | 'files' | 'sessions' | 'outbound'> {
  readonly live: LiveConfig
  readonly env: Environment
  readonly store: Store
  readonly logging: Logging
  readonly events: EventBus
  readonly outbound: Outbound
  /** Channels that plugins bring. */
  readonly brought: Plugins['channels']
  readonly crashLoop?: CrashLoop | undefined
  /** Something of an account has changed that people may want to see. */
  readonly changed: () => void
}

/** Whoever waited for the gateway comes first. */
const afterReadyMs = 300

/** Loaded at first use. */
export interface LateChannels {
  (): Promise<ChannelRooms>
  /** Undefined as long as nobody needed them. */
  current (): ChannelRooms | undefined
  /** Replies of runs to chats. */
  readonly outbox: Outbox
  /** After the gateway is ready. */
  begin (): Promise<void>
  /** What is written from now on is left with the services, which bring it to the next gateway. */
  stopIntake (): Promise<void>
  close (): Promise<void>
}

export function composeChannels (parts: ChannelParts): LateChannels {
  const { live, events, brought, logging } = parts
  const log = logging.child('channels')
  let loading: Promise<BuiltChannels> | undefined
  let rooms: ChannelRooms | undefined
  let hasBegun = false
  let isClosed = false

  let taken: ReadonlySet<Channel> = new Set()
  function takeBrought ({ channels }: ChannelRooms): void {
    const now = new Set(brought().map(({ channel }) => channel))
    for (const channel of taken) if (!now.has(channel)) channels.remove(channel)
    for (const channel of now) channels.add(channel)
    taken = now
  }

  async function load (): Promise<BuiltChannels> {
    try {
      const { buildChannels } = await import('./channel-rooms.ts')
      const built = await buildChannels(parts)
      takeBrought(built.rooms)
      rooms = built.rooms
      if (!isClosed) rooms.channels.open()
      return built
    } catch (error) {
      // What could not be read now may be readable with the next request.
      loading = undefined
      throw error
    }
  }

  const loaded = (): Promise<BuiltChannels> => {
    loading ??= load()
    return loading
  }
  const channels = async (): Promise<ChannelRooms> => (await loaded()).rooms

  const outbox: Outbox = {
    began (run) { loaded().then(built => built.outbox.began(run)).catch((err: unknown) => log.warn({ err }, 'a reply could not be shown')) },
    ended: async run => await (await loaded()).outbox.ended(run)
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
    outbox,
    async begin () {
      if (hasChannels(live.current().config)) await sleep(afterReadyMs, undefined, { ref: false })
      hasBegun = true
      await follow()
    },
    async stopIntake () {
      isClosed = true
      const built = await loading?.catch(() => undefined)
      await built?.inbound.stop()
    },
    async close () {
      isClosed = true
      const built = await loading?.catch(() => undefined)
      await built?.rooms.delivery.close()
      await built?.rooms.channels.close()
    }
  })
}
