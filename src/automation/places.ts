/** Where something that happened by itself is told, and what became of it. */
import { webchatId } from '../channels/webchat-row.ts'
import { defaultAgentId } from '../config/agent-entries.ts'
import { isGatewayError } from '../protocol/errors.ts'
import type { StoreOp } from '../store/store.ts'
import type { AutomationSources } from './ports.ts'

/** As a job or a setting names it. `last`: where that conversation was heard of last. */
export interface Wanted {
  readonly channel?: string
  readonly to?: string
  readonly accountId?: string
  readonly threadId?: string | number
}

export interface Address {
  readonly channel: string
  readonly accountId: string
  readonly to: string
  readonly threadId?: string
}

export interface Arrival {
  readonly status: 'delivered' | 'not-delivered' | 'unknown'
  readonly error?: string
}

export interface Places {
  /** Words for `Wanted`, or why there is no such place. Nothing is loaded for the answer. */
  wantedOf (wanted: Wanted, sessionKey: string): { readonly wanted: Wanted } | { readonly problem: string }
  /** The operator's own chat; undefined: nobody said who that is. */
  owner (): Wanted | undefined
  /** Throws what is wrong with it. */
  address (wanted: Wanted): Promise<Address>
  /** For a commit of somebody else. The same id is the same message. */
  prepare (id: string, address: Address, text: string): Promise<{ readonly ops: StoreOp[], committed (): void }>
  /** What is known of a message after a while. One that is gone from the queue has arrived. */
  arrival (id: string): Promise<Arrival>
}

/** Whoever waits longer than this sees that it is still on its way. */
const arrivalWaitMs = 30_000

const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error)

export function createPlaces ({ config, sessions, channels, clock }: Pick<AutomationSources, 'config' | 'sessions' | 'channels' | 'clock'>): Places {
  function wantedOf (wanted: Wanted, sessionKey: string): ReturnType<Places['wantedOf']> {
    const { channel = 'last', to } = wanted
    const { lastChannel, lastTo, lastAccountId, lastThreadId } = sessions.get(sessionKey) ?? {}
    const isLast = channel === 'last' || (to === undefined && channel.toLowerCase() === lastChannel)
    if (!isLast) return to === undefined ? { problem: `nobody said to whom on ${channel}: set "to"` } : { wanted }
    if (to !== undefined && lastChannel) return { wanted: { ...wanted, channel: lastChannel } }
    // Whoever asks for the last place by name means the conversation itself where it goes on over no channel of a service.
    if (wanted.channel === 'last' && to === undefined && !lastChannel && sessions.get(sessionKey)) return { wanted: { channel: webchatId, to: sessionKey } }
    if (!lastChannel || !lastTo) return { problem: `${sessionKey} was not spoken to over any channel yet` }
    return {
      wanted: {
        channel: lastChannel,
        to: lastTo,
        ...(wanted.accountId ?? lastAccountId ? { accountId: wanted.accountId ?? lastAccountId } : {}),
        ...(wanted.threadId ?? lastThreadId ? { threadId: wanted.threadId ?? lastThreadId } : {})
      }
    }
  }

  /** Entries such as `telegram:123`; `*` names nobody. */
  function owner (): Wanted | undefined {
    const { commands, channels: sections } = config().config
    const named = commands.ownerAllowFrom.map(entry => /^([a-z][\w-]*):(.+)$/i.exec(entry)).find(match => match && match[2] !== '*')
    if (named) return { channel: named[1]!.toLowerCase(), to: named[2]! }
    for (const [channel, section] of Object.entries(sections)) {
      if (channel === 'defaults' || typeof section !== 'object' || section === null) continue
      const { allowFrom, enabled } = section as { allowFrom?: unknown, enabled?: unknown }
      const first = enabled !== false && Array.isArray(allowFrom) ? allowFrom.find(entry => entry !== '*') : undefined
      if (typeof first === 'string' || typeof first === 'number') return { channel, to: String(first) }
    }
    return undefined
  }

  return {
    wantedOf,
    owner,
    async address ({ channel, to, accountId, threadId }) {
      const [{ placeOf }, rooms] = await Promise.all([import('../channels/messaging/address.ts'), channels()])
      const { place } = await placeOf({
        ...(channel === undefined ? {} : { channel }),
        ...(to === undefined ? {} : { to }),
        ...(accountId === undefined ? {} : { accountId }),
        ...(threadId === undefined ? {} : { threadId: String(threadId) })
      }, rooms.channels, config().config)
      return place
    },
    async prepare (id, { channel, accountId, to, threadId }, text) {
      const { delivery } = await channels()
      return delivery.prepare({ id, channel, accountId, chatId: to, text, ...(threadId === undefined ? {} : { threadId }) })
    },
    async arrival (id) {
      const { delivery } = await channels()
      const { promise: late, resolve } = Promise.withResolvers<Arrival>()
      const cancel = clock.after(arrivalWaitMs, () => resolve({ status: 'unknown', error: 'it is still on its way' }))
      const settled = delivery.settled(id).then((): Arrival => ({ status: 'delivered' }), (error: unknown): Arrival => {
        if (isGatewayError(error) && error.code === 'NOT_FOUND') return { status: 'delivered' }
        const isParked = isGatewayError(error) && error.details['state'] === 'parked'
        return { status: isParked ? 'unknown' : 'not-delivered', error: messageOf(error) }
      })
      return await Promise.race([settled, late]).finally(cancel)
    }
  }
}

/** What was said in a conversation stands there already. */
export const isThere = ({ channel, to }: Wanted, sessionKey: string): boolean => channel === webchatId && to === sessionKey

/** The main conversation of an agent, or of the one that is meant when none is named. */
export const mainKeyOf = (config: AutomationSources['config'], agentId?: string): string =>
  `agent:${(agentId ?? defaultAgentId(config().config)).toLowerCase()}:main`
