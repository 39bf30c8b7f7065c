import t from 'tap'
import type { RouteOverride } from '../../src/providers/model.ts'
import { createScene, listener, refOf, request } from './scene.ts'
import { failureOf } from './openai-step.ts'

const local = { baseUrl: 'http://127.0.0.1:1/v1', models: [{ id: 'a', name: 'Model A', contextWindow: 9000, cost: { input: 1 } }, { id: 'org/b' }] }
const providers = { models: { providers: { local } } }

const routed = (source: object, agentId = 'main', override?: RouteOverride, env = {}): string[] => {
  const { model, fallbacks } = createScene(source, env).models.route(agentId, override)
  return [model, ...fallbacks].map(refOf)
}

t.test('nothing configured means the demonstration, a declared model means that one', async t => {
  t.same(routed({}), ['echo/echo'])
  t.same(routed(providers), ['local/a'])
  t.same(routed({ models: { providers: { openai: { models: [{ id: 'gpt-5' }] } } } }), ['echo/echo'], 'not one without a key')
  t.same(routed({ models: { providers: { openai: { models: [{ id: 'gpt-5' }] } } } }, 'main', undefined, { OPENAI_API_KEY: 'k' }), ['openai/gpt-5'])
})

t.test('the session chooses before the agent, the agent before the defaults', async t => {
  const source = {
    ...providers,
    agents: {
      defaults: { model: { primary: 'local/a', fallbacks: ['local/org/b', 'echo/echo'] } },
      entries: {
        main: {}, strict: { model: 'local/org/b' }, own: { model: { primary: 'echo/echo', fallbacks: ['local/a'] } }, chain: { model: { fallbacks: ['echo/echo'] } }
      }
    }
  }
  t.same(routed(source), ['local/a', 'local/org/b', 'echo/echo'])
  t.same(routed(source, 'strict'), ['local/org/b'], 'an agent with a primary of its own has only its own fallbacks')
  t.same(routed(source, 'own'), ['echo/echo', 'local/a'])
  t.same(routed(source, 'chain'), ['local/a', 'echo/echo'])
  t.same(routed(source, 'nobody'), ['local/a', 'local/org/b', 'echo/echo'])
  t.same(routed(source, 'main', { fallbacks: ['local/org/b'] }), ['local/a', 'local/org/b'], 'those that somebody names stand in for them')
  t.same(routed(source, 'main', { model: 'echo/echo', fallbacks: [] }), ['echo/echo'])
  t.same(routed(source, 'main', { provider: 'local', model: 'org/b' }), ['local/org/b'], 'what a person picked has no fallbacks')
  t.same(routed(source, 'main', { provider: 'local', model: 'local/a' }), ['local/a'])
  t.same(routed(source, 'main', {}), ['local/a', 'local/org/b', 'echo/echo'])
})

t.test('models are found by reference, alias and unique id', async t => {
  const { models } = createScene({ ...providers, agents: { defaults: { models: { 'local/org/b': { alias: 'Bee', params: { top_k: 3 } } } } } })
  t.match(models.find('local/a'), { id: 'a', name: 'Model A', contextWindow: 9000, cost: { input: 1, output: 0 }, api: 'openai-completions' })
  t.match(models.find(' bee '), { provider: 'local', id: 'org/b', params: { top_k: 3 } })
  t.same([refOf(models.find('a')!), refOf(models.find('org/b')!)], ['local/a', 'local/org/b'])
  t.equal(models.find('local/unheard-of'), undefined, 'the provider says what it has')
  t.equal(models.find('nowhere/a'), undefined)
  t.match(models.find('openai/gpt-99'), { api: 'openai-responses' }, 'a known provider may have newer models than we know')
  t.same([...models.aliases()], [['bee', 'local/org/b']])
})

t.test('images are offered to families of models that read them, unless the configuration says otherwise', async t => {
  const { models } = createScene({ models: { providers: { own: { baseUrl: 'http://a/', models: [{ id: 'llava', input: ['text'] }, { id: 'qwen2.5-vl' }] } } } })
  const sees = (name: string): boolean => models.find(name)!.input.includes('image')
  for (const name of ['openai/gpt-6', 'ollama/llava:13b', 'ollama/qwen3-vl:8b', 'openrouter/anthropic/claude-9', 'own/qwen2.5-vl']) t.ok(sees(name), name)
  for (const name of ['ollama/llama3.2', 'deepseek/deepseek-chat', 'groq/openai/gpt-oss-120b', 'own/llava']) t.notOk(sees(name), name)
})

t.test('an Ollama address works with its own name of the format, too', async t => {
  const { models } = createScene({ models: { providers: { ollama: { baseUrl: 'http://box:11434/', api: 'ollama' } } } })
  t.match(models.find('ollama/llama3'), { api: 'openai-completions' })
  t.match(models.status().find(({ provider }) => provider === 'ollama'), { baseUrl: 'http://box:11434/v1', credential: 'none' })
})

