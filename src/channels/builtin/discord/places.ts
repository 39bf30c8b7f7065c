/** Where messages stand: channels, threads and servers as far as they were heard of, and the roles that we have there. */
import { createRecent } from '../../../lib/recent.ts'
import { Refusal, type Api } from './api.ts'
import { isSnowflake, type Guild, type Member, type WireChannel } from './wire.ts'

export interface Place {
  readonly type: number
  readonly name?: string
  readonly parentId?: string
}

const mostPlaces = 20_000
const mostGuilds = 2500

const channelEvents: ReadonlySet<string> = new Set(['CHANNEL_CREATE', 'CHANNEL_UPDATE', 'THREAD_CREATE', 'THREAD_UPDATE'])

const placeOf = ({ type, name, parent_id: parentId }: WireChannel): Place =>
  ({ type, ...(typeof name === 'string' ? { name } : {}), ...(isSnowflake(parentId) ? { parentId } : {}) })

export class Places {
  readonly #api: Api
  readonly #places = createRecent<Place>(mostPlaces)
  readonly #guildNames = createRecent<string>(mostGuilds)
  readonly #ourRoles = createRecent<readonly string[]>(mostGuilds)

  constructor (api: Api) {
    this.#api = api
  }

  /** What the gateway tells of them. */
  heard (event: string, data: unknown): void {
    if (typeof data !== 'object' || data === null) return
    if (channelEvents.has(event)) this.#add(data as WireChannel)
    else if (event === 'CHANNEL_DELETE' || event === 'THREAD_DELETE') this.#places.delete((data as WireChannel).id)
    else if (event === 'GUILD_CREATE') this.#addGuild(data as Guild)
    else if (event === 'GUILD_UPDATE') this.#nameGuild(data as Guild)
    else if (event === 'GUILD_DELETE') this.#ourRoles.delete((data as Guild).id)
  }

  nameOf (channelId: string): string | undefined {
    return this.#places.get(channelId)?.name
  }

  guildNameOf (guildId: string): string | undefined {
    return this.#guildNames.get(guildId)
  }

  /** Asks for what was not heard of. Undefined: the service does not tell. */
  async find (channelId: string, signal: AbortSignal): Promise<Place | undefined> {
    const known = this.#places.get(channelId)
    if (known) return known
    try {
      this.#add(await this.#api.call<WireChannel>('GET', `/channels/${channelId}`, { signal }))
    } catch (error) {
      if (!(error instanceof Refusal) || !error.isOfService || error.status >= 500 || error.status === 429) throw error
    }
    return this.#places.get(channelId)
  }

  /** One of these roles is ours: the bot was named by the role that was made for it. */
  async isOurs (guildId: string, roles: readonly string[], selfId: string, signal: AbortSignal): Promise<boolean> {
    if (roles.length === 0) return false
    const known = this.#ourRoles.get(guildId) ?? await this.#api.call<Member>('GET', `/guilds/${guildId}/members/${selfId}`, { signal })
      .then(({ roles: ours = [] }) => ours, () => undefined)
    if (!known) return false
    this.#ourRoles.set(guildId, known)
    return roles.some(role => known.includes(role))
  }

  #add (channel: WireChannel): void {
    if (isSnowflake(channel.id) && typeof channel.type === 'number') this.#places.set(channel.id, placeOf(channel))
  }

  #nameGuild ({ id, name }: Guild): void {
    if (isSnowflake(id) && typeof name === 'string') this.#guildNames.set(id, name)
  }

  #addGuild (guild: Guild): void {
    this.#nameGuild(guild)
    for (const channel of [...guild.channels ?? [], ...guild.threads ?? []]) this.#add(channel)
  }
}
