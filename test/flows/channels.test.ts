/** Channels as operators and programs see and steer them, over a Telegram server on this machine. */
import t from 'tap'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { contractProblem, healthProblem } from '../contract.ts'
import { startTelegram } from '../fixtures/channels/telegram-server.ts'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import { admitted, closeClient, startGateway } from '../helper.ts'
import { eventually } from '../process/daemon.ts'
import { openChannelScene, telegramKeys, type ChannelScene } from './channel-scene.ts'

/** The last call that was no question for news, which comes by itself. */
const lastCall = ({ telegram }: ChannelScene) => telegram.calls.findLast(({ method }) => method !== 'getUpdates')

t.test('status, with and without a probe, is what the contract says', async t => {
  const scene = await openChannelScene(t)
  const { call } = scene
  await scene.connected()
  const { payload } = await call('channels.status')
  t.equal(contractProblem('ChannelsStatusResult', payload), undefined)
  t.match(payload, {
    channelOrder: ['telegram'],
    channelLabels: { telegram: 'Telegram' },
    channels: { telegram: { configured: true, running: true, connected: true, lifecycle: 'ready', healthState: 'healthy', mode: 'polling', lastError: null } },
    channelDefaultAccountId: { telegram: 'default' }
  })
  t.match(payload.channelAccounts.telegram, [{
    accountId: 'default', enabled: true, configured: true, running: true, connected: true, healthy: true, restartsLastHour: 0, restartsByReason: {},
    manuallyStopped: false, busy: false, activeRuns: 0, dmPolicy: 'pairing', lastStartAt: Number, lastTransportActivityAt: Number, lastOutboundAt: null
  }])
  t.notOk('probe' in payload.channelAccounts.telegram[0])
  const probed = await call('channels.status', { probe: true, timeoutMs: 5000 })
  t.equal(contractProblem('ChannelsStatusResult', probed.payload), undefined)
  t.match(probed.payload.channelAccounts.telegram[0].probe, { ok: true, bot: { id: '123456', username: 'claw_bot' }, elapsedMs: Number })
  t.match(probed.payload.channels.telegram.probe, { ok: true })
  scene.telegram.fail('getMe', { hang: true })
  const late = await call('channels.status', { probe: true, timeoutMs: 100 })
  t.match(late.payload.channelAccounts.telegram[0].probe, { ok: false, error: 'no answer within 100 ms' })
  t.same((await call('channels.status', { channel: 'slack' })).payload.channelOrder, [])
})

t.test('no answer shows a credential, and what cannot be run stays visible with the reason', async t => {
  const scene = await openChannelScene(t, { config: { channels: { telegram: { botToken: '999:secret-of-this-test' }, carrier_pigeon: { enabled: true } } } })
  const { payload } = await scene.call('channels.status', { probe: true })
  t.equal(contractProblem('ChannelsStatusResult', payload), undefined)
  t.notMatch(JSON.stringify(payload), /secret-of-this-test/)
  t.match(payload.channelAccounts.carrier_pigeon, [{ configured: false, running: false, lifecycle: 'blocked', lastError: /no channel named carrier_pigeon/ }])
  t.match(payload.warnings, [/carrier_pigeon/])
})

t.test('an account is stopped and begun by hand, and stays stopped until then', async t => {
  const scene = await openChannelScene(t)
  const { call } = scene
  await scene.connected()
  t.match((await call('channels.stop', { channel: 'telegram' })).payload, { channel: 'telegram', accountId: 'default', stopped: true })
  t.match((await call('channels.status')).payload.channelAccounts.telegram, [{ running: false, manuallyStopped: true, healthy: false, healthState: 'not-running' }])
  t.match((await call('send', { to: '501', message: 'x', idempotencyKey: 'stopped' })).error, {
    message: 'account default of telegram does not run: it was stopped by hand', details: { code: 'CHANNEL_NOT_RUNNING', nextStep: /openclaw channels start/ }
  })
  t.match((await call('channels.start', { channel: 'telegram' })).payload, { accountId: 'default', started: true, outcome: { status: 'handed-off' } })
  t.match((await call('channels.start', { channel: 'telegram' })).payload, { started: true, outcome: { status: 'retry', reason: 'task-owned' } })
  t.match((await call('channels.start', { channel: 'telegram', accountId: 'nobody' })).error, { message: 'channel telegram has no account nobody' })
  t.match((await call('channels.stop', { channel: 'smoke' })).error, { message: 'unsupported channel: smoke' })
  t.match((await call('channels.logout', { channel: 'telegram' })).payload, { channel: 'telegram', accountId: 'default', cleared: false, loggedOut: false })
  t.match((await call('channels.stop', { channel: 'telegram', extra: 1 })).error, { code: 'INVALID_REQUEST' })
})

