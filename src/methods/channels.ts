/** The ways to the services where people write: seen, begun, ended, and who is let in. */
import { hasChannels } from '../channels/entries.ts'
import type { ChannelRooms, Started } from '../channels/room.ts'
import { webchatId, withWebchat } from '../channels/webchat-row.ts'
import type { Scope } from '../protocol/scopes.ts'
import { Type } from '../protocol/type.ts'
import { GatewayError } from '../protocol/errors.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const optional = Type.Optional
const word = text({ maxLength: 200 })
const place = { channel: word, accountId: optional(Type.String({ maxLength: 200 })) }
const PlaceParams = Type.Object(place, { additionalProperties: false })

const defaultProbeMs = 8_000
const longestProbeMs = 30_000
/** A start that takes longer goes on by itself. */
const startWaitMs = 8_000

const nothing = { channelOrder: [], channelLabels: {}, channels: {}, channelAccounts: {}, channelDefaultAccountId: {}, warnings: [] }

/** There is no connection of ours to it that could be begun or ended. */
function refuseOwn (channel: string): void {
  if (channel.trim().toLowerCase() !== webchatId) return
  throw new GatewayError('CHANNEL_UNABLE', {
    message: 'webchat is not started or stopped: its clients connect to this gateway by themselves, as long as it runs'
  })
}

interface StatusParams {
  readonly probe?: boolean
  readonly timeoutMs?: number
  readonly channel?: string
}

async function statusOf (rooms: Rooms, { probe = false, timeoutMs = defaultProbeMs, channel }: StatusParams) {
  if (!hasChannels(rooms.config().config)) return nothing
  const built = await rooms.channels()
  await built.channels.settled()
  const limitMs = Math.min(Math.max(timeoutMs, 1), longestProbeMs)
  const more = probe ? { probes: await built.probing.probe(channel, limitMs) } : {}
  return built.summary({ ...more, ...(channel === undefined ? {} : { only: channel }) })
}

const outcomeOf = ({ status, problem }: Started): { status: string, reason?: string, problem?: string } => {
  if (status === 'already-running') return { status: 'retry', reason: 'task-owned' }
  if (status === 'disabled') return { status: 'skipped', reason: 'disabled' }
  if (status === 'blocked') return { status: 'skipped', reason: 'unconfigured', ...(problem === undefined ? {} : { problem }) }
  return { status: 'handed-off', ...(problem === undefined ? {} : { problem }) }
}

async function start (rooms: Rooms, channel: string, accountId: string | undefined): Promise<object> {
  refuseOwn(channel)
  const { channels } = await rooms.channels()
  await channels.settled()
  const late = new Promise<undefined>(resolve => { setTimeout(() => resolve(undefined), startWaitMs).unref() })
  const begun = await Promise.race([channels.start(channel, accountId), late])
  const id = begun?.accountId ?? channels.find(channel, accountId)!.entry.accountId
  const started = channels.find(channel, id)?.current() !== undefined
  return { channel, accountId: id, started, outcome: begun ? outcomeOf(begun) : { status: 'handed-off' } }
}

interface Place { readonly channel: string, readonly accountId: string }

const isPlace = ({ channel, accountId }: Partial<Place>) => (one: Place): boolean =>
  (channel === undefined || one.channel === channel) && (accountId === undefined || one.accountId === accountId)

const named = (accountId: string | undefined): string | undefined => accountId?.trim() || undefined

export const channels = {
  'channels.status': method({
    scope: 'operator.read',
    params: Type.Object({
      probe: optional(Type.Boolean()), timeoutMs: optional(Type.Integer({ minimum: 0 })), channel: optional(word)
    }, { additionalProperties: false }),
    result: openObject,
    async handle (params, { rooms }) {
      const { channelLabels, warnings, ...shown } = withWebchat(await statusOf(rooms, params), {
        connections: rooms.connections.connected(), isProbed: params.probe === true, only: params.channel
      })
      const held = rooms.lifecycle.heldBack()
      const said = [...(held ? [held.message] : []), ...warnings]
      return {
        ts: rooms.now(),
        channelLabels,
        channelDetailLabels: channelLabels,
        channelSystemImages: {},
        channelMeta: Object.entries(channelLabels).map(([id, label]) => ({ id, label, detailLabel: label })),
        ...shown,
        eventLoop: rooms.eventLoop.read(),
        ...(said.length > 0 ? { warnings: said } : {})
      }
    }
  }),
  'channels.start': method({
    scope: 'operator.admin',
    params: PlaceParams,
    result: openObject,
    handle: ({ channel, accountId }, { rooms }) => start(rooms, channel, named(accountId)) as Promise<{}>
  }),
  'channels.stop': method({
    scope: 'operator.admin',
    params: PlaceParams,
    result: openObject,
    async handle ({ channel, accountId }, { rooms }) {
      refuseOwn(channel)
      const { channels } = await rooms.channels()
      await channels.settled()
      const { accountId: id } = await channels.stop(channel, named(accountId))
      return { channel, accountId: id, stopped: channels.find(channel, id)?.current() === undefined }
    }
  }),
  'channels.logout': method({
    scope: 'operator.admin',
    params: PlaceParams,
    result: openObject,
    async handle ({ channel, accountId }, { rooms }) {
      refuseOwn(channel)
      const { channels } = await rooms.channels()
      await channels.settled()
      const { accountId: id, loggedOut } = await channels.logout(channel, named(accountId))
      return { channel, accountId: id, cleared: loggedOut, loggedOut }
    }
  }),
  // Ours: what each account can do; `null` while nobody knows because it does not run.
  'channels.capabilities': method({
    scope: 'operator.read',
    params: Type.Object({ channel: optional(word), accountId: optional(word) }, { additionalProperties: false }),
    result: openObject,
    async handle (params, { rooms }) {
      if (!hasChannels(rooms.config().config)) return { accounts: [] }
      const { channels } = await rooms.channels()
      await channels.settled()
      const { abilitiesOf } = await import('../channels/messaging/messaging.ts')
      const accounts = channels.status().filter(({ entry }) => isPlace(params)(entry)).map(({ entry, channel }) => ({
        channel: entry.channel,
        channelLabel: channel.label,
        accountId: entry.accountId,
        actions: abilitiesOf(channels.find(entry.channel, entry.accountId)?.current()) ?? null,
        mode: channel.mode,
        markup: channel.markup,
        limits: channel.limits
      }))
      return { accounts }
    }
  }),
  // Ours: what is written in the file takes effect.
  'channels.reload': method({
    scope: 'operator.admin',
    params: noParams,
    result: openObject,
    async handle (_params, { rooms }) {
      await rooms.reloadConfig()
      const built = await rooms.channels()
      await built.channels.reload()
      const { channelOrder, channelAccounts, warnings } = built.summary()
      return { ok: true, channelOrder, channelAccounts, warnings }
    }
  })
}

