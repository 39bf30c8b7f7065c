/** Slack, by its Web API, and by Socket Mode or the Events API. */
import { defineChannel, type AccountContext, type ProbeResult, type RunningAccount } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import { ServiceRefusal } from '../../http/service.ts'
import { createUnderWay } from '../../under-way.ts'
import { createApi, unauthorized, type Api } from './api.ts'
import { createDirectory } from './directory.ts'
import { createWebhook } from './events.ts'
import { groupRules } from './group-rules.ts'
import { createIntake, type Intake } from './intake.ts'
import { createOutbound, mediaLimitBytes, textLimit, type Outbound } from './outbound.ts'
import { missingSettings, readSettings, slackKeys, type SlackKeys, type SlackSettings } from './settings.ts'
import { listen } from './socket-mode.ts'
import type { Self } from './wire.ts'

interface Account {
  readonly api: Api
  readonly context: AccountContext<SlackKeys>
  readonly settings: SlackSettings
  readonly outbound: Outbound
  readonly ending: AbortController
}

interface AuthTest {
  readonly user_id?: string
  readonly bot_id?: string
  readonly team_id?: string
  readonly user?: string
  readonly team?: string
}

async function whoWeAre (api: Api, signal: AbortSignal): Promise<Self & { readonly team: string | undefined }> {
  const { user_id: userId, bot_id: botId, team_id: teamId, user, team } = await api.call<AuthTest>('auth.test', {}, { signal })
  if (userId === undefined || teamId === undefined) throw new Error('Slack does not say who the bot is; check apiRoot')
  return { userId, botId, teamId, name: user, team }
}

async function probe (api: Api, signal: AbortSignal): Promise<ProbeResult> {
  try {
    const { userId, name, team } = await whoWeAre(api, signal)
    return { ok: true, self: { id: userId, ...(name === undefined ? {} : { name: `@${name}${team === undefined ? '' : ` (${team})`}` }) } }
  } catch (error) {
    if (error instanceof ServiceRefusal && error.isUnauthorized) return { ok: false, error: unauthorized(error) }
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

async function openIntake ({ api, context, outbound, ending: { signal } }: Account): Promise<Intake> {
  const self = await whoWeAre(api, signal)
  const { config, now } = context
  const reader = {
    self,
    api,
    directory: createDirectory(api, self, now, signal),
    readsDirect: config.dm?.enabled !== false,
    isOurThread: (channelId: string, threadTs: string) => outbound.isOurThread(channelId, threadTs)
  }
  return createIntake({ context, reader, met: (userId, channelId) => outbound.met(userId, channelId) })
}

/** How messages come in: what ends it, and the door for Slack's own calls. */
interface Source {
  readonly ended: Promise<void>
  readonly webhook?: RunningAccount['webhook']
}

function startSocket (account: Account, appToken: string): Source {
  const { api, context, settings: { silentMs, apiRoot }, ending: { signal } } = account
  // Sockets of one app share what comes in: two accounts would each hear half of it.
  readAlone(`slack ${apiRoot} ${appToken}`, 'app', context.accountId, signal)
  const intake = async (): Promise<Intake> => await openIntake(account)
  return { ended: listen({ api, appToken, silentMs, context, intake, signal }).catch(error => context.failed(error)) }
}

async function startWebhook (account: Account, signingSecret: string): Promise<Source> {
  const { context } = account
  try {
    return { ended: Promise.resolve(), webhook: createWebhook({ ...context, signingSecret, intake: await openIntake(account) }) }
  } catch (error) {
    if (error instanceof ServiceRefusal && error.isUnauthorized) context.disconnected({ reason: unauthorized(error), terminal: 'logged-out' })
    throw error
  }
}

function runningAccount ({ api, outbound, ending }: Account, { ended, webhook }: Source): RunningAccount {
  const { track, settled } = createUnderWay()
  const { send, edit, remove, react } = outbound
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
    probe: async signal => await probe(api, signal),
    ...(webhook ? { webhook } : {})
  }
}

export const slack = defineChannel<SlackKeys>({
  id: 'slack',
  label: 'Slack',
  config: slackKeys,
  limits: { textLength: textLimit, textUnit: 'utf16', mediaBytes: mediaLimitBytes },
  markup: 'slack',
  mode: 'socket',
  missing: missingSettings,
  groupRules,
  async start (context) {
    const settings = await readSettings(context)
    const ending = new AbortController()
    context.signal.addEventListener('abort', () => ending.abort())
    if (context.signal.aborted) ending.abort()
    const api = createApi(settings)
    const outbound = createOutbound({
      api,
      unfurlLinks: settings.unfurlLinks,
      unauthorized: refusal => context.disconnected({ reason: unauthorized(refusal), terminal: 'logged-out' })
    })
    const account = { api, context, settings, outbound, ending }
    const { source } = settings
    try {
      return runningAccount(account, source.kind === 'socket' ? startSocket(account, source.appToken) : await startWebhook(account, source.signingSecret))
    } catch (error) {
      ending.abort()
      api.close()
      throw error
    }
  }
})
