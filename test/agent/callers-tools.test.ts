/** Functions that a caller carries out itself, conversations that it keeps itself, and what becomes of both. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { Message } from '../../src/protocol/transcript.ts'
import type { StepRequest } from '../../src/providers/model.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { createScene, key, simpleTool } from './scene.ts'

const weather = { name: 'get_weather', description: 'The weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }

const ownTool = (name: string, ran: string[] = []): Tool => simpleTool(name, async () => {
  ran.push(name)
  return { content: [{ type: 'text', text: `${name} of the gateway` }] }
})

const said = (text: string): Message => ({ role: 'user', content: text, timestamp: 1 })
const answered = (text: string): Message => ({
  role: 'assistant',
  content: [{ type: 'text', text }],
  api: 'none',
  provider: 'caller',
  model: 'caller',
  usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 },
  stopReason: 'stop',
  timestamp: 1
})

t.test('a call to a function of the caller ends the run, and its result goes on with it', async t => {
  const scene = await createScene(t)
  const first = await (await scene.start('/tool get_weather {"city":"Oslo"}', { clientTools: [weather], ownTurn: true })).result
  t.match(first, { outcome: 'ok', stopReason: 'toolUse', calls: [{ name: 'get_weather', arguments: { city: 'Oslo' } }] })
  const [call] = first.calls!
  const second = await (await scene.start('', {
    clientTools: [weather],
    ownTurn: true,
    toolResults: [{ role: 'toolResult', toolCallId: call!.id, toolName: 'get_weather', content: [{ type: 'text', text: 'rain' }], isError: false, timestamp: 1 }]
  })).result
  t.match(second, { outcome: 'ok', stopReason: 'stop', calls: undefined, text: /get_weather answered: rain/ })
  t.same((await scene.story()).map(line => line.split(':', 1)[0]), ['user', 'assistant', 'toolResult', 'assistant'])
})

t.test('tools of the gateway that are called beside it are carried out first', async t => {
  const ran: string[] = []
  const scene = await createScene(t, { tools: [ownTool('look', ran)] })
  const result = await (await scene.start('/tool look {}\n/tool get_weather {}', { clientTools: [weather], ownTurn: true })).result
  t.same(ran, ['look'])
  t.match(result, { outcome: 'ok', calls: [{ name: 'get_weather' }] })
  t.equal(result.calls!.length, 1)
  t.same((await scene.story()).map(line => line.split(':', 1)[0]), ['user', 'assistant', 'toolResult'])
})

t.test('a function of the caller hides the tool of the gateway that has its name', async t => {
  const ran: string[] = []
  const scene = await createScene(t, { tools: [ownTool('get_weather', ran)] })
  const { calls } = await (await scene.start('/tool get_weather {}', { clientTools: [weather], ownTurn: true })).result
  t.same([ran, calls?.map(({ name }) => name)], [[], ['get_weather']])
})

t.test('a caller that demands a call demands one of its own', async t => {
  const asked: StepRequest[] = []
  const usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 }
  const scene = await createScene(t, {
    tools: [ownTool('look')],
    models: {
      async step ({ model }, request) {
        asked.push(request)
        return { content: [{ type: 'text', text: 'ok' }], stopReason: 'stop', usage, model, attempts: [] }
      }
    }
  })
  await (await scene.start('/tool get_weather {}', { clientTools: [weather], toolChoice: 'required', ownTurn: true })).result
  await (await scene.start('hello', { clientTools: [weather], ownTurn: true, sampling: { topP: 0.5, seed: 7 } })).result
  t.same(asked.map(({ tools, toolChoice }) => [tools.map(({ name }) => name), toolChoice]), [[['get_weather'], 'required'], [['look', 'get_weather'], undefined]])
  t.match(asked[1], { topP: 0.5, seed: 7 })
})

t.test('a session takes over the history of the request that begins it, and of no other', async t => {
  const scene = await createScene(t)
  const history = [said('one'), answered('two')]
  await (await scene.start('three', { history, ownTurn: true })).result
  await (await scene.start('four', { history, ownTurn: true })).result
  t.same((await scene.story()).map(line => line.replace(/Echo.*: /, '')), ['user: one', 'assistant: two', 'user: three', 'assistant: three', 'user: four', 'assistant: four'])
})

t.test('a fleeting conversation is heard by who follows it and kept by nobody', async t => {
  const scene = await createScene(t)
  const own = `agent:main:openai:${randomUUID()}`
  const heard: string[] = []
  const handle = await scene.start('hello', { sessionKey: own, fleeting: 'once', history: [said('before'), answered('that')], ownTurn: true })
  scene.runs.follow(handle.runId, ({ stream, data }) => { if (stream === 'assistant') heard.push(String(data.delta)) })
  const result = await handle.result
  t.match(result, { outcome: 'ok', text: /hello/ })
  t.equal(heard.join(''), result.text)
  await scene.sessions.ready
  t.same([scene.sessions.get(own), scene.sessions.count(), scene.told.length], [undefined, 0, 0])
  t.equal(await scene.store.runs.get(handle.runId), undefined)
  t.equal(scene.sessions.get(key), undefined)
})

t.test('its answer is there for whoever asks with the same key again, when the caller said so', async t => {
  const scene = await createScene(t)
  const more = { sessionKey: 'agent:main:openai:again', fleeting: 'repeatable', idempotencyKey: 'again', ownTurn: true } as const
  const first = await scene.start('hello', more)
  const [a, b] = await Promise.all([first.result, (await scene.start('hello', more)).result])
  const third = await scene.start('hello', more)
  t.equal(third.status, 'done')
  t.same([b.text, (await third.result).text], [a.text, a.text])
})
