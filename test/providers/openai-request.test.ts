import t, { type Test } from 'tap'
import type { AssistantMessage, Message, ToolResultMessage } from '../../src/protocol/transcript.ts'
import { createOpenAiCompletions } from '../../src/providers/openai/transport.ts'
import { requestBody, requestText } from '../../src/providers/openai/request-body.ts'
import { chunkOf, startOpenAi, startRaw, streaming } from '../fixtures/providers/openai-server.ts'
import { goodKey, vectorOf } from '../fixtures/providers/vendor-server.ts'
import { ask, failureOf, modelOf, settingsOf, type Asking } from './openai-step.ts'
import { request, user } from './scene.ts'

const answer = streaming([chunkOf({ content: 'ok' }), chunkOf({}, 'stop')])
const pixel = { type: 'image', data: 'QUJD', mimeType: 'image/png' } as const
const tool = { name: 'look', description: 'Looks.', parameters: { type: 'object', properties: { pattern: { type: 'string', pattern: '^a' } } } }

const bodyOf = ({ settings, model, request: more }: Asking, baseUrl = 'http://127.0.0.1:1/v1'): any =>
  requestBody(settingsOf(baseUrl, settings), modelOf(model), request(more?.messages ?? 'hi', more))

const assistant = (content: AssistantMessage['content'], more: Partial<AssistantMessage> = {}): AssistantMessage => ({
  role: 'assistant',
  content,
  api: 'x',
  provider: 'x',
  model: 'x',
  usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 },
  stopReason: 'stop',
  timestamp: 1,
  ...more
})
const call = (id: string) => ({ type: 'toolCall', id, name: 'look', arguments: { at: id } }) as const
const result = (toolCallId: string, content: ToolResultMessage['content'], isError = false): ToolResultMessage =>
  ({ role: 'toolResult', toolCallId, toolName: 'look', content, isError, timestamp: 2 })

t.test('a conversation with tools is one that a strict server takes', async t => {
  const server = await startOpenAi()
  t.teardown(() => server.close())
  const longId = 'call_abc|fc_'.repeat(10)
  const messages: Message[] = [
    user('one'),
    result('orphan', [{ type: 'text', text: 'nobody asked' }]),
    assistant([{ type: 'thinking', thinking: 'hm' }, { type: 'text', text: 'looking' }, call('a'), call(longId), call('lost')]),
    result(longId, [{ type: 'text', text: 'second' }]),
    result('a', [{ type: 'text', text: 'went wrong' }], true),
    assistant([], { stopReason: 'aborted' }),
    user('two')
  ]
  const { result: done } = await ask(`${server.url}/v1`, { settings: { apiKey: goodKey }, request: { messages, tools: [tool] } })
  t.equal(done.stopReason, 'stop')
  const sent = server.requests[0]!.body.messages
  t.same(sent.map(({ role }: { role: string }) => role), ['system', 'user', 'assistant', 'tool', 'tool', 'tool', 'user'])
  t.same(sent.slice(3, 6).map(({ content }: { content: string }) => content), ['Error: went wrong', 'second', 'No result: the call was interrupted.'])
  t.equal(sent[2].tool_calls[1].id, sent[4].tool_call_id)
  t.equal(sent[2].content, 'looking')
})

t.test('images go as data URLs to models that see, and are named to those that do not', async t => {
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'what is it?' }, pixel], timestamp: 1 }] as Message[]
  const sees = bodyOf({ model: { input: ['text', 'image'] }, request: { messages } })
  t.same(sees.messages[1].content, [{ type: 'text', text: 'what is it?' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } }])
  t.match(bodyOf({ request: { messages } }).messages[1].content, /what is it\?\n\[An image was left out/)
  const shown = bodyOf({ model: { input: ['text', 'image'] }, request: { messages: [user('x'), assistant([call('a')]), result('a', [pixel])] } })
  t.match(shown.messages.slice(-2), [{ role: 'tool', content: /image below/ }, { role: 'user', content: [{ type: 'text' }, { type: 'image_url' }] }])
})

