/** What people and conversations are called. Nothing depends on it, so nobody waits for long. */
import { createRecent, type Recent } from '../../../lib/recent.ts'
import type { Api } from './api.ts'
import type { Self } from './wire.ts'

export interface Directory {
  nameOf (userId: string): Promise<string | undefined>
  titleOf (channelId: string): Promise<string | undefined>
}

interface Known {
  readonly name: string | undefined
  readonly atMs: number
}

const mostNames = 1000
const lookupMs = 1500
const knownMs = 24 * 3600 * 1000
/** Whoever may not ask is not told the next time, either. */
const unknownMs = 600_000

interface UserAnswer {
  readonly user?: { readonly name?: string, readonly real_name?: string, readonly profile?: { readonly display_name?: string } }
}

type Ask = (signal: AbortSignal) => Promise<string | undefined>

interface ChannelAnswer { readonly channel?: { readonly name?: string } }

export function createDirectory (api: Api, self: Self, now: () => number, signal: AbortSignal): Directory {
  async function find (names: Recent<Known>, id: string, ask: Ask): Promise<string | undefined> {
    const known = names.get(id)
    if (known && now() - known.atMs < (known.name === undefined ? unknownMs : knownMs)) return known.name
    const name = await ask(AbortSignal.any([signal, AbortSignal.timeout(lookupMs)])).catch(() => undefined)
    names.set(id, { name, atMs: now() })
    return name
  }
  const users = createRecent<Known>(mostNames)
  const channels = createRecent<Known>(mostNames)
  return {
    nameOf: async id => id === self.userId
      ? self.name
      : await find(users, id, async signal => {
        const { user } = await api.call<UserAnswer>('users.info', { user: id }, { signal })
        return user?.profile?.display_name || user?.real_name || user?.name
      }),
    titleOf: async id => await find(channels, id, async signal => {
      const { channel } = await api.call<ChannelAnswer>('conversations.info', { channel: id }, { signal })
      return channel?.name === undefined ? undefined : `#${channel.name}`
    })
  }
}
