/** Slack, by its Web API, and by Socket Mode or the Events API. */
import { defineChannel, type AccountContext, type ProbeResult, type RunningAccount } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import { ServiceRefusal } from '../../http/service.ts'
import { live, type Life } from '../../life.ts'
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
  readonly life: Life
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

async function openIntake ({ api, context, outbound, life: { signal } }: Account): Promise<Intake> {
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

function startSocket (account: Account, appToken: string): void {
  const { api, context, settings: { silentMs, apiRoot }, life: { signal, follow } } = account
  // Sockets of one app share what comes in: two accounts would each hear half of it.
  readAlone(`slack ${apiRoot} ${appToken}`, 'app', context.accountId, signal)
  const intake = async (): Promise<Intake> => await openIntake(account)
  follow(listen({ api, appToken, silentMs, context, intake, signal }))
}

/** The door for Slack's own calls. */
async function startWebhook (account: Account, signingSecret: string): Promise<Required<Pick<RunningAccount, 'webhook'>>> {
  const { context } = account
  try {
    return { webhook: createWebhook({ ...context, signingSecret, intake: await openIntake(account) }) }
  } catch (error) {
    if (error instanceof ServiceRefusal && error.isUnauthorized) context.disconnected({ reason: unauthorized(error), terminal: 'logged-out' })
    throw error
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
    return await live(context, async life => {
      const api = life.closeAtEnd(createApi(settings))
      const outbound = createOutbound({
        api,
        unfurlLinks: settings.unfurlLinks,
        unauthorized: refusal => context.disconnected({ reason: unauthorized(refusal), terminal: 'logged-out' })
      })
      const account = { api, context, settings, outbound, life }
      const { send, edit, remove, react } = outbound
      const { source } = settings
      if (source.kind === 'socket') startSocket(account, source.appToken)
      const door = source.kind === 'socket' ? {} : await startWebhook(account, source.signingSecret)
      return { send, edit, remove, react, probe: async signal => await probe(api, signal), ...door }
    })
  }
})
