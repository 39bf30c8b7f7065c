/** Discord, by its gateway and its REST API. */
import { openMemory } from '../../account-memory.ts'
import { defineChannel, type ProbeResult } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import { live } from '../../life.ts'
import { createApi, Refusal, type Api } from './api.ts'
import { Conversations } from './conversations.ts'
import { listen, unauthorized } from './gateway.ts'
import { groupRules } from './group-rules.ts'
import type { Saved } from './memory.ts'
import { createOutbound, mediaLimitBytes, nonceHoldsMs, textLimit } from './outbound.ts'
import { discordKeys, missingSettings, readSettings, type DiscordKeys } from './settings.ts'
import type { User } from './wire.ts'

async function probe (api: Api, signal: AbortSignal): Promise<ProbeResult> {
  try {
    const { id, username } = await api.call<User>('GET', '/users/@me', { signal })
    return { ok: true, self: { id, ...(username === undefined ? {} : { name: `@${username}` }) } }
  } catch (error) {
    if (error instanceof Refusal && error.isUnauthorized) return { ok: false, error: unauthorized(error) }
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

export const discord = defineChannel<DiscordKeys>({
  id: 'discord',
  label: 'Discord',
  config: discordKeys,
  limits: { textLength: textLimit, textUnit: 'utf16', mediaBytes: mediaLimitBytes },
  repeatMs: nonceHoldsMs,
  markup: 'markdown',
  mode: 'socket',
  missing: missingSettings,
  groupRules,
  async start (context) {
    const settings = await readSettings(context)
    const memory = await openMemory<Saved>(context.memory)
    return await live(context, ({ signal, follow, closeAtEnd }) => {
      readAlone(`discord ${settings.apiRoot} ${settings.token}`, 'bot', context.accountId, signal)
      const api = closeAtEnd(createApi(settings))
      const conversations = new Conversations(api)
      const readsDirect = context.config.dm?.enabled !== false
      const showsCommands = context.config.commands?.native !== false
      follow(listen({ api, token: settings.token, context, conversations, memory, readsDirect, showsCommands, signal }))
      const outbound = createOutbound({
        api,
        conversations,
        unauthorized: refusal => context.disconnected({ reason: unauthorized(refusal), terminal: 'logged-out' })
      })
      return { ...outbound, probe: async signal => await probe(api, signal) }
    })
  }
})
