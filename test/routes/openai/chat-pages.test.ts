/** What well-known chat pages send, one request after the other, when somebody connects them and says something. */
import t from 'tap'
import { testToken } from '../../helper.ts'
import { startScene, type OpenAiScene } from './scene.ts'

const titleTask = `### Task:
Generate a concise, 3-5 word title with an emoji summarizing the chat history.
### Output:
JSON format: { "title": "your concise title here" }
### Chat History:
<chat_history>
USER: hi
ASSISTANT: Hello
</chat_history>`

async function idsOf ({ http }: OpenAiScene, headers: { [name: string]: string }): Promise<string[]> {
  const response = await fetch(`${http}/v1/models`, { headers: { authorization: `Bearer ${testToken}`, ...headers } })
  const { data } = await response.json() as { data: Array<{ id: string }> }
  return data.map(({ id }) => id)
}

interface Chunk { choices: Array<{ delta: { content?: string }, finish_reason: string | null }>, usage?: object }

async function chunksOf (response: Response): Promise<Chunk[]> {
  const frames = (await response.text()).split('\n\n').filter(Boolean).map(frame => frame.replace(/^data: /, ''))
  t.equal(frames.pop(), '[DONE]')
  return frames.map(frame => JSON.parse(frame))
}

const wordsOf = (chunks: readonly Chunk[]): string => chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')

t.test('Open WebUI: models, a chat, then title, tags and follow-ups in the background', async t => {
  const scene = await startScene(t)
  const headers = {
    'X-OpenWebUI-User-Name': 'Ada', 'X-OpenWebUI-User-Id': '1', 'X-OpenWebUI-User-Email': 'ada@example.com', 'X-OpenWebUI-User-Role': 'admin'
  }
  const [model] = await idsOf(scene, headers)
  const chat = await scene.post('/v1/chat/completions', {
    stream: true,
    model,
    messages: [{ role: 'system', content: 'Be kind.' }, { role: 'user', content: 'hi' }],
    params: {},
    stream_options: { include_usage: true }
  }, headers)
  const chunks = await chunksOf(chat)
  t.equal(wordsOf(chunks), 'Hello')
  t.ok(chunks.at(-1)!.usage)
  for (const task of ['title', 'tags', 'follow-ups']) {
    const answer = await scene.post('/v1/chat/completions', {
      model, messages: [{ role: 'user', content: titleTask }], stream: false, max_completion_tokens: 1000
    }, headers)
    t.match(await answer.json(), { choices: [{ message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }] }, task)
  }
  await scene.gateway.rooms.sessions.ready
  t.equal(scene.gateway.rooms.sessions.count(), 0, 'and nothing of it is left')
})

t.test('LobeChat: the check of a connection, a chat, and the name of the topic', async t => {
  const scene = await startScene(t)
  const headers = { 'x-stainless-lang': 'js', 'x-stainless-retry-count': '0', accept: 'application/json' }
  const ids = await idsOf(scene, headers)
  t.ok(ids.includes('openclaw/main'))
  const common = { model: 'openclaw/main', stream: true, stream_options: { include_usage: true } }
  const check = await scene.post('/v1/chat/completions', { ...common, messages: [{ content: 'hello', role: 'user' }], temperature: 0 }, headers)
  t.equal(wordsOf(await chunksOf(check)), 'Hello')
  const chat = await scene.post('/v1/chat/completions', {
    ...common,
    messages: [
      { role: 'system', content: '' }, { role: 'user', content: [{ type: 'text', text: 'hi' }] }, { role: 'assistant', content: 'Hello' },
      { role: 'user', content: [{ type: 'text', text: 'and now?' }] }
    ],
    frequency_penalty: 0,
    presence_penalty: 0,
    temperature: 1,
    top_p: 1
  }, headers)
  t.equal(wordsOf(await chunksOf(chat)), 'Hello')
  t.same(scene.vendor.requests.at(-1)!.body.messages.slice(1).map(({ content }: { content: string }) => content), ['hi', 'Hello', 'and now?'])
  const topic = await scene.post('/v1/chat/completions', {
    ...common, messages: [{ role: 'system', content: 'You name topics.' }, { role: 'user', content: 'user: hi\nassistant: Hello' }]
  }, headers)
  t.equal((await chunksOf(topic)).at(-2)!.choices[0]!.finish_reason, 'stop')
})

t.test('LibreChat: it sends the id of its user along, so its chats are one session of that user', async t => {
  const scene = await startScene(t)
  t.ok((await idsOf(scene, { accept: 'application/json' })).includes('openclaw'))
  const common = { model: 'openclaw', temperature: 1, top_p: 1, presence_penalty: 0, frequency_penalty: 0, user: '65f0c0ffee65f0c0ffee65f0' }
  const first = [{ role: 'system', content: 'You are LibreChat.' }, { role: 'user', content: 'hi how are you' }]
  t.equal(wordsOf(await chunksOf(await scene.post('/v1/chat/completions', { ...common, stream: true, messages: first }))), 'Hello')
  const title = await scene.post('/v1/chat/completions', {
    ...common, stream: false, max_tokens: 75, messages: [{ role: 'system', content: 'Write a concise title for this conversation.' }, { role: 'user', content: 'hi how are you' }]
  })
  t.match(await title.json(), { choices: [{ message: { content: 'Hello' } }] })
  const second = await scene.post('/v1/chat/completions', {
    ...common, stream: true, messages: [...first, { role: 'assistant', content: 'Hello' }, { role: 'user', content: 'and now?' }]
  })
  t.equal(wordsOf(await chunksOf(second)), 'Hello')
  t.match(scene.gateway.rooms.sessions.get('agent:main:openai-user:65f0c0ffee65f0c0ffee65f0'), { messageCount: 6 })
})
