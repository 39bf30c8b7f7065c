/** Discord, by its gateway and its REST API. */
import { openMemory } from '../../account-memory.ts'
import { defineChannel, type AccountContext, type ProbeResult, type RunningAccount } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import { createUnderWay } from '../../under-way.ts'
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

interface Account {
  readonly api: Api
  readonly context: AccountContext<DiscordKeys>
  readonly conversations: Conversations
  readonly ending: AbortController
  readonly ended: Promise<void>
}

function runningAccount ({ api, context, conversations, ending, ended }: Account): RunningAccount {
  const { send, edit, remove, react, poll, typing } = createOutbound({
    api,
    conversations,
    unauthorized: refusal => context.disconnected({ reason: unauthorized(refusal), terminal: 'logged-out' })
  })
  const { track, settled } = createUnderWay()
  return {
    async stop () {
      ending.abort()
      await ended
      await settled()
      api.close()
    },
    send: async (message, signal) => await track(send(message, signal)),
    edit: async (message, signal) => await track(edit(message, signal)),
    remove,
    react,
    poll: async (question, signal) => await track(poll(question, signal)),
    typing,
    probe: async signal => await probe(api, signal)
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
    const ending = new AbortController()
    context.signal.addEventListener('abort', () => ending.abort())
    if (context.signal.aborted) ending.abort()
    readAlone(`discord ${settings.apiRoot} ${settings.token}`, 'bot', context.accountId, ending.signal)
    const api = createApi(settings)
    const conversations = new Conversations(api)
    const ended = listen({
      api, token: settings.token, context, conversations, memory, readsDirect: context.config.dm?.enabled !== false, signal: ending.signal
    }).catch(error => context.failed(error))
    return runningAccount({ api, context, conversations, ending, ended })
  }
})
