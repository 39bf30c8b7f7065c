/** Messages on their way out: what waits, what nobody knows the end of, and what was refused. Beyond the contract. */
import type { ChannelRooms } from '../channels/room.ts'
import type { OutboundItem } from '../channels/delivery/item.ts'
import { GatewayError } from '../protocol/errors.ts'
import { oneOf, Type } from '../protocol/type.ts'
import { method, type Rooms } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const optional = Type.Optional
const states = ['queued', 'parked', 'dead'] as const
const previewChars = 120
const mostAtOnce = 500

const ListParams = Type.Object({
  channel: optional(text({ maxLength: 200 })),
  state: optional(oneOf(states)),
  limit: optional(Type.Integer({ minimum: 1, maximum: mostAtOnce }))
}, { additionalProperties: false })

const IdsParams = Type.Object({
  ids: Type.Array(text({ maxLength: 512 }), { minItems: 1, maxItems: mostAtOnce })
}, { additionalProperties: false })

function shown (item: OutboundItem, redact: ChannelRooms['redact']): object {
  const { id, channel, accountId, chatId, threadId, state, reason, attempts, createdAtMs, messageIds, media, runId } = item
  return {
    id,
    channel,
    accountId,
    to: chatId,
    ...(threadId === undefined ? {} : { threadId }),
    state,
    ...(reason === undefined ? {} : { reason: redact(reason) }),
    attempts,
    createdAtMs,
    partsSent: messageIds.length,
    textLength: item.text.length,
    preview: redact(item.text).slice(0, previewChars),
    ...(media ? { media: { kind: media.kind, mimeType: media.mimeType, ...(media.name === undefined ? {} : { name: media.name }) } } : {}),
    ...(runId === undefined ? {} : { runId })
  }
}

async function change (rooms: Rooms, ids: readonly string[], how: 'retry' | 'discard'): Promise<object> {
  const { delivery } = await rooms.channels()
  const done: string[] = []
  for (const id of ids) if (await delivery[how](id)) done.push(id)
  if (done.length === 0) throw new GatewayError('NOT_FOUND', { message: 'no parked or dead message has this id: openclaw channels queue' })
  return { ok: true, done, missing: ids.filter(id => !done.includes(id)) }
}

export const channelQueue = {
  'channels.queue.list': method({
    scope: 'operator.read',
    params: ListParams,
    result: openObject,
    async handle ({ channel, state, limit = 100 }, { rooms }) {
      const { delivery, redact } = await rooms.channels()
      const all = delivery.list().filter(item => channel === undefined || item.channel === channel)
      const counts = Object.fromEntries(states.map(name => [name, all.filter(item => item.state === name).length]))
      const wanted = all.filter(item => state === undefined || item.state === state).sort((a, b) => a.createdAtMs - b.createdAtMs)
      return { ts: rooms.now(), counts, total: wanted.length, items: wanted.slice(0, limit).map(item => shown(item, redact)) }
    }
  }),
  'channels.queue.retry': method({
    scope: 'operator.write',
    params: IdsParams,
    result: openObject,
    handle: ({ ids }, { rooms }) => change(rooms, ids, 'retry') as Promise<{}>
  }),
  'channels.queue.discard': method({
    scope: 'operator.write',
    params: IdsParams,
    result: openObject,
    handle: ({ ids }, { rooms }) => change(rooms, ids, 'discard') as Promise<{}>
  })
}
