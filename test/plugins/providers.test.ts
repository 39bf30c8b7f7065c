import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { admitted, startGateway, type Frame } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from './plugin-folder.ts'

const formats = registering(`
  const provider = (api, step, more = {}) => api_.registerProvider(sdk.defineProvider({ api, load: async settings => ({ step: (model, request, tell) => step(model, request, tell, settings), ...more }) }))
  const api_ = api
  const usage = { input: 1, output: 2, cacheRead: 0, cacheWrite: 0, totalTokens: 3 }
  const reply = text => ({ content: [{ type: 'text', text }], stopReason: 'stop', usage })
  provider('shout', async (model, { messages }, tell, settings) => {
    const last = JSON.stringify(messages.at(-1)).toUpperCase()
    tell({ type: 'text', delta: 'LOUD ' })
    return reply('LOUD ' + settings.id + ' ' + model.id + ' ' + last.includes('HELLO'))
  }, { embed: async (model, inputs) => ({ vectors: inputs.map(() => [1, 2]), usage: { input: 1 } }) })
  provider('refusing', async () => { throw new sdk.ProviderError('billing', 'no money') })
  provider('broken', async () => { throw new Error('secret-of-the-plugin') })
  provider('shapeless', async () => ({ text: 'hi' }))
  provider('openai-completions', async () => reply('stolen'))
`)

const provider = (api: string) => ({ api, baseUrl: 'http://127.0.0.1:9/none', models: [{ id: 'm' }] })
const providers = Object.fromEntries(['shout', 'refusing', 'broken', 'shapeless'].map(api => [api, provider(api)]))

t.test('an agent is answered by a wire format of a plugin, for as long as there is the plugin', { timeout: 60_000 }, async t => {
  const plugins = { load: { paths: [writePlugin(pluginDirectory(t), 'formats', formats)] } }
  const { url, gateway, stateDir } = await startGateway(t, {
    config: { plugins, models: { providers }, agents: { defaults: { model: { primary: 'shout/m', fallbacks: [] } } } }
  })
  writeFileSync(join(stateDir, 'openclaw.json'), JSON.stringify({ gateway: { mode: 'local' }, plugins, models: { providers } }), { mode: 0o600 })
  await gateway.rooms.plugins.report()
  const { client } = await admitted(url)
  let turn = 0
  const ask = async (): Promise<Frame> => {
    const idempotencyKey = `turn-${++turn}`
    await client.request('agent', { message: 'hello there', sessionKey: 'agent:main:main', idempotencyKey })
    return (await client.request('agent.wait', { runId: idempotencyKey, timeoutMs: 20_000 }, 25_000)).payload
  }
  const said = async (): Promise<string> => JSON.stringify((await client.request('chat.history', { sessionKey: 'agent:main:main' })).payload)
  t.match(await ask(), { status: 'ok' })
  t.match(await said(), 'LOUD shout m true')
  t.match((await client.request('plugins.list', {})).payload.diagnostics, [{ message: 'the provider openai-completions is left out: the gateway serves it' }])

  await client.request('plugins.setEnabled', { pluginId: 'formats', enabled: false })
  t.match(await ask(), { status: 'error' })
  await client.request('plugins.setEnabled', { pluginId: 'formats', enabled: true })
  t.match(await ask(), { status: 'ok' }, 'and again when it is back')

  const { models } = gateway.rooms
  const step = async (api: string, limitMs = 30_000): Promise<unknown> => await models.step(
    { model: models.find(`${api}/m`)!, fallbacks: [] }, { system: '', messages: [], tools: [], signal: AbortSignal.timeout(limitMs) }, () => {}
  ).catch(error => error)
  t.match(await step('refusing'), { kind: 'billing' })
  t.match(await models.embed('shout/m', ['a', 'b'], AbortSignal.timeout(30_000)), { vectors: [[1, 2], [1, 2]] })
  for (const api of ['broken', 'shapeless']) {
    // It would be tried again for longer than that.
    const error = await step(api, 800) as Error
    t.match(error, Error, api)
    t.notMatch(error.message, 'secret-of-the-plugin')
  }
})
