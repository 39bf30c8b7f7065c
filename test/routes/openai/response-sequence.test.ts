import t from 'tap'
import { createSequence } from '../../../src/routes/openai/responses/sequence.ts'
import type { Echo, ResponseEvent } from '../../../src/routes/openai/responses/shapes.ts'

const echo: Echo = {
  model: 'openclaw', instructions: null, previous_response_id: null, background: false, store: true, metadata: {}, max_output_tokens: null,
  temperature: null, top_p: null, parallel_tool_calls: true, tool_choice: 'auto', tools: [], text: { format: { type: 'text' } }, reasoning: null,
  truncation: 'disabled'
}
const usage = { input: 10, output: 5, cacheRead: 3, cacheWrite: 2, totalTokens: 20 }

function scene () {
  const events: ResponseEvent[] = []
  const sequence = createSequence({ name: 'r', createdAtMs: 1500, echo }, event => events.push(structuredClone(event)))
  return { sequence, events, types: () => events.map(({ type }) => type.replace('response.', '')) }
}

t.test('a reply has the events of OpenAI in their order, numbered without a gap', async t => {
  const { sequence, events, types } = scene()
  sequence.begin('in_progress')
  sequence.text('Hel')
  sequence.text('lo')
  const response = sequence.end({ status: 'completed', endedAtMs: 2500, usage })
  t.same(types(), [
    'created', 'in_progress', 'output_item.added', 'content_part.added', 'output_text.delta', 'output_text.delta', 'output_text.done',
    'content_part.done', 'output_item.done', 'completed'
  ])
  t.same(events.map(({ sequence_number: number }) => number), events.map((_event, index) => index))
  t.match(response, {
    id: 'resp_r',
    object: 'response',
    status: 'completed',
    created_at: 1,
    completed_at: 2,
    error: null,
    output: [{ id: 'msg_r', type: 'message', status: 'completed', phase: 'final_answer', content: [{ type: 'output_text', text: 'Hello', annotations: [] }] }],
    usage: {
      input_tokens: 15, input_tokens_details: { cached_tokens: 3, cache_write_tokens: 2 }, output_tokens: 5, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 20
    }
  })
  t.same(events.at(-1)!.response, response)
  t.match(events[2], { output_index: 0, item: { id: 'msg_r', status: 'in_progress', content: [] } })
  t.match(events[4], { item_id: 'msg_r', output_index: 0, content_index: 0, delta: 'Hel', logprobs: [] })
  t.match(events[6], { text: 'Hello' })
})

t.test('thoughts, what is said on the way, and calls are items of their own', async t => {
  const { sequence, types } = scene()
  sequence.begin('in_progress')
  sequence.thinking('hm')
  sequence.text('Let me look.')
  sequence.nextMessage()
  sequence.text('I need you.')
  sequence.call({ id: 'call_1', name: 'weather', arguments: '{"city":"Bern"}' })
  sequence.call({ id: 'call_2', name: 'weather', arguments: '{}' })
  const { output } = sequence.end({ status: 'completed', endedAtMs: 1 })
  t.match(output, [
    { id: 'rs_r', type: 'reasoning', summary: [{ type: 'summary_text', text: 'hm' }] },
    { id: 'msg_r', phase: 'commentary', content: [{ text: 'Let me look.' }] },
    { id: 'msg_r_1', phase: 'commentary', content: [{ text: 'I need you.' }] },
    { id: 'fc_r', type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Bern"}', status: 'completed' },
    { id: 'fc_r_1', call_id: 'call_2' }
  ])
  t.equal(output.length, 5)
  t.same(types().filter(type => /reasoning|arguments/.test(type)), [
    'reasoning_summary_part.added', 'reasoning_summary_text.delta', 'reasoning_summary_text.done', 'reasoning_summary_part.done',
    'function_call_arguments.delta', 'function_call_arguments.done', 'function_call_arguments.delta', 'function_call_arguments.done'
  ])
})

t.test('whoever has nothing to say answers with an empty message', async t => {
  const { sequence } = scene()
  sequence.begin('in_progress')
  const { output } = sequence.end({ status: 'completed', endedAtMs: 1 })
  t.match(output, [{ type: 'message', status: 'completed', content: [{ text: '' }] }])
})

t.test('what breaks off is incomplete and says why', async t => {
  for (const ending of [
    { status: 'failed', failure: { code: 'server_error', message: 'no' } }, { status: 'cancelled' }, { status: 'incomplete', reason: 'max_output_tokens' }
  ] as const) {
    const { sequence, events } = scene()
    sequence.begin('queued')
    sequence.working()
    sequence.working()
    sequence.text('half')
    const response = sequence.end({ ...ending, endedAtMs: 1 })
    t.match(events.slice(0, 3).map(({ type }) => type), ['response.created', 'response.queued', 'response.in_progress'])
    t.equal(events.at(-1)!.type, `response.${ending.status}`)
    t.match(response, { status: ending.status, completed_at: null, output: [{ status: 'incomplete', content: [{ text: 'half' }] }] })
    t.same(response.error, 'failure' in ending ? ending.failure : null)
    t.same(response.incomplete_details, 'reason' in ending ? { reason: ending.reason } : null)
  }
})

t.test('the response can be looked at while it goes on', async t => {
  const { sequence } = scene()
  sequence.begin('queued')
  t.match(sequence.response, { status: 'queued', output: [], usage: null })
  sequence.working()
  sequence.text('so far')
  t.match(sequence.response, { status: 'in_progress', output: [{ status: 'in_progress', content: [{ text: 'so far' }] }] })
})