t.test('a message goes out once for each key, in one part or several', async t => {
  const scene = await openChannelScene(t)
  const { call, telegram } = scene
  await scene.connected()
  const { payload } = await call('send', { to: '501', channel: 'telegram', message: 'hello', idempotencyKey: 'one' })
  t.match(payload, { runId: 'one', channel: 'telegram', accountId: 'default', to: '501', status: 'sent', messageId: /^\d+$/ })
  t.same((await call('send', { to: '501', channel: 'telegram', message: 'hello', idempotencyKey: 'one' })).payload, payload)
  t.match((await call('send', { to: '501', message: 'another', idempotencyKey: 'one' })).error, { details: { code: 'IDEMPOTENCY_CONFLICT' } })
  const long = (await call('send', { to: 'telegram:501', message: 'word '.repeat(1200), idempotencyKey: 'long' })).payload
  t.equal(long.messageIds.length, 2)
  t.equal((await telegram.called('sendMessage')).length, 3)
  t.match((await call('send', { to: '-1002:topic:7', message: 'in a topic', silent: true, idempotencyKey: 'topic' })).payload, { to: '-1002', threadId: '7' })
  t.match(lastCall(scene), { params: { message_thread_id: 7, disable_notification: true } })
  await call('channels.stop', { channel: 'telegram' })
  t.same((await call('send', { to: '501', channel: 'telegram', message: 'hello', idempotencyKey: 'one' })).payload, payload, 'also when it is stopped')
  await call('channels.start', { channel: 'telegram' })
  const both = await Promise.all([1, 2].map(async () => await call('send', { to: '501', message: 'twin', idempotencyKey: 'twin' })))
  t.same(both[0].payload, both[1].payload)
  t.equal(telegram.messages.filter(({ text }: any) => text === 'twin').length, 1)
})

t.test('rate limits are waited for, refusals are told, and what nobody knows is kept', async t => {
  const scene = await openChannelScene(t)
  const { call, telegram } = scene
  await scene.connected()
  telegram.fail('sendMessage', { status: 429, description: 'Too Many Requests: retry after 1', parameters: { retry_after: 1 } })
  t.match((await call('send', { to: '501', message: 'patience', idempotencyKey: 'a' })).payload, { status: 'sent' })
  t.match((await call('send', { to: '77', message: 'whom', idempotencyKey: 'b' })).error, { code: 'UNAVAILABLE', message: /not delivered: .*chat not found/ })
  t.match((await call('channels.queue.list')).payload, { counts: { queued: 0, parked: 0, dead: 0 } }, 'whoever asked has heard of it')
  telegram.fail('sendMessage', { cut: 'after' })
  const lost = await call('send', { to: '501', message: 'did it arrive', idempotencyKey: 'c' })
  t.match(lost.error, { message: /nobody knows whether it arrived/, details: { state: 'parked' } })
  const { payload: queue } = await call('channels.queue.list', { state: 'parked' })
  t.match(queue, { total: 1, items: [{ channel: 'telegram', to: '501', state: 'parked', preview: 'did it arrive', reason: /nobody knows/ }] })
  t.match((await call('channels.queue.retry', { ids: [queue.items[0].id] })).payload, { done: [queue.items[0].id], missing: [] })
  await eventually(async () => (await call('channels.queue.list')).payload.total, total => total === 0)
  t.equal(telegram.messages.filter(({ text }: any) => text === 'did it arrive').length, 2, 'a person decided so')
  t.match((await call('channels.queue.discard', { ids: ['nothing'] })).error, { details: { code: 'NOT_FOUND' } })
})

