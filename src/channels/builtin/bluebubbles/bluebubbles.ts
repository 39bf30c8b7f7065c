/** iMessage, by way of a BlueBubbles server on a Mac. */
import { createRecent } from '../../../lib/recent.ts'
import { openMemory } from '../../account-memory.ts'
import { defineChannel, type AccountContext, type Channel, type ProbeResult, type RunningAccount } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import { live, type Life } from '../../life.ts'
import { readAgainAndAgain } from '../../reading.ts'
import { createApi, serverInfo, type Api } from './api.ts'
import { createIntake, type Saved } from './intake.ts'
import { createOutbound, mediaLimitBytes } from './outbound.ts'
import { bluebubblesKeys, missingSettings, readSettings, type BluebubblesKeys, type BluebubblesSettings } from './settings.ts'
import { createWebhook, maxBodyBytes, registerWebhook } from './webhook.ts'
import type { ServerInfo } from './wire.ts'

const rememberedSent = 1000

interface Account {
  readonly api: Api
  readonly context: AccountContext<BluebubblesKeys>
  readonly settings: BluebubblesSettings
  readonly life: Life
}

async function probe (api: Api, signal: AbortSignal): Promise<ProbeResult> {
  try {
    const { detected_imessage: address, detected_icloud: account, server_version: version } = await serverInfo(api, signal)
    const id = address ?? account
    return { ok: true, self: { ...(id ? { id } : {}), name: `BlueBubbles ${version ?? ''}`.trim() } }
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

async function run ({ api, context, settings, life: { signal, follow } }: Account): Promise<Omit<RunningAccount, 'stop'>> {
  const sent = createRecent<true>(rememberedSent)
  const isOurs = (guid: string): boolean => sent.get(guid) === true
  let info: ServerInfo = {}
  const intake = createIntake({
    api, context, memory: await openMemory<Saved>(context.memory), reader: { api, isOurs, hearsReactions: settings.hearsReactions }
  })
  const outbound = createOutbound({
    api,
    sendReadReceipts: settings.sendReadReceipts,
    hasPrivateApi: () => info.private_api === true && info.helper_connected === true,
    unauthorized: refusal => context.disconnected({ reason: refusal.message, terminal: 'logged-out' }),
    sent: guid => sent.set(guid, true),
    isOurs,
    now: context.now
  })
  let isEntered = true
  /** What no webhook brings is found by asking, so that nothing but time is lost without one. */
  async function register (): Promise<void> {
    try {
      await registerWebhook(api, settings, signal)
      isEntered = true
    } catch (err) {
      if (isEntered && !signal.aborted) context.log.warn({ err }, 'the webhook could not be entered in BlueBubbles; it is tried again')
      isEntered = false
    }
  }
  follow(readAgainAndAgain({
    service: 'BlueBubbles',
    context,
    signal,
    restMs: settings.sweepMs,
    async turn (heard) {
      info = await serverInfo(api, signal)
      heard()
      await register()
      await intake.sweep(signal)
    }
  }))
  return {
    ...outbound,
    probe: async abort => await probe(api, abort),
    webhook: createWebhook(settings.webhookSecret, intake, context)
  }
}

const channelNamed = (id: string, label: string): Channel<BluebubblesKeys> => defineChannel<BluebubblesKeys>({
  id,
  label,
  config: bluebubblesKeys,
  limits: { textLength: 4000, textUnit: 'utf16', mediaBytes: mediaLimitBytes },
  markup: 'plain',
  mode: 'webhook',
  webhookBytes: maxBodyBytes,
  missing: missingSettings(id),
  async start (context) {
    const settings = await readSettings(context)
    return await live(context, async life => {
      readAlone(`bluebubbles ${new URL(settings.serverUrl).href}`, 'BlueBubbles server', context.accountId, life.signal)
      return await run({ api: life.closeAtEnd(createApi(settings)), context, settings, life })
    })
  }
})

export const bluebubbles = channelNamed('bluebubbles', 'BlueBubbles')
export const imessage = channelNamed('imessage', 'iMessage')
