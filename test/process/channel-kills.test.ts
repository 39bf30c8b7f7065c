import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { OutboundItem } from '../../src/channels/delivery/item.ts'
import { openStore } from '../../src/store/open.ts'
import { bot, botToken } from '../fixtures/channels/telegram-people.ts'
import { startTelegram, type TelegramServer } from '../fixtures/channels/telegram-server.ts'
import { admitted, closeClient } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, longRun, serve, stop } from './daemon.ts'

/** OPENCLAW_TEST_CHANNEL_MESSAGES=1000 is the full number. */
const count = Number(process.env.OPENCLAW_TEST_CHANNEL_MESSAGES ?? (longRun ? 1000 : 100))
const people = [601, 602, 603, 604, 605, 606].map(id => ({ id, is_bot: false, first_name: `Person ${id}` }))

const configOf = (server: TelegramServer): object => ({
  // Killed again and again, it would hold its channels back.
  gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, crashLoop: { maxUncleanStarts: 0 } },
  agents: { defaults: { recovery: { maxAttempts: 1000 } } },
  session: { dmScope: 'per-channel-peer' },
  commands: { ownerAllowFrom: people.map(({ id }) => `telegram:${id}`) },
  messages: {
    queue: { byChannel: { telegram: 'followup' }, drop: 'new' },
    outputFilters: [{ pattern: '^Echo, a demonstration \\(no model is configured\\): ', replace: '' }]
  },
  channels: { telegram: { botToken, apiRoot: server.url, pollingTimeoutSeconds: 5, dmPolicy: 'open', allowFrom: ['*'], streaming: 'off' } }
})

async function withPeople (test: { teardown (fn: () => unknown): unknown }): Promise<TelegramServer> {
  const server = await startTelegram(test)
  for (const { id, first_name: name } of people) server.chats.set(id, { id, type: 'private', first_name: name })
  return server
}

/** What the bot said in each chat, in its order. */
const answersOf = ({ messages }: TelegramServer): ReadonlyArray<readonly string[]> =>
  people.map(({ id }) => messages.filter(({ from, chat }) => from?.id === bot.id && chat.id === id).map(({ text }) => text as string))

async function leftIn (stateDir: string): Promise<OutboundItem[]> {
  const store = await openStore({ stateDir })
  try {
    return (await store.collection<OutboundItem>('outbound').all()).map(({ value }) => value)
  } finally {
    await store.close()
  }
}

t.test(`of ${count} messages none is lost and none answered twice, whenever the gateway is killed`, { timeout: 900_000 }, async t => {
  const server = await withPeople(t)
  const home = createHome(t, configOf(server))
  let written = 0
  const isDone = (): boolean => written >= count
  const write = (): void => {
    const from = people[written % people.length]!
    server.write({ chat: server.chats.get(from.id), from, text: `m-${written++}` })
  }
  let kills = 0
  while (!isDone()) {
    const daemon = await serve(t, { home })
    const until = Date.now() + Math.random() * 1200
    while (Date.now() < until && !isDone()) {
      write()
      await sleep(Math.random() * 20)
    }
    daemon.kill('SIGKILL')
    kills++
    await daemon.exit()
  }
  const daemon = await serve(t, { home })
  const { client } = await admitted(daemon.url, { auth: { token: daemonToken }, device: false })
  const texts = Array.from({ length: count }, (_, number) => `m-${number}`)
  // What is tried again waits a while; what is parked never comes.
  await eventually(async () => {
    const { payload: { counts, items } } = await client.request('channels.queue.list', { state: 'parked', limit: 500 })
    client.frames.length = 0
    const known = new Set([...answersOf(server).flat(), ...items.map(({ preview }: { preview: string }) => preview)])
    return { updates: server.updates.length, queued: counts.queued, missing: texts.filter(text => !known.has(text)) }
  }, ({ updates, queued, missing }) => updates + queued + missing.length === 0, 120_000)
  await closeClient(client)
  t.equal((await stop(daemon)).code, 0)

  const left = await leftIn(home.stateDir)
  const parked = new Set(left.map(({ text }) => text))
  const isParked = ({ state, reason = '' }: OutboundItem): boolean => state === 'parked' && reason.startsWith('nobody knows whether it arrived')
  t.same(left.filter(item => !isParked(item)), [], 'what is left is parked, with its reason')
  const answers = answersOf(server)
  const all = answers.flat()
  t.same(all.filter((text, index) => all.indexOf(text) !== index), [], 'none is answered twice')
  t.same(texts.filter(text => !all.includes(text) && !parked.has(text)), [], 'none is lost')
  for (const chat of answers) t.same(chat, chat.toSorted((a, b) => Number(a.slice(2)) - Number(b.slice(2))), 'each chat in its order')
  t.ok(kills > 0)
  t.comment(`${count} messages, ${kills} kills, ${all.length} answers, ${left.length} of unknown outcome`)
})
