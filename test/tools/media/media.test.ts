/** image and tts with a real workspace, and services of this machine that speak their wire formats. */
import { mkdirSync, readFileSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createImages } from '../../../src/agent/images.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { resolvePaths } from '../../../src/config/paths.ts'
import { createOutbound } from '../../../src/lib/outbound/outbound.ts'
import { createModels } from '../../../src/providers/models.ts'
import { image } from '../../../src/tools/builtin/image.ts'
import { tts } from '../../../src/tools/builtin/tts.ts'
import { createFiles } from '../../../src/tools/files/files.ts'
import type { Tool } from '../../../src/tools/tool.ts'
import { startWebServer, type WebServer } from '../../fixtures/web-server.ts'
import { toolContext } from '../web/web-scene.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'

const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

interface Answer {
  readonly text: string
  readonly details: { readonly [field: string]: any }
  readonly isError: boolean
}

interface Scene {
  readonly workspace: string
  look (args: object): Promise<Answer>
  speak (args: object, signal?: AbortSignal): Promise<Answer>
}

async function createScene (t: Test, source: object, variables: { [name: string]: string } = {}): Promise<Scene> {
  const base = realpathSync(ownDirectory(t))
  const workspace = join(base, 'state', 'workspace')
  mkdirSync(workspace, { recursive: true })
  const env = { OPENCLAW_STATE_DIR: join(base, 'state'), OPENCLAW_HOME: base, ...variables }
  const paths = resolvePaths({ env })
  const loaded = await loadConfig({ paths, env, text: JSON.stringify({ gateway: { mode: 'local' }, ...source }) })
  t.same(loaded.issues, [], 'the configuration of the test is one')
  const log = pino({ level: 'silent' })
  const models = createModels({ config: () => loaded, now: Date.now, log })
  const images = createImages({ maxPx: () => 1200, log })
  t.teardown(async () => {
    await models.close()
    await images.close()
  })
  const files = createFiles({ config: () => loaded, paths, workspaceOf: () => workspace, plan: async () => undefined })
  const outbound = createOutbound({ resolve: async () => ['127.0.0.1'] })
  const media = { config: () => loaded, models, files, outbound, now: () => 1_767_323_045_000, prepare: images.prepare }
  const call = (tool: Tool) => async (args: object, signal?: AbortSignal): Promise<Answer> => {
    const { content, details, isError = false } = await tool.run(args as { [name: string]: unknown }, toolContext(signal))
    return { text: (content[0] as { text: string }).text, details: details as Answer['details'], isError }
  }
  return { workspace, look: call(image({ media })), speak: call(tts({ media })) }
}

/** A model that answers in one piece of a stream. */
const startModel = async (t: Test): Promise<WebServer> => await startWebServer(t, (_asked, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const chunk = { id: 'c', object: 'chat.completion.chunk', created: 0, model: 'seeing' }
  response.write(`data: ${JSON.stringify({ ...chunk, choices: [{ index: 0, delta: { role: 'assistant', content: 'A red point.' }, finish_reason: null }] })}\n\n`)
  response.write(`data: ${JSON.stringify({ ...chunk, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\n`)
  response.end('data: [DONE]\n\n')
})

const withModels = (url: string, more: object = {}, web: object = {}): object => ({
  models: {
    providers: {
      own: { baseUrl: `${url}/v1`, api: 'openai-completions', models: [{ id: 'seeing', input: ['text', 'image'] }, { id: 'blind', input: ['text'] }] }
    }
  },
  agents: { defaults: { model: 'own/blind', ...more } },
  tools: { web: { fetch: web } }
})

t.test('a picture of the workspace is shown to the model for pictures with the question', async t => {
  const model = await startModel(t)
  const { workspace, look } = await createScene(t, withModels(model.url, { imageModel: 'own/seeing' }))
  writeFileSync(join(workspace, 'a.png'), png)
  const { text, details, isError } = await look({ image: 'a.png', prompt: 'What colour?' })
  t.match({ text, isError, details }, { text: 'A red point.', isError: false, details: { image: 'a.png', mimeType: 'image/png', model: 'own/seeing' } })
  const { model: asked, messages } = JSON.parse(model.asked[0]!.body)
  t.equal(asked, 'seeing')
  t.match(messages.at(-1), { role: 'user', content: [{ type: 'text', text: 'What colour?' }, { type: 'image_url', image_url: { url: /^data:image\/png;base64,iVBOR/ } }] })
})

t.test('a picture of the web comes through the guard, and what is said about it is marked', async t => {
  const model = await startModel(t)
  const site = await startWebServer(t, (_asked, response) => { response.end(png) })
  const { look } = await createScene(t, withModels(model.url, { imageModel: { primary: 'own/seeing' } }, { ssrfPolicy: { allowedHostnames: ['site.test'] } }))
  t.match((await look({ image: `http://site.test:${site.port}/a.png` })).text, /^SECURITY NOTICE[^]*\nA red point\.\n/)
  t.match((await look({ image: `${site.url}/a.png` })).details, { status: 'error', error: /leads to this machine/ })
  t.match((await look({ image: 'file:///etc/passwd' })).details.error, /Only http and https/)
  t.equal(site.asked.length, 1)
})

