import t, { type Test } from 'tap'
import type { ToolCallPart } from '../../src/protocol/transcript.ts'
import { chunkOf, startOpenAi, startRaw, streaming } from '../fixtures/providers/openai-server.ts'
import { goodKey } from '../fixtures/providers/vendor-server.ts'
import { ask, failureOf } from './openai-step.ts'

interface Piece { readonly index?: number, readonly id?: string, readonly name?: string, readonly arguments?: unknown }

const calling = (...pieces: Piece[]): object => chunkOf({
  tool_calls: pieces.map(({ index, id, name, arguments: given }) => ({
    ...(index === undefined ? {} : { index }), ...(id === undefined ? {} : { id }), type: 'function', function: { ...(name ? { name } : {}), arguments: given }
  }))
})

async function callsOf (t: Test, chunks: readonly object[], finish: string | null = 'tool_calls'): Promise<readonly ToolCallPart[]> {
  const server = await startRaw(streaming([...chunks, ...(finish ? [chunkOf({}, finish)] : [])]))
  t.teardown(() => server.close())
  const { heard, result } = await ask(server.url)
  const calls = result.content.filter(part => part.type === 'toolCall')
  t.same(heard.events.filter(({ type }) => type === 'tool-call'), calls.map(call => ({ type: 'tool-call', call })), 'what is told is in the result')
  if (calls.length > 0) t.equal(result.stopReason, 'toolUse')
  return calls
}

t.test('parallel calls arrive in pieces and are put together by their number', async t => {
  const server = await startOpenAi()
  t.teardown(() => server.close())
  server.script = {
    text: ['Let me look.'],
    calls: [{ id: 'call_1', name: 'weather', arguments: { city: 'Ulm' } }, { id: 'call_2', name: 'weather', arguments: { city: 'Köln', days: [1, 2] } }]
  }
  const { result } = await ask(`${server.url}/v1`, { settings: { apiKey: goodKey } })
  t.same(result.content, [
    { type: 'text', text: 'Let me look.' },
    { type: 'toolCall', id: 'call_1', name: 'weather', arguments: { city: 'Ulm' } },
    { type: 'toolCall', id: 'call_2', name: 'weather', arguments: { city: 'Köln', days: [1, 2] } }
  ])
})

t.test('pieces of several calls may alternate', async t => {
  const calls = await callsOf(t, [
    calling({ index: 0, id: 'a', name: 'one', arguments: '' }, { index: 1, id: 'b', name: 'two', arguments: '{"x"' }),
    calling({ index: 0, arguments: '{"y":' }), calling({ index: 1, arguments: ':1}' }), calling({ index: 0, arguments: '2}' })
  ])
  t.same(calls.map(({ id, name, arguments: given }) => [id, name, given]), [['a', 'one', { y: 2 }], ['b', 'two', { x: 1 }]])
})

t.test('missing numbers, missing ids and repeated numbers still make separate calls', async t => {
  const unnumbered = await callsOf(t, [calling({ id: 'a', name: 'one', arguments: '{"x":' }), calling({ arguments: '1}' }), calling({ id: 'b', name: 'two', arguments: '{}' })])
  t.match(unnumbered, [{ id: 'a', arguments: { x: 1 } }, { id: 'b', name: 'two' }])
  const nameless = await callsOf(t, [calling({ name: 'one', arguments: '{}' }), calling({ name: 'one', arguments: '{}' })])
  t.equal(nameless.length, 2)
  t.match(nameless[0]!.id, /^call_/)
  t.not(nameless[0]!.id, nameless[1]!.id)
  const sameNumber = await callsOf(t, [calling({ index: 0, id: 'a', name: 'one', arguments: '{}' }), calling({ index: 0, id: 'b', name: 'two', arguments: '{"x":1}' })])
  t.match(sameNumber, [{ id: 'a', arguments: {} }, { id: 'b', arguments: { x: 1 } }])
  const repeatedId = await callsOf(t, [calling({ index: 0, id: 'a', name: 'one', arguments: '{"x"' }), calling({ index: 0, id: 'a', name: 'one', arguments: ':1}' })])
  t.match(repeatedId, [{ id: 'a', name: 'one', arguments: { x: 1 } }])
  t.equal(repeatedId.length, 1)
})

t.test('arguments may be an object, nothing, null, or JSON written twice', async t => {
  const [object, nothing, empty, nil, twice] = await callsOf(t, [
    calling({ index: 0, id: 'a', name: 'f', arguments: { x: 1 } }, { index: 1, id: 'b', name: 'f' }, { index: 2, id: 'c', name: 'f', arguments: '' },
      { index: 3, id: 'd', name: 'f', arguments: 'null' }, { index: 4, id: 'e', name: 'f', arguments: '"{\\"x\\":2}"' })
  ])
  t.same([object, nothing, empty, nil, twice].map(call => call?.arguments), [{ x: 1 }, {}, {}, {}, { x: 2 }])
})

t.test('calls count as calls whatever the server gives as the reason to stop', async t => {
  for (const reason of ['stop', 'function_call', null]) {
    t.equal((await callsOf(t, [calling({ index: 0, id: 'a', name: 'f', arguments: '{}' })], reason)).length, 1)
  }
})

t.test('the older form with one function call is understood', async t => {
  const calls = await callsOf(t, [chunkOf({ function_call: { name: 'f', arguments: '{"x"' } }), chunkOf({ function_call: { arguments: ':1}' } })])
  t.match(calls, [{ name: 'f', arguments: { x: 1 } }])
})

t.test('a call that the limit cut in two is not made', async t => {
  t.same(await callsOf(t, [calling({ index: 0, id: 'a', name: 'f', arguments: '{"path": "/et' })], 'length'), [])
})

t.test('arguments that are no JSON object fail the step, which may be tried again', async t => {
  for (const given of ['{oops', '[1]', '7']) {
    const server = await startRaw(streaming([calling({ index: 0, id: 'a', name: 'danger', arguments: given }), chunkOf({}, 'tool_calls')]))
    t.teardown(() => server.close())
    t.match(await failureOf(ask(server.url)), { kind: 'server_error', partial: false, message: /called danger with arguments that are no JSON object/ })
  }
})

t.test('a flood of calls ends the step', async t => {
  const server = await startRaw(streaming(Array.from({ length: 200 }, (_, index) => calling({ index, id: `c${index}`, name: 'f', arguments: '{}' }))))
  t.teardown(() => server.close())
  t.match(await failureOf(ask(server.url)), { message: /more than 128 tool calls/ })
})
