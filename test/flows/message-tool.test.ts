/** The tool `message`, as agents and programs use it, over a Telegram server on this machine. */
import t from 'tap'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { testToken } from '../helper.ts'
import { eventually } from '../process/daemon.ts'
import { openChannelScene, type ChannelScene } from './channel-scene.ts'
import { invoke } from './tool-call.ts'

const sentTexts = ({ telegram }: ChannelScene): string[] => telegram.messages.map(({ text }: any) => text)

t.test('programs send, change, react and ask by it, and a dry run says what would come of it', async t => {
  const scene = await openChannelScene(t)
  await scene.connected()
  const { telegram } = scene
  const message = async (args: object, more: object = {}) => await invoke(scene, 'message', args, more)
  const sent = await message({ action: 'send', channel: 'telegram', target: '501', message: 'hello' })
  t.match(sent.details, { ok: true, action: 'send', status: 'sent', channel: 'telegram', accountId: 'default', to: '501', messageId: '1' })
  t.match((await message({ action: 'edit', target: 501, messageId: 1, message: 'changed' })).details, { ok: true })
  t.match((await message({ action: 'react', target: '501', messageId: '1', emoji: '🎉' })).details, { ok: true })
  t.match((await message({ action: 'poll', target: '501', pollQuestion: 'Q?', pollOption: ['a', 'b'] })).details, { ok: true, messageId: '2' })
  t.match((await message({ action: 'delete', target: '501', messageId: '1' })).details, { ok: true })
  const dry = JSON.parse((await message({ action: 'send', target: '501', message: 'x' }, { dryRun: true })).raw)
  t.match(dry.result, { wouldRun: true })
  const vain = JSON.parse((await message({ action: 'send', channel: 'smoke', target: '501', message: 'x' }, { dryRun: true })).raw)
  t.match(vain.result, { wouldRun: false, because: 'unsupported channel: smoke' })
  t.notOk(sentTexts(scene).includes('x'))
  t.match(telegram.reactions, [{ message_id: 1 }])
})

t.test('what cannot be done is told in words that an agent can act upon', async t => {
  const scene = await openChannelScene(t)
  await scene.connected()
  const message = async (args: object) => (await invoke(scene, 'message', args)).details
  t.match(await message({ action: 'send', message: 'x' }), { status: 'error', error: /over no channel: whoever reads it sees the reply itself/ })
  t.match(await message({ action: 'send', channel: 'webchat', target: 'typo', message: 'x' }), { error: /session not found: agent:main:typo/ })
  t.match(await message({ action: 'send', target: '501' }), { status: 'error', error: 'a message needs a text or a file' })
  t.match(await message({ action: 'send', target: '77', message: 'x' }), { error: /chat not found/, code: 'DELIVERY_REFUSED' })
  t.match(await message({ action: 'send', target: '501', message: 'x', media: '/etc/passwd' }), { error: /outside of what this agent may use/ })
  t.match(await message({ action: 'send', target: '501', message: 'x', media: 'missing.txt' }), { error: /File not found/ })
  const unknown = await fetch(`${scene.http}/tools/invoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ tool: 'message', args: { action: 'shout', target: '501' } })
  })
  t.equal(unknown.status, 400)
  await scene.call('channels.stop', { channel: 'telegram' })
  t.match(await message({ action: 'send', target: '501', message: 'x' }), { error: /stopped by hand/, next: /channels start/ })
})

t.test('an agent writes to a chat from its run, with a file of its workspace, and its reply goes where it was asked', async t => {
  const scene = await openChannelScene(t)
  await scene.connected()
  const { gateway, call, telegram } = scene
  const workspace = gateway.rooms.roster.get('main').workspace
  mkdirSync(workspace, { recursive: true })
  writeFileSync(join(workspace, 'report.txt'), 'all is well')
  const args = { action: 'send', channel: 'telegram', target: '501', message: 'the report', media: 'report.txt' }
  await call('chat.send', { sessionKey: 'main', message: `/tool message ${JSON.stringify(args)}`, idempotencyKey: 'run' })
  t.match(await call('agent.wait', { runId: 'run', timeoutMs: 10_000 }), { payload: { status: 'ok' } })
  t.match(telegram.calls.filter(({ method }) => method === 'sendDocument'), [{ params: { chat_id: '501', caption: 'the report' } }])
  t.equal(telegram.messages.length, 1, 'the reply itself is for whoever wrote')
})

t.test('a conversation of a chat writes to its own chat unless told, and elsewhere only where that is allowed', async t => {
  const scene = await openChannelScene(t, {
    keys: { dmPolicy: 'allowlist', allowFrom: ['501'] },
    config: { tools: { message: { crossContext: { allowWithinProvider: false } } } }
  })
  await scene.connected()
  const { telegram, call } = scene
  telegram.write({ text: 'hello' })
  t.ok(await eventually(async () => sentTexts(scene).some(text => /hello/.test(text) && telegram.messages.length > 1), Boolean), 'the row knows the chat now')
  await eventually(async () => (await call('sessions.list', { limit: 5 })).payload.sessions[0]?.lastTo, to => to === '501')
  t.match((await invoke(scene, 'message', { action: 'send', message: 'to you' })).details, { ok: true, channel: 'telegram', to: '501' })
  t.match((await invoke(scene, 'message', { action: 'send', target: '-1001', message: 'to all' })).details, { error: /Cross-context messaging denied/ })
  t.notOk(sentTexts(scene).includes('to all'))
})

t.test('the policy takes it away like any other tool', async t => {
  const scene = await openChannelScene(t, { config: { tools: { deny: ['message'] } } })
  t.match(await invoke(scene, 'message', { action: 'send', target: '501', message: 'x' }), { status: 404 })
  const closed = await openChannelScene(t, { config: { gateway: { tools: { deny: ['message'] } } } })
  t.match(await invoke(closed, 'message', { action: 'send', target: '501', message: 'x' }), { status: 404 })
})
