/** Commands that Discord shows to whoever types a slash: messages like others, but Discord wants to hear within 3 s that one arrived. */
import type { Logger } from '../../../log/logger.ts'
import { Refusal, type Api } from './api.ts'
import { isSnowflake, type Member, type Message, type User } from './wire.ts'

export interface Interaction {
  readonly id: string
  readonly application_id: string
  readonly type: number
  /** Whoever has it speaks in the name of the application for 15 minutes. */
  readonly token: string
  readonly channel_id: string
  readonly guild_id?: string
  readonly member?: Member & { readonly user?: User }
  readonly user?: User
  readonly data?: { readonly name?: string, readonly options?: ReadonlyArray<{ readonly name: string, readonly value?: unknown }> }
}

const commandType = 2
const textOption = { type: 3, name: 'text', description: 'What else there is to say', required: false, max_length: 1500 }

const commands = [
  { name: 'new', description: 'Begin a new conversation', options: [textOption] },
  { name: 'stop', description: 'Stop what the agent is doing' },
  { name: 'status', description: 'How the agent and this conversation are' },
  { name: 'help', description: 'What the agent understands beside plain words' }
].map(command => ({ type: 1, ...command }))

/** Names what was registered, so that it is not done at every start. */
export const registered = (applicationId: string): string => `1:${applicationId}`

/** Those of the same name are replaced; others of the application stay. */
export async function registerCommands (api: Api, applicationId: string, signal: AbortSignal): Promise<void> {
  for (const body of commands) await api.call('POST', `/applications/${applicationId}/commands`, { signal, body })
}

export function interactionOf (data: unknown): Interaction | undefined {
  const asked = data as Partial<Interaction> | null
  const isWhole = isSnowflake(asked?.id) && isSnowflake(asked.application_id) && isSnowflake(asked.channel_id) && /^[\w.-]{1,400}$/.test(asked.token ?? '')
  return isWhole && asked.type === commandType && typeof asked.data?.name === 'string' ? asked as Interaction : undefined
}

/** As if it had been typed, to us. */
export function messageOf ({ id, channel_id: channelId, guild_id: guildId, member, user, data }: Interaction, self: User): Message {
  const author = member?.user ?? user
  const words = (data?.options ?? []).map(({ value }) => typeof value === 'string' ? value : '')
  return {
    id,
    channel_id: channelId,
    content: [`/${data?.name}`, ...words].join(' ').trim(),
    mentions: [self],
    ...(guildId === undefined ? {} : { guild_id: guildId }),
    ...(member ? { member } : {}),
    ...(author ? { author } : {})
  }
}

export interface Responder {
  /** Whoever gave it, and nobody else, sees that it was heard. */
  hear (interaction: Interaction): Promise<void>
  /** It is durable; the answer itself is a message like any other. */
  done (interaction: Interaction): Promise<void>
}

const onlyForThem = 64
const thinking = 5

export function createResponder (api: Api, log: Logger, signal: AbortSignal): Responder {
  /** One that was answered before, or came too late, is nobody's loss. The path of the call has a credential in it. */
  async function say (method: 'POST' | 'PATCH', path: string, body: { readonly [name: string]: unknown }): Promise<void> {
    try {
      await api.call(method, path, { signal, body })
    } catch (error) {
      if (!signal.aborted) log.debug({ reason: error instanceof Refusal ? error.description : 'no answer' }, 'Discord could not be told that a command was heard')
    }
  }

  return {
    hear: async ({ id, token }) => await say('POST', `/interactions/${id}/${token}/callback`, { type: thinking, data: { flags: onlyForThem } }),
    done: async ({ application_id: application, token, data }) =>
      await say('PATCH', `/webhooks/${application}/${token}/messages/@original`, { content: `/${data?.name} ✓` })
  }
}