t.test('what takes longer than anybody waits is queued, and told so', async t => {
  const scene = await openChannelScene(t)
  const { call, telegram } = scene
  await scene.connected()
  telegram.fail('sendMessage', { status: 500, description: '' }, { status: 500, description: '' })
  const { payload } = await call('message.action', {
    channel: 'telegram', action: 'send', params: { target: '501', message: 'later', waitMs: 50 }, idempotencyKey: 'later'
  })
  t.match(payload, { ok: true, status: 'queued', queueId: String })
  t.ok(await eventually(async () => telegram.messages.some(({ text }: any) => text === 'later'), Boolean))
})

t.test('actions change, delete and react to what was sent, and ask questions', async t => {
  const scene = await openChannelScene(t)
  const { call, telegram } = scene
  await scene.connected()
  let count = 0
  const act = async (action: string, params: object) =>
    await call('message.action', { channel: 'telegram', action, params, idempotencyKey: `act-${++count}` })
  const { payload: { messageId } } = await act('send', { to: '501', message: 'frist' })
  t.match((await act('edit', { target: '501', messageId, message: 'first' })).payload, { ok: true, action: 'edit', messageId })
  t.match((await act('react', { target: '501', messageId, emoji: '👍' })).payload, { ok: true, added: true })
  t.match((await act('react', { target: '501', messageId, emoji: '👍', remove: true })).payload, { ok: true })
  t.same(telegram.reactions.map(({ reaction }: any) => reaction.length), [1, 0])
  t.match((await act('delete', { target: '501', messageId })).payload, { ok: true, deleted: true })
  t.notOk(telegram.messages.some(({ text }: any) => text === 'first'))
  const poll = await act('poll', { target: '501', pollQuestion: 'Lunch?', pollOption: ['Pizza', 'Sushi'], pollMulti: true, pollPublic: true })
  t.match(poll.payload, { ok: true, action: 'poll', messageId: /^\d+$/ })
  t.match(lastCall(scene), { method: 'sendPoll', params: { is_anonymous: false, allows_multiple_answers: true, options: [{ text: 'Pizza' }, { text: 'Sushi' }] } })
  t.match((await call('poll', { to: '501', question: 'Again?', options: ['yes', 'no'], idempotencyKey: 'poll-2' })).payload, { runId: 'poll-2', channel: 'telegram' })
  t.match((await act('pin', { target: '501', messageId })).error, { message: /Action "pin" is not supported on telegram/, details: { code: 'CHANNEL_UNABLE' } })
  t.match((await act('constructor', { target: '501', messageId })).error, { message: /Action "constructor" is not supported/ })
  t.match((await act('edit', { target: '501', message: 'x' })).error, { message: 'messageId is required' })
  t.match((await act('edit', { target: '501', messageId: '999', message: 'x' })).error, { message: /telegram refused: .*message to edit not found/ })
  t.match((await act('send', { target: '501', message: 'x', dryRun: true })).payload, { dryRun: true, to: '501', accountId: 'default' })
})

t.test('files go out as bytes or by address, never by a path', async t => {
  const scene = await openChannelScene(t)
  const { call } = scene
  await scene.connected()
  const buffer = Buffer.from('some notes').toString('base64')
  t.match((await call('send', { to: '501', message: 'read this', buffer, filename: 'notes.txt', contentType: 'text/plain', idempotencyKey: 'f' })).payload, { status: 'sent' })
  t.match(lastCall(scene), { method: 'sendDocument', params: { caption: 'read this' }, files: { document: { name: 'notes.txt' } } })
  t.match((await call('send', { to: '501', mediaUrl: '/etc/passwd', idempotencyKey: 'p' })).error, { message: /send its bytes/ })
  t.match((await call('send', { to: '501', mediaUrl: 'http://127.0.0.1:1/x.png', idempotencyKey: 'l' })).error, { code: 'INVALID_REQUEST' })
  t.match((await call('send', { to: '501', idempotencyKey: 'n' })).error, { message: 'a message needs a text or a file' })
  t.match((await call('send', { to: '501', message: 'x', channel: 'webchat', idempotencyKey: 'w' })).error, { message: /session not found: agent:main:501/ })
  t.match((await call('send', { to: '501', message: 'x', channel: 'smoke', idempotencyKey: 's' })).error, { message: 'unsupported channel: smoke' })
})

