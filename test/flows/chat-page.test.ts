import { randomUUID } from 'node:crypto'
import t from 'tap'
import { contractProblem } from '../contract.ts'
import { admitted, closeClient, type Frame } from '../helper.ts'
import { key, open } from './history-scene.ts'

t.test('one call opens a chat page: the conversation, the models and the commands', async t => {
  const { ask, say, client } = await open(t)
  await say('hello')
  const startup = await ask('chat.startup', { limit: 80, maxBytes: 262_144 })
  t.equal(startup.messages.length, 2)
  const metadata = await ask('chat.metadata')
  t.same(startup.metadata, metadata)
  t.match(metadata.models, [{ provider: 'echo', id: 'echo' }])
  t.equal(contractProblem('ModelsListResult', { models: metadata.models }), undefined)
  t.equal(contractProblem('CommandsListResult', { commands: metadata.commands }), undefined)
  const delta = await ask('chat.startup', { cursor: startup.deltaCursor })
  t.equal(contractProblem('ChatHistoryCursorResult', delta), undefined)
  t.same(delta.metadata, metadata)
  t.same(await ask('chat.toolTitles', { items: [{ id: '1', name: 'x', input: '{}' }] }), { titles: {}, disabled: true })
  t.match(await client.request('chat.metadata', { sessionKey: 'agent:nobody:main' }), { ok: false })
})

t.test('every command that is offered is carried out, and no other is offered', async t => {
  const { ask, say, client } = await open(t)
  const { payload } = await client.request('commands.list', {})
  t.equal(contractProblem('CommandsListResult', payload), undefined)
  t.same(payload.commands.map(({ textAliases }: Frame) => textAliases[0]), ['/stop', '/new', '/reset'])
  await say('hello')
  for (const { textAliases: [word] } of payload.commands) {
    const answer = await ask('chat.send', { message: word, idempotencyKey: randomUUID() })
    t.match(answer, word === '/stop' ? { ok: true, aborted: false } : { status: 'ok', reset: true }, word)
  }
  t.match((await client.request('commands.list', { includeArgs: false })).payload.commands.filter((command: Frame) => 'args' in command), [])
  t.same((await client.request('commands.list', { scope: 'native' })).payload, { commands: [] })
})

t.test('a note goes into the conversation as if the agent had said it, without a run', async t => {
  const { ask, say, client, url } = await open(t)
  const unknown = await client.request('chat.inject', { sessionKey: key, message: 'x' })
  t.match(unknown.error, { details: { code: 'SESSION_UNKNOWN' } })
  await say('hello')
  const { client: writer } = await admitted(url, { scopes: ['operator.read', 'operator.write'] })
  t.match((await writer.request('chat.inject', { sessionKey: key, message: 'x' })).error, { details: { code: 'MISSING_SCOPE', missingScope: 'operator.admin' } })
  const { ok, messageId } = await ask('chat.inject', { message: 'injected', label: 'note' })
  t.ok(ok)
  const { payload } = await writer.frame(({ event, payload }) => event === 'chat' && payload.runId === `inject-${messageId}`)
  t.equal(contractProblem('ChatEvent', payload), undefined)
  t.match(payload, {
    sessionKey: key,
    agentId: 'main',
    seq: 0,
    state: 'final',
    message: { role: 'assistant', content: [{ type: 'text', text: '[note]\n\ninjected' }], provider: 'openclaw', model: 'gateway-injected', stopReason: 'stop' }
  })
  const { messages } = await ask('chat.history', { limit: 1 })
  t.match(messages, [{ content: [{ text: '[note]\n\ninjected' }], __openclaw: { id: messageId } }])
  t.match((await client.request('chat.inject', { sessionKey: key, message: 'x', label: 'l'.repeat(101) })).error, { message: /at \/label/ })
  await closeClient(writer)
})