t.test('"replace" leaves only what the user listed, and the demonstration', async t => {
  const { models } = createScene({ models: { mode: 'replace', ...providers.models } })
  t.same(models.status().map(({ provider }) => provider), ['local', 'echo'])
  t.same((await models.list('all')).map(refOf), ['local/a', 'local/org/b', 'echo/echo'])
})

t.test('each view of the list shows what it is for', async t => {
  const { models } = createScene({ ...providers, agents: { defaults: { model: 'groq/llama' } } }, { ANTHROPIC_API_KEY: 'k' })
  const refs = async (view: Parameters<typeof models.list>[0]): Promise<string[]> => (await models.list(view)).map(refOf)
  t.same(await refs('provider-config'), ['local/a', 'local/org/b'])
  const usable = await refs('configured')
  t.same(usable.slice(0, 3), ['groq/llama', 'local/a', 'local/org/b'])
  t.ok(usable.includes('echo/echo'))
  t.ok(usable.some(ref => ref.startsWith('anthropic/')), 'a key in the environment is enough')
  t.notOk(usable.some(ref => ref.startsWith('openai/')), 'without one a provider is not offered')
  t.ok((await refs('all')).some(ref => ref.startsWith('openai/')))
  t.same(await refs('default'), usable)
})

t.test('the policy decides what may be picked, never what an agent already has', async t => {
  const source = {
    ...providers,
    agents: {
      defaults: { model: 'local/a', models: { 'echo/echo': { alias: 'demo' } }, modelPolicy: { allow: ['demo', 'openrouter/meta/*'] } },
      entries: { main: {}, free: { modelPolicy: { allow: [] } } }
    }
  }
  const { models } = createScene(source)
  const allowed = (name: string, agentId = 'main'): boolean => models.allowed(models.find(name)!, agentId)
  t.same([allowed('local/a'), allowed('echo/echo'), allowed('local/org/b'), allowed('openrouter/meta/x'), allowed('openrouter/other')], [true, true, false, true, false])
  t.equal(allowed('local/org/b', 'free'), true)
  t.same((await models.list('default')).map(refOf), ['local/a', 'echo/echo'])
  const error = await failureOf(models.step(models.route('main', { model: 'local/org/b' }), request('hi'), listener().tell))
  t.match(error, { kind: 'model_not_found', message: /may not be picked.*modelPolicy\.allow/ })
})

t.test('a model that nobody can serve is refused with what to set', async t => {
  const cases: ReadonlyArray<readonly [string, object, string, RegExp]> = [
    ['openai/gpt-5', {}, 'auth', /OPENAI_API_KEY.*models\.providers\.openai\.apiKey/],
    ['google/gemini-2.5-pro', {}, 'auth', /GEMINI_API_KEY/],
    ['nowhere/x', {}, 'model_not_found', /no provider "nowhere".*models\.providers\.nowhere\.baseUrl/],
    ['x', {}, 'model_not_found', /provider\/model/],
    ['local/zzz', providers, 'model_not_found', /has no model "zzz": it declares a, org\/b/],
    ['odd/x', { models: { providers: { odd: { baseUrl: 'http://a/', api: 'telepathy' } } } }, 'model_not_found', /"telepathy".*openai-completions/],
    ['bare/x', { models: { providers: { bare: { api: 'openai-completions' } } } }, 'format', /models\.providers\.bare\.baseUrl/],
    ['meta/x', { models: { providers: { meta: { baseUrl: 'http://169.254.169.254/v1' } } } }, 'format', /link-local or metadata/],
    ['file/x', { models: { providers: { file: { baseUrl: 'file:///etc' } } } }, 'format', /no http or https/],
    ['ref/x', { models: { providers: { ref: { baseUrl: 'http://a/', apiKey: { source: 'env', id: 'NOT_SET' } } } } }, 'auth', /NOT_SET is not set/]
  ]
  for (const [model, source, kind, message] of cases) {
    const { models, slept } = createScene(source)
    t.match(await failureOf(models.step(models.route('main', { model }), request('hi'), listener().tell)), { kind, message }, model)
    t.same(slept, [])
  }
})

t.test('the status says who has a credential', async t => {
  const { models } = createScene({
    models: { providers: { local, keyed: { baseUrl: 'https://a/', apiKey: 'k' }, headed: { baseUrl: 'https://b/', headers: { Authorization: 'x' } }, mistral: { request: { auth: { mode: 'header', headerName: 'a', value: 'b' } } } } }
  }, { GROQ_API_KEY: 'k' })
  const credentials = Object.fromEntries(models.status().map(({ provider, credential }) => [provider, credential]))
  t.match(credentials, { local: 'none', keyed: 'configured', headed: 'configured', groq: 'configured', mistral: 'configured', openai: 'missing', ollama: 'none', echo: 'none' })
})
