/** The channel as the room runs it: settings, supervision, memory in a store. */
import t, { type Test } from 'tap'
import { createChannels } from '../../../../src/channels/channels.ts'
import type { Channel } from '../../../../src/channels/define-channel.ts'
import type { Channels } from '../../../../src/channels/room.ts'
import { loadConfig } from '../../../../src/config/load.ts'
import { resolvePaths } from '../../../../src/config/paths.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { createLogging } from '../../../../src/log/logger.ts'
import { createMemoryStore } from '../../../../src/store/memory/memory-store.ts'
import { botToken } from '../../../fixtures/channels/telegram-people.ts'
import { startTelegram, type TelegramServer } from '../../../fixtures/channels/telegram-server.ts'
import { until } from './scene.ts'

interface Open {
  readonly channels: () => Channels
  readonly received: string[]
  readonly lines: string[]
  again (): Promise<void>
}

async function open (t: Test, telegram: object): Promise<Open> {
  const lines: string[] = []
  const sink = { write: (line: string) => lines.push(line) > 0 }
  const logging = createLogging({
    level: 'silent', consoleLevel: 'debug', file: null, maxFileBytes: 1e6, maxTotalBytes: 1e7, now: Date.now, stdout: sink, stderr: sink, isTty: false
  })
  const config = await loadConfig({
    paths: resolvePaths({ env: { HOME: '/nonexistent' } }), env: {}, text: JSON.stringify({ gateway: { mode: 'local' }, channels: { telegram } })
  })
  const store = createMemoryStore()
  const received: string[] = []
  const make = (): Channels => createChannels({
    config: () => config,
    store,
    clock: systemClock,
    logging,
    builtin: { telegram: async () => (await import('../../../../src/channels/builtin/telegram/telegram.ts')).telegram as unknown as Channel },
    receive: async ({ entry }, { text }) => { received.push(`${entry.accountId}: ${text}`) },
    changed: () => {}
  })
  let channels = make()
  channels.open()
  t.teardown(async () => {
    await channels.close()
    await logging.close()
  })
  return {
    channels: () => channels,
    received,
    lines,
    async again () {
      await channels.close()
      channels = make()
      channels.open()
    }
  }
}

const facts = (channels: Channels, accountId: string): any => channels.status().find(({ entry }) => entry.accountId === accountId)?.facts

t.test('accounts run side by side, and one whose token is none stops alone', async t => {
  const server: TelegramServer = await startTelegram(t)
  const { channels, received, lines } = await open(t, {
    apiRoot: server.url, pollingTimeoutSeconds: 1, accounts: { good: { botToken }, bad: { botToken: '123456:expired-token' }, empty: {} }
  })
  server.write({ text: 'hello' })
  await until(() => received.length === 1 && facts(channels(), 'bad')?.terminal !== undefined)
  t.same(received, ['good: hello'])
  t.match(facts(channels(), 'good'), { connected: true, running: true, lifecycle: 'ready' })
  t.match(facts(channels(), 'bad'), { running: false, terminal: 'logged-out', lastError: /get a new one from @BotFather/ })
  t.match(facts(channels(), 'empty'), { lifecycle: 'blocked', lastError: /^set channels\.telegram\.accounts\.empty\.botToken/ })
  t.match(await channels().probe('telegram', 'good', new AbortController().signal), { ok: true, self: { name: '@claw_bot' } })
  t.notMatch(lines.join(''), 'expired-token')
})

t.test('one bot is read by one account, and by the next when that has stopped', async t => {
  const server = await startTelegram(t)
  const { channels } = await open(t, { apiRoot: server.url, pollingTimeoutSeconds: 1, accounts: { first: { botToken }, second: { botToken } } })
  await until(() => facts(channels(), 'second')?.lastError !== undefined && facts(channels(), 'first')?.connected === true)
  t.equal(facts(channels(), 'second').lastError, 'account first reads the same bot already; give second one of its own')
  await channels().stop('telegram', 'first')
  t.match(await channels().start('telegram', 'second'), { status: 'started' })
})

t.test('settings that do not fit are named', async t => {
  const { channels } = await open(t, { botToken, pollingTimeoutSeconds: 'long' })
  await until(() => channels().problems().length > 0)
  t.match(channels().problems(), [{ problem: 'channels.telegram: pollingTimeoutSeconds must be integer' }])
})

t.test('what was read stays read when the gateway is started again, and stopping takes no time', async t => {
  const server = await startTelegram(t)
  const { again, received } = await open(t, { apiRoot: server.url, botToken, pollingTimeoutSeconds: 50 })
  server.write({ text: 'one' })
  await until(() => received.length === 1 && server.poll !== undefined)
  await again()
  server.write({ text: 'two' })
  await until(() => received.length === 2)
  t.same(received, ['default: one', 'default: two'])
})

t.test('a webhook account is running without a connection, and never stale', async t => {
  const server = await startTelegram(t)
  const { channels } = await open(t, { apiRoot: server.url, botToken, webhookUrl: 'http://127.0.0.1:9/t', webhookSecret: 'abc' })
  await until(() => facts(channels(), 'default')?.running === true)
  t.match(channels().status()[0], { facts: { connected: undefined, lifecycle: 'ready' }, verdict: { healthy: true } })
  t.equal(server.webhook?.secret, 'abc')
  t.ok(channels().find('telegram')?.current()?.webhook)
})

t.test('a webhook that cannot be set is tried again by the room', async t => {
  const server = await startTelegram(t)
  server.fail('setWebhook', { status: 400, description: 'bad webhook: HTTPS url must be provided for webhook' })
  const { channels } = await open(t, { apiRoot: server.url, botToken, webhookUrl: 'http://127.0.0.1:9/t', webhookSecret: 'abc' })
  await until(() => facts(channels(), 'default')?.restartPending === true)
  t.match(facts(channels(), 'default'), { running: false, lastError: /setWebhook: Bad Request: bad webhook/ })
})