t.test('nothing outside the workspace and nothing but pictures is shown to a model', async t => {
  const model = await startModel(t)
  const { workspace, look } = await createScene(t, withModels(model.url, { imageModel: 'own/seeing' }))
  writeFileSync(join(workspace, '..', '..', 'secret.png'), png)
  symlinkSync('../../secret.png', join(workspace, 'link.png'))
  writeFileSync(join(workspace, 'fake.png'), 'no picture')
  for (const path of ['../../secret.png', 'link.png', join(workspace, '..', '..', 'secret.png'), 'missing.png', 'none/missing.png', 'fake.png', '.']) {
    t.match(await look({ image: path }), { isError: true, details: { status: 'error', tool: 'image' } }, path)
  }
  t.same(model.asked, [])
})

t.test('a model that cannot see is never asked, and the error says what to set', async t => {
  const model = await startModel(t)
  const blind = await createScene(t, withModels(model.url))
  writeFileSync(join(blind.workspace, 'a.png'), png)
  t.match((await blind.look({ image: 'a.png' })).details.error, /own\/blind cannot look at pictures\. Set agents\.defaults\.imageModel/)
  t.match((await blind.look({ image: 'a.png', model: 'own/blind' })).details.error, /cannot look at pictures/)
  t.match((await blind.look({ image: 'a.png', model: 'nobody/x' })).details.error, /no model "nobody\/x"/)
  t.same(model.asked, [])
  t.match(await blind.look({ image: 'a.png', model: 'own/seeing' }), { isError: false, text: 'A red point.' })
})

t.test('speech is asked for as OpenAI has it and saved for its owner alone', async t => {
  const sound = Buffer.from('ID3 not really a sound')
  const server = await startWebServer(t, (_asked, response) => { response.writeHead(200, { 'content-type': 'audio/mpeg' }).end(sound) })
  const { workspace, speak } = await createScene(t, {
    tts: { provider: 'openai', providers: { openai: { apiKey: { source: 'env', id: 'MY_KEY' }, baseUrl: `${server.url}/v1/`, speakerVoice: 'alloy', instructions: 'slowly', extraBody: { lang: 'en', input: 'evil' } } } }
  }, { MY_KEY: 'sk-test' })
  const { text, details, isError } = await speak({ text: 'Hello there.', channel: 'telegram' })
  t.equal(isError, false)
  t.match(server.asked[0], { method: 'POST', url: '/v1/audio/speech', headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json' } })
  t.same(JSON.parse(server.asked[0]!.body), { model: 'gpt-4o-mini-tts', input: 'Hello there.', voice: 'alloy', response_format: 'mp3', instructions: 'slowly', lang: 'en' })
  t.match(details, { provider: 'openai', voice: 'alloy', format: 'mp3', bytes: sound.length, audioPath: /media\/tts-20260102T\d{6}-[0-9a-f]{8}\.mp3$/ })
  const file = join(workspace, /media\/\S+\.mp3/.exec(text)![0])
  t.same(readFileSync(file), sound)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(statSync(join(workspace, 'media')).mode & 0o777, 0o700)
})

t.test('a model provider that speaks lends its key and its address', async t => {
  const server = await startWebServer(t, (_asked, response) => { response.end('RIFF') })
  const { speak } = await createScene(t, {
    models: { providers: { local: { baseUrl: `${server.url}/v1`, apiKey: 'local-key' } } },
    tts: { provider: 'local', providers: { local: { model: 'kokoro', voice: 'anna', responseFormat: 'wav' } } }
  })
  t.match((await speak({ text: 'Hi', voice: 'bert' })).details, { provider: 'local', model: 'kokoro', voice: 'bert', format: 'wav' })
  t.match(server.asked[0], { url: '/v1/audio/speech', headers: { authorization: 'Bearer local-key' } })
})

t.test('without a service that can speak the error says what to set', async t => {
  const none = await createScene(t, {})
  t.match((await none.speak({ text: 'Hi' })).details, { status: 'error', tool: 'tts', error: /No speech service.*tts\.provider.*OPENAI_API_KEY/ })
  const other = await createScene(t, { tts: { provider: 'elevenlabs' } })
  t.match((await other.speak({ text: 'Hi' })).details.error, /"elevenlabs" does not speak the format of OpenAI/)
  const keyless = await createScene(t, { tts: { provider: 'openai' } })
  t.match((await keyless.speak({ text: 'Hi' })).details.error, /no key: set tts\.providers\.openai\.apiKey or OPENAI_API_KEY/)
  const homeless = await createScene(t, { tts: { provider: 'own' } })
  t.match((await homeless.speak({ text: 'Hi' })).details.error, /tts\.providers\.own\.baseUrl/)
})

t.test('what is no speech is not saved, and neither is too much of it', async t => {
  let [status, type, body]: [number, string, string | Buffer] = [401, '', '']
  const server = await startWebServer(t, (_asked, response) => { response.writeHead(status, { 'content-type': type }).end(body) })
  const { speak, workspace } = await createScene(t, { tts: { provider: 'openai', maxTextLength: 10, providers: { openai: { apiKey: 'secret-key', baseUrl: server.url } } } })
  const said: string[] = []
  for ([status, type, body] of [
    [401, '', ''], [500, '', ''], [200, 'application/json', '{}'], [200, 'audio/mpeg', ''], [200, 'audio/mpeg', Buffer.alloc(21 * 1024 * 1024)]
  ] as const) said.push((await speak({ text: 'Hi' })).details.error)
  said.push((await speak({ text: 'x'.repeat(11) })).details.error, (await speak({ text: ' ' })).details.error)
  t.match(said, [/does not take the key/, /answered 500/, /no sound/, /no sound/, /larger than/, /at most 10 are spoken/, /is empty/])
  t.notMatch(said.join(), /secret-key/)
  t.throws(() => statSync(join(workspace, 'media')), { code: 'ENOENT' })
})