type AccessRequest = Awaited<ReturnType<ChannelRooms['pairing']['list']>>[number]

const requestShown = (labelOf: (channel: string) => string) => (request: AccessRequest): object => ({
  requestId: request.requestId,
  channel: request.channel,
  channelLabel: labelOf(request.channel),
  accountId: request.accountId,
  senderId: request.senderId,
  senderLabel: request.senderLabel,
  createdAt: new Date(request.createdAtMs).toISOString(),
  lastSeenAt: new Date(request.lastSeenAtMs).toISOString(),
  expiresAt: new Date(request.expiresAtMs).toISOString(),
  notifySupported: true
})

const limits = { pendingPerAccount: 3, ttlMs: 3_600_000 }

async function pairingList (rooms: Rooms, place: Partial<Place>): Promise<object> {
  const { config } = rooms.config()
  const commandOwnerConfigured = config.commands.ownerAllowFrom.length > 0
  if (!hasChannels(config)) return { accounts: [], requests: [], commandOwnerConfigured, limits }
  const { channels, pairing } = await rooms.channels()
  await channels.settled()
  const known = channels.status()
  const labelOf = (id: string): string => known.find(({ entry }) => entry.channel === id)?.channel.label ?? id
  const accounts = known
    .filter(({ entry }) => isPlace(place)(entry) && (entry.config.dmPolicy ?? 'pairing') === 'pairing')
    .map(({ entry: { channel, accountId, name } }) =>
      ({ channel, channelLabel: labelOf(channel), accountId, ...(name ? { accountLabel: name } : {}), notifySupported: true }))
  return { accounts, requests: (await pairing.list(place)).map(requestShown(labelOf)), commandOwnerConfigured, limits }
}

/** The official clients name all three; whoever has only the code may leave out where it belongs. */
const RequestParams = Type.Object({
  channel: optional(word),
  accountId: optional(word),
  requestId: word,
  notify: optional(Type.Boolean()),
  bootstrapCommandOwner: optional(Type.Boolean())
}, { additionalProperties: false })

const approvalScopes = ({ bootstrapCommandOwner }: { bootstrapCommandOwner?: boolean }): readonly Scope[] =>
  bootstrapCommandOwner ? ['operator.pairing', 'operator.admin'] : ['operator.pairing']

export const channelPairing = {
  'channels.pairing.list': method({
    scope: 'operator.pairing',
    changes: false,
    params: Type.Object({ channel: optional(word), accountId: optional(word) }, { additionalProperties: false }),
    result: openObject,
    handle: (params, { rooms }) => pairingList(rooms, params) as Promise<{}>
  }),
  'channels.pairing.approve': method({
    scope: approvalScopes,
    params: RequestParams,
    result: openObject,
    async handle ({ requestId, ...decision }, { rooms }) {
      const { desk } = await rooms.channels()
      const { request, notification, commandOwnerBootstrap } = await desk.approve({ ...decision, request: requestId })
      const { requestId: id, senderId, senderLabel, channel, accountId } = request
      return { requestId: id, senderId, notification, commandOwnerBootstrap, senderLabel, channel, accountId }
    }
  }),
  'channels.pairing.dismiss': method({
    scope: 'operator.pairing',
    params: Type.Object({ channel: word, accountId: word, requestId: word }, { additionalProperties: false }),
    result: openObject,
    async handle ({ channel, accountId, requestId }, { rooms }) {
      const { pairing } = await rooms.channels()
      const request = (await pairing.list({ channel, accountId })).find(one => one.requestId === requestId)
      if (!request) throw new GatewayError('NOT_FOUND', { message: 'there is no such pairing request, or it is older than an hour' })
      await pairing.dismiss(requestId)
      return { requestId, senderId: request.senderId }
    }
  }),
  // Ours: takes back what was approved.
  'channels.pairing.revoke': method({
    scope: 'operator.pairing',
    params: Type.Object({ channel: word, accountId: word, senderId: word }, { additionalProperties: false }),
    result: openObject,
    async handle ({ channel, accountId, senderId }, { rooms }) {
      const { pairing } = await rooms.channels()
      return { channel, accountId, senderId, revoked: await pairing.revoke({ channel, accountId }, senderId) }
    }
  })
}
