/** Matrix, by the client-server API of a homeserver. Encrypted rooms are not read, and are told so. */
import { openMemory } from '../../account-memory.ts'
import { defineChannel, type AccountContext, type ProbeResult, type RunningAccount } from '../../define-channel.ts'
import { readAlone } from '../../exclusive.ts'
import type { ServiceRefusal } from '../../http/service.ts'
import { live, type Life } from '../../life.ts'
import { readAgainAndAgain } from '../../reading.ts'
import { createApi, type Api } from './api.ts'
import { createInvitations } from './invitations.ts'
import { createMatrixOutbound, mediaLimitBytes } from './outbound.ts'
import { createRooms } from './rooms.ts'
import { matrixKeys, missingSettings, readSettings, type MatrixKeys, type MatrixSettings } from './settings.ts'
import { createSync, createTeller, type Saved, type Sync } from './sync.ts'

/** Homeservers remember transaction ids for half an hour at least. */
const transactionsHoldMs = 20 * 60_000

interface Account {
  readonly api: Api
  readonly context: AccountContext<MatrixKeys>
  readonly settings: MatrixSettings
  readonly life: Life
}

async function whoAmI (api: Api, signal: AbortSignal): Promise<string> {
  const { user_id: id } = await api.call('GET', 'account/whoami', { signal })
  if (typeof id !== 'string') throw new Error('Matrix does not say whose token it is')
  return id
}

async function probe (api: Api, signal: AbortSignal): Promise<ProbeResult> {
  try {
    return { ok: true, self: { id: await whoAmI(api, signal) } }
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

async function run ({ api, context, settings, life: { signal, follow } }: Account): Promise<Omit<RunningAccount, 'stop'>> {
  const memory = await openMemory<Saved>(context.memory)
  let self: string | undefined
  const selfId = (): string => self ?? ''
  const rooms = createRooms(api, selfId)
  const outbound = createMatrixOutbound({
    api,
    rooms,
    selfId,
    sendReadReceipts: settings.sendReadReceipts,
    unauthorized: (refusal: ServiceRefusal) => context.disconnected({ reason: refusal.message, terminal: 'logged-out' })
  })
  const invitations = createInvitations({ ...settings, api, rooms, log: context.log, selfId })
  let sync: Sync | undefined
  follow(readAgainAndAgain({
    service: 'Matrix',
    context,
    signal,
    async turn (heard, isUp) {
      self ??= await whoAmI(api, signal)
      sync ??= createSync({
        api,
        context,
        memory,
        rooms,
        invitations,
        reader: { api, selfId: self, hearsReactions: settings.hearsReactions },
        isOurs: outbound.isOurs,
        heard: outbound.heard,
        tellEncrypted: createTeller(memory, async (...call) => await outbound.tellEncrypted(...call))
      })
      await sync.turn(heard, isUp ? settings.syncMs : 0, signal)
    }
  }))
  return {
    send: async (...call) => await outbound.send(...call),
    edit: async (...call) => await outbound.edit(...call),
    remove: async (...call) => await outbound.remove(...call),
    react: async (...call) => await outbound.react(...call),
    typing: async (...call) => await outbound.typing(...call),
    probe: async abort => await probe(api, abort)
  }
}

export const matrix = defineChannel<MatrixKeys>({
  id: 'matrix',
  label: 'Matrix',
  config: matrixKeys,
  limits: { textLength: 4000, textUnit: 'utf16', mediaBytes: mediaLimitBytes },
  repeatMs: transactionsHoldMs,
  markup: 'markdown',
  mode: 'polling',
  missing: missingSettings,
  async start (context) {
    const settings = await readSettings(context)
    return await live(context, async life => {
      readAlone(`matrix ${settings.homeserver} ${settings.accessToken}`, 'Matrix account', context.accountId, life.signal)
      return await run({ api: life.closeAtEnd(createApi(settings)), context, settings, life })
    })
  }
})