t.test('each method asks for the scope of the contract', async t => {
  const scene = await openChannelScene(t)
  const { client } = await admitted(scene.url, { scopes: ['operator.read'] })
  const asked: [string, object, string][] = [
    ['channels.start', { channel: 'telegram' }, 'operator.admin'], ['channels.stop', { channel: 'telegram' }, 'operator.admin'],
    ['channels.logout', { channel: 'telegram' }, 'operator.admin'], ['channels.pairing.list', {}, 'operator.pairing'],
    ['channels.pairing.approve', { channel: 'telegram', accountId: 'default', requestId: 'x' }, 'operator.pairing'],
    ['channels.pairing.dismiss', { channel: 'telegram', accountId: 'default', requestId: 'x' }, 'operator.pairing'],
    ['send', { to: '1', idempotencyKey: 'x' }, 'operator.write'], ['poll', { to: '1', question: 'x', options: ['1', '2'], idempotencyKey: 'x' }, 'operator.write'],
    ['message.action', { channel: 'telegram', action: 'send', params: {}, idempotencyKey: 'x' }, 'operator.write'],
    ['channels.queue.retry', { ids: ['x'] }, 'operator.write'], ['channels.queue.discard', { ids: ['x'] }, 'operator.write']
  ]
  for (const [method, params, scope] of asked) {
    t.match((await client.request(method, params)).error, { message: `missing scope: ${scope}` }, method)
  }
  t.ok((await client.request('channels.status')).ok)
  await closeClient(client)
})

t.test('strangers who ask to be let in are listed, let in and sent away, and the first owner is named', async t => {
  const scene = await openChannelScene(t)
  const { call, telegram, gateway, stateDir } = scene
  await scene.connected()
  const { source } = gateway.rooms.config()
  writeFileSync(join(stateDir, 'openclaw.json'), JSON.stringify(source))
  const { pairing } = await gateway.rooms.channels()
  const place = { channel: 'telegram', accountId: 'default' }
  const first = await pairing.ask(place, { id: '501', name: 'Alice Adams' }, '501')
  const second = await pairing.ask(place, { id: '502', username: 'bob' }, '502')
  const { payload } = await call('channels.pairing.list', { channel: 'telegram' })
  t.equal(contractProblem('ChannelsPairingListResult', payload), undefined)
  t.match(payload, {
    accounts: [{ channel: 'telegram', channelLabel: 'Telegram', accountId: 'default', notifySupported: true }],
    commandOwnerConfigured: false,
    limits: { pendingPerAccount: 3, ttlMs: 3_600_000 }
  })
  const requests = payload.requests.toSorted((a: any, b: any) => a.senderId - b.senderId)
  t.match(requests, [{ senderId: '501', senderLabel: 'Alice Adams', createdAt: /^\d{4}-/ }, { senderId: '502', senderLabel: '@bob' }])
  t.notMatch(JSON.stringify(payload), new RegExp(first!.code), 'whoever lists them cannot pretend to be told the code')
  const { requestId } = requests[0]
  const approved = await call('channels.pairing.approve', { ...place, requestId, notify: true, bootstrapCommandOwner: true })
  t.match(approved.payload, { requestId, senderId: '501', notification: 'sent', commandOwnerBootstrap: 'configured' })
  t.match((await telegram.called('sendMessage'))[0], { params: { chat_id: '501' } })
  t.match(readFileSync(join(stateDir, 'openclaw.json'), 'utf8'), /"telegram:501"/)
  t.ok(await pairing.isApproved(place, '501'))
  t.match((await call('channels.pairing.approve', { ...place, requestId })).error, { details: { code: 'NOT_FOUND' } })
  t.match((await call('channels.pairing.dismiss', { ...place, requestId: second!.requestId })).payload, { requestId: second!.requestId, senderId: '502' })
  t.notOk(await pairing.isApproved(place, '502'))
  const third = await pairing.ask(place, { id: '503' }, '503')
  const byCode = await call('channels.pairing.approve', { requestId: third!.code.toLowerCase(), bootstrapCommandOwner: true })
  t.match(byCode.payload, { senderId: '503', channel: 'telegram', notification: 'not-requested' }, 'the code alone says who is meant')
  t.match((await call('channels.pairing.revoke', { ...place, senderId: '503' })).payload, { revoked: true })
  t.notOk(await pairing.isApproved(place, '503'))
})

