/** Chats of services by reference: found again, written to, and waited for. */
import t from 'tap'
import { contractProblem } from '../contract.ts'
import { group } from '../fixtures/channels/telegram-people.ts'
import { eventually } from '../process/daemon.ts'
import { openChannelScene, type ChannelScene } from './channel-scene.ts'

async function opened (t: Parameters<typeof openChannelScene>[0]): Promise<{ scene: ChannelScene, list: any[] }> {
  const scene = await openChannelScene(t, {
    keys: { dmPolicy: 'allowlist', allowFrom: ['501'], groupPolicy: 'open', groups: { '*': { requireMention: false } } }
  })
  await scene.connected()
  scene.telegram.write({ text: 'hello' })
  scene.telegram.write({ chat: group, text: 'hello all' })
  const list = await eventually(async () => (await scene.call('conversations.list', { agentId: 'main' })).payload.conversations, found => found.length === 2)
  // Their replies are out of the way.
  await eventually(async () => scene.telegram.messages.length, count => count === 4)
  return { scene, list }
}

t.test('chats in which an agent was spoken to have a reference that stays', async t => {
  const { scene: { call }, list } = await opened(t)
  const { payload } = await call('conversations.list', { agentId: 'main' })
  t.equal(contractProblem('ConversationListResult', payload), undefined)
  t.match(list.toSorted((a, b) => b.target - a.target), [
    { conversationRef: /^conv_[a-f0-9]{32}$/, channel: 'telegram', accountId: 'default', kind: 'direct', target: '501' },
    { kind: 'group', target: '-1001', label: 'Crew' }
  ])
  t.same((await call('conversations.list', { agentId: 'main', query: 'crew' })).payload.conversations.length, 1)
  t.same((await call('conversations.list', { agentId: 'main', channel: 'slack' })).payload.conversations, [])
  t.same((await call('conversations.list', { agentId: 'other' })).payload.conversations, [])
})

t.test('a program writes there once for each operation, and waits for a reply as long as it says', async t => {
  const { scene: { call, telegram }, list } = await opened(t)
  const { conversationRef } = list.find(({ kind }) => kind === 'direct')
  const order = { agentId: 'main', operationId: 'one', conversationRef, message: 'news' }
  const sent = await call('conversations.send', order)
  t.equal(contractProblem('ConversationSendResult', sent.payload), undefined)
  t.match(sent.payload, { status: 'sent', channel: 'telegram', messageId: String })
  t.same((await call('conversations.send', order)).payload, sent.payload)
  t.equal(telegram.messages.filter(({ text }: any) => text === 'news').length, 1)
  const turn = call('conversations.turn', { agentId: 'main', turnId: 't1', conversationRef, message: 'and you?', timeoutMs: 60_000 })
  await eventually(async () => telegram.messages.some(({ text }: any) => text === 'and you?'), Boolean)
  telegram.write({ text: 'fine' })
  const { payload } = await turn
  t.equal(contractProblem('ConversationTurnResult', payload), undefined)
  t.match(payload, { status: 'replied', reply: { text: 'fine', conversationRef } })
  const silent = await call('conversations.turn', { agentId: 'main', turnId: 't2', conversationRef, message: 'anybody?', timeoutMs: 50 })
  t.equal(contractProblem('ConversationTurnResult', silent.payload), undefined)
  t.match(silent.payload, { status: 'timeout', correlationPersisted: false })
  const long = call('conversations.turn', { agentId: 'main', turnId: 't3', conversationRef, message: 'well?', timeoutMs: 60_000 })
  await eventually(async () => telegram.messages.some(({ text }: any) => text === 'well?'), Boolean)
  t.same((await call('conversations.turn.cancel', { agentId: 'main', turnId: 't3' })).payload, { cancelled: true })
  t.match((await long).payload, { status: 'timeout' })
  t.same((await call('conversations.turn.cancel', { agentId: 'main', turnId: 't3' })).payload, { cancelled: false })
  t.match((await call('conversations.send', { ...order, operationId: 'two', conversationRef: `conv_${'0'.repeat(32)}` })).error, { details: { code: 'NOT_FOUND' } })
})

t.test('among many only a reply to what was said is the reply', async t => {
  const { scene: { call, telegram }, list } = await opened(t)
  const { conversationRef } = list.find(({ kind }) => kind === 'group')
  const turn = call('conversations.turn', { agentId: 'main', turnId: 'g', conversationRef, message: 'who is in?', timeoutMs: 60_000 })
  const asked: any = await eventually(async () => telegram.messages.find(({ text }: any) => text === 'who is in?'), Boolean)
  telegram.write({ chat: group, text: 'by the way' })
  telegram.write({ chat: group, text: 'me', reply_to_message: asked })
  t.match((await turn).payload, { status: 'replied', reply: { text: 'me', replyToId: String(asked.message_id) } })
})

t.test('there is no web login, and that is said', async t => {
  const { call } = await openChannelScene(t, { config: { channels: {} } })
  t.match((await call('web.login.start')).error, { message: 'web login provider is not available' })
  t.same((await call('conversations.list', { agentId: 'main' })).payload, { conversations: [] })
})