t.test('compat settings shape the messages', async t => {
  const messages = [user('x'), assistant([{ type: 'thinking', thinking: 'hm' }, call('a')]), result('a', [{ type: 'text', text: 'r' }])]
  const compat = {
    supportsDeveloperRole: true, requiresStringContent: true, requiresToolResultName: true, requiresReasoningContentOnAssistantMessages: true
  }
  t.match(bodyOf({ model: { compat }, request: { messages } }).messages, [
    { role: 'developer' }, { role: 'user' }, { role: 'assistant', content: '', reasoning_content: 'hm' }, { role: 'tool', name: 'look' }
  ])
  const mistral = bodyOf({ model: { provider: 'mistral' }, request: { messages } }).messages
  t.match(mistral[2].tool_calls[0].id, /^[A-Za-z0-9]{9}$/)
  t.equal(mistral[3].tool_call_id, mistral[2].tool_calls[0].id)
})

t.test('the limit of the reply has the name that the server knows, and is only sent when somebody set one', async t => {
  const none = bodyOf({})
  t.notOk('max_tokens' in none || 'max_completion_tokens' in none)
  t.match(bodyOf({ request: { maxOutputTokens: 50 } }), { max_tokens: 50 })
  t.match(bodyOf({ request: { maxOutputTokens: 50 } }, 'https://api.openai.com/v1'), { max_completion_tokens: 50 })
  t.match(bodyOf({ model: { compat: { maxTokensField: 'max_completion_tokens' }, capped: true, maxTokens: 9 } }), { max_completion_tokens: 9 })
  t.match(bodyOf({ model: { capped: true, maxTokens: 9 }, request: { maxOutputTokens: 50 } }), { max_tokens: 9 })
  t.match(bodyOf({ settings: { maxTokens: 70 } }), { max_tokens: 70 })
})

t.test('tools, the choice among them, and sampling are passed on', async t => {
  const given = { tools: [tool], temperature: 0, topP: 0.5, stop: ['END'], user: 'u1' }
  t.match(bodyOf({ request: given }), {
    tools: [{ type: 'function', function: { name: 'look', parameters: tool.parameters } }],
    tool_choice: 'auto',
    temperature: 0,
    top_p: 0.5,
    stop: ['END'],
    user: 'u1'
  })
  t.same(bodyOf({ request: { ...given, toolChoice: { name: 'look' } } }).tool_choice, { type: 'function', function: { name: 'look' } })
  t.equal(bodyOf({ request: { ...given, toolChoice: 'required' } }).tool_choice, 'required')
  t.notOk('tool_choice' in bodyOf({ request: { toolChoice: 'none' } }), 'there is nothing to choose')
  t.notOk('tools' in bodyOf({ model: { compat: { supportsTools: false } }, request: given }))
  t.notOk('temperature' in bodyOf({ model: { compat: { supportsTemperature: false } }, request: given }))
  t.notOk('stream_options' in bodyOf({ model: { compat: { supportsUsageInStreaming: false } } }))
})

t.test('keywords that a server refuses leave the schema, properties of that name stay', async t => {
  const body = bodyOf({ model: { compat: { unsupportedToolSchemaKeywords: ['pattern'] } }, request: { tools: [tool] } })
  t.same(body.tools[0].function.parameters, { type: 'object', properties: { pattern: { type: 'string' } } })
})

t.test('a reply in JSON is asked for with its schema or without', async t => {
  t.same(bodyOf({ request: { json: true } }).response_format, { type: 'json_object' })
  t.match(bodyOf({ request: { json: { schema: { type: 'object' } } } }).response_format, { type: 'json_schema', json_schema: { name: 'reply', schema: { type: 'object' } } })
})

t.test('thinking is asked for in the dialect of the server', async t => {
  const ofFormat = (thinkingFormat: string, thinking: string) => bodyOf({ model: { reasoning: true, compat: { thinkingFormat } }, request: { thinking } })
  t.equal(bodyOf({ model: { reasoning: true }, request: { thinking: 'low' } }).reasoning_effort, 'low')
  t.notOk('reasoning_effort' in bodyOf({ request: { thinking: 'low' } }), 'not from a model that cannot')
  t.notOk('reasoning_effort' in bodyOf({ model: { reasoning: true }, request: { thinking: 'off' } }))
  const mapped = { reasoningEffortMap: { off: 'none', high: 'xhigh' } }
  t.equal(bodyOf({ model: { reasoning: true, compat: mapped }, request: { thinking: 'off' } }).reasoning_effort, 'none')
  t.equal(bodyOf({ model: { reasoning: true, compat: mapped }, request: { thinking: 'high' } }).reasoning_effort, 'xhigh')
  t.match(ofFormat('qwen', 'off'), { enable_thinking: false })
  t.match(ofFormat('qwen-chat-template', 'high'), { chat_template_kwargs: { enable_thinking: true } })
  t.match(ofFormat('together', 'high'), { reasoning: { enabled: true } })
  t.match(ofFormat('deepseek', 'off'), { thinking: { type: 'disabled' } })
  t.match(bodyOf({ model: { reasoning: true }, request: { thinking: 'high' } }, 'https://openrouter.ai/api/v1'), { reasoning: { effort: 'high' } })
})