t.test('health tells how channels are, and tells it again when that changes', async t => {
  const scene = await openChannelScene(t)
  const { call, client, telegram } = scene
  await scene.connected()
  const { payload } = await call('health', { probe: true })
  t.equal(healthProblem(payload), undefined)
  t.match(payload, {
    channelOrder: ['telegram'],
    channelLabels: { telegram: 'Telegram' },
    channels: { telegram: { accountId: 'default', configured: true, running: true, probe: { ok: true }, accounts: { default: { healthState: 'healthy' } } } }
  })
  t.notMatch(JSON.stringify(payload.channels), /allowFrom|dmPolicy/)
  t.match((await call('status')).payload.channelSummary, ['Telegram: configured, running, healthy'])
  await call('channels.stop', { channel: 'telegram' })
  const changed = await client.frame(({ event, payload }) => event === 'health' && payload.channels.telegram?.running === false)
  t.equal(healthProblem(changed.payload), undefined)
  await call('channels.start', { channel: 'telegram' })
  telegram.fail('sendMessage', { cut: 'after' })
  await call('send', { to: '501', message: 'x', idempotencyKey: 'x' })
  const { payload: after } = await call('health', { probe: true })
  t.equal(healthProblem(after), undefined)
  t.match(after.deliveryQueues, { failed: [{ queueName: 'outbound', count: 1, oldestFailedAt: Number }] })
})

t.test('a message that was sent is not sent again after a restart, and a key that stands for it stands for nothing else', async t => {
  const store = createMemoryStore()
  const kept = Object.assign(Object.create(store) as typeof store, { close: async () => {} })
  const telegram = await startTelegram(t)
  const order = { to: '501', message: 'once', idempotencyKey: 'once' }
  const device = createDeviceIdentity()
  const answers: unknown[] = []
  let stateDir: string | undefined
  while (answers.length < 2) {
    const begun = await startGateway(t, { store: kept, stateDir, config: { channels: { telegram: telegramKeys(telegram) } } })
    const { gateway, url } = begun
    stateDir = begun.stateDir
    const { client } = await admitted(url, { device })
    answers.push((await client.request('send', order)).payload)
    t.match((await client.request('send', { ...order, message: 'twice' })).error, { details: { code: 'IDEMPOTENCY_CONFLICT' } })
    await closeClient(client)
    await gateway.stop()
  }
  t.match(answers[0], { status: 'sent', messageId: '1' })
  t.same(answers[1], answers[0])
  t.equal(telegram.messages.length, 1)
})

t.test('a gateway without channels answers without loading any', async t => {
  const scene = await openChannelScene(t, { config: { channels: {} } })
  const { payload } = await scene.call('channels.status', { probe: true })
  t.equal(contractProblem('ChannelsStatusResult', payload), undefined)
  t.same(payload.channelOrder, ['webchat'])
  t.match((await scene.call('send', { to: '501', message: 'x', idempotencyKey: 'x' })).error, { message: /Channel is required \(no channel is configured/ })
})
