import t from 'tap'
import { makeHome, runProcess, startDaemon } from '../fixtures/daemon.ts'
import { sample } from '../tools/mcp/scene.ts'
import { eventually } from '../fixtures/eventually.ts'
import { call, config, connect } from './mcp-peer.ts'

t.test('a client talks with the agent, hears what happens, and uses tools', async t => {
  const home = await makeHome(t, config({ mcp: { servers: { docs: sample() } } }))
  await startDaemon(t, home)
  const { client } = await connect(t, home)
  t.match(client.getServerVersion(), { name: 'openclaw' })
  t.match(client.getServerCapabilities(), { experimental: { 'claude/channel': {}, 'claude/channel/permission': {} } })

  const names = (await client.listTools()).tools.map(({ name }) => name)
  const bridge = [
    'conversations_list', 'conversation_get', 'messages_read', 'attachments_fetch', 'events_poll', 'events_wait', 'messages_send', 'permissions_list_open',
    'permissions_respond'
  ]
  t.same(names.slice(0, bridge.length), bridge)
  t.ok(names.includes('session_status') && names.includes('docs__echo'))
  t.notOk(names.includes('exec'))

  const made = await call(client, 'messages_send', { session_key: 'agent:main:main', text: 'hello' })
  t.match(made, { isError: true, content: [{ text: 'conversation not found: agent:main:main' }] })
  const asked = await runProcess(['agent', '--message', 'begin', '--json'], home.env)
  t.equal(asked.code, 0, asked.err)
  t.match((await call(client, 'conversations_list')).structuredContent, { conversations: [{ sessionKey: 'agent:main:main', channel: 'internal' }] })
  t.match((await call(client, 'conversation_get', { session_key: 'main' })).structuredContent, { conversation: { sessionKey: 'agent:main:main' } })
  t.same((await call(client, 'conversations_list', { channel: 'telegram' })).structuredContent, { conversations: [] })

  // Both sides of the first turn.
  const { next_cursor: cursor } = await eventually(async () => (await call(client, 'events_poll', { limit: 200 })).structuredContent, ({ next_cursor: next }) => next >= 2)
  const waiting = call(client, 'events_wait', { after_cursor: cursor, session_key: 'agent:main:main', timeout_ms: 15_000 })
  t.match(await call(client, 'messages_send', { session_key: 'main', text: 'say it again' }), { structuredContent: { result: { runId: String } } })
  t.match((await waiting).structuredContent, { event: { type: 'message', role: 'user', text: 'say it again', sessionKey: 'agent:main:main', cursor: cursor + 1 } })
  await eventually(async () => {
    const { messages } = (await call(client, 'messages_read', { session_key: 'main', limit: 2 })).structuredContent
    return messages.at(-1).role === 'assistant' && JSON.stringify(messages.at(-1)).includes('say it again')
  })
  t.same((await call(client, 'events_wait', { after_cursor: 1_000, timeout_ms: 50 })).structuredContent, { event: null })

  t.match(await call(client, 'session_status'), { structuredContent: { sessionKey: 'agent:main:main' } })
  t.match(await call(client, 'docs__echo', { text: 'two bridges' }), { content: [{ text: 'two bridges' }] })
  await t.rejects(call(client, 'exec', { command: 'id' }), /Unknown tool: exec/)
  await t.rejects(call(client, 'events_poll', { limit: 1_000 }), /limit must be a whole number from 1 to 200/)
  await t.rejects(call(client, 'messages_read', {}), /session_key must be a string/)
  const controller = new AbortController()
  const left = client.callTool({ name: 'events_wait', arguments: { after_cursor: 5_000 } }, { signal: controller.signal })
  controller.abort()
  await t.rejects(left)
})

t.test('an approval that an agent waits for is answered by the client', async t => {
  const home = await makeHome(t, config())
  await startDaemon(t, home)
  const { client } = await connect(t, home)
  await call(client, 'conversations_list')
  const asking = runProcess(['gateway', 'call', 'exec.approval.request', '--json', '--timeout', '20000', '--params', JSON.stringify({
    command: 'rm -rf build', host: 'gateway', sessionKey: 'agent:main:main', timeoutMs: 15_000
  })], home.env)
  let approvals: any[] = []
  await eventually(async () => {
    ({ approvals } = (await call(client, 'permissions_list_open')).structuredContent)
    return approvals.length === 1
  })
  t.match(approvals, [{ kind: 'exec', request: { command: 'rm -rf build' } }])
  await call(client, 'permissions_respond', { kind: 'exec', id: approvals[0].id, decision: 'deny' })
  t.match((await asking).out, /deny/)
  await eventually(async () => (await call(client, 'permissions_list_open')).structuredContent.approvals.length, open => open === 0)
  const told = async (): Promise<string[]> => (await call(client, 'events_poll')).structuredContent.events.map(({ type }: { type: string }) => type)
  t.same(await eventually(told, types => types.length >= 2), ['exec_approval_requested', 'exec_approval_resolved'])
  t.match(await call(client, 'permissions_respond', { kind: 'exec', id: 'nothing', decision: 'deny' }), { isError: true })
  await t.rejects(call(client, 'permissions_respond', { kind: 'exec', id: 'x', decision: 'sure' }), /decision must be one of/)
})