t.test('parameters of the configuration go along: those of the server as they stand, extra_body over everything', async t => {
  const params = { top_k: 5, temperature: 0.3, maxTokens: 20, cacheRetention: 'long', extra_body: { user: 'forced' } }
  const body = bodyOf({ settings: { params: { top_k: 1, min_p: 0.1 } }, model: { params }, request: { user: 'mine' } })
  t.match(body, { top_k: 5, min_p: 0.1, temperature: 0.3, max_tokens: 20, user: 'forced' })
  t.notOk('cacheRetention' in body || 'extra_body' in body || 'maxTokens' in body)
  t.equal(bodyOf({ model: { params }, request: { temperature: 1 } }).temperature, 1, 'what the request says wins over a default')
})

async function headersOf (t: Test, settings: Asking['settings']): Promise<{ [name: string]: unknown }> {
  const server = await startRaw(answer)
  t.teardown(() => server.close())
  await ask(server.url, { settings })
  return server.headers[0]!
}

t.test('the key is a bearer token, no key is no header, and the headers of the user win', async t => {
  t.equal((await headersOf(t, { apiKey: 'k1' })).authorization, 'Bearer k1')
  t.equal((await headersOf(t, {})).authorization, undefined)
  t.match(await headersOf(t, { apiKey: 'k1', headers: { authorization: 'Basic x', 'x-tenant': '7' } }), { authorization: 'Basic x', 'x-tenant': '7' })
})

t.test('a query in the address stays behind the path', async t => {
  let path
  const server = await startRaw((response, message) => {
    path = message.url
    answer(response)
  })
  t.teardown(() => server.close())
  await ask(`${server.url}/deployments/d?api-version=1`)
  t.equal(path, '/v1/deployments/d/chat/completions?api-version=1')
})

t.test('embeddings come in the order of their inputs, also as base64', async t => {
  const server = await startOpenAi()
  t.teardown(() => server.close())
  const transport = createOpenAiCompletions(settingsOf(`${server.url}/v1`, { apiKey: goodKey }))
  t.teardown(() => transport.close!())
  const { signal } = new AbortController()
  t.same(await transport.embed!('e', ['one', 'three'], signal), { vectors: [vectorOf('one'), vectorOf('three')], usage: { input: 4 } })
  const encoded = Buffer.from(new Float32Array([1, 0.5]).buffer).toString('base64')
  const raw = await startRaw(response => response.end(JSON.stringify({ data: [{ index: 1, embedding: [2] }, { index: 0, embedding: encoded }] })),
    response => response.end(JSON.stringify({ data: [] })), response => response.end('<html>'))
  t.teardown(() => raw.close())
  const odd = createOpenAiCompletions(settingsOf(raw.url))
  t.teardown(() => odd.close!())
  t.same((await odd.embed!('e', ['a', 'b'], signal)).vectors, [[1, 0.5], [2]])
  for (let time = 0; time < 2; time++) t.match(await failureOf(odd.embed!('e', ['a', 'b'], signal)), { kind: 'format', message: /did not answer with 2 embeddings/ })
})

t.test('what is sent is the same with and without what was written down before', t => {
  const tools = [tool, { ...tool, name: 'other' }, { ...tool, name: 'other', strict: true }]
  for (const model of [{}, { compat: { unsupportedToolSchemaKeywords: ['pattern'] } }, { params: { extra_body: { tools: [] } } }]) {
    for (const toolChoice of ['auto', 'required', 'auto'] as const) {
      const parts = [settingsOf('http://127.0.0.1:1/v1', {}), modelOf(model), request('hi', { tools, toolChoice })] as const
      t.same(JSON.parse(requestText(...parts)), JSON.parse(JSON.stringify(requestBody(...parts))))
    }
  }
  t.end()
})
