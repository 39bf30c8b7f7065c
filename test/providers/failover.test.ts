import t, { type Test } from 'tap'
import type { Attempt, RoutedResult, StepRequest } from '../../src/providers/model.ts'
import { retryDelayMs } from '../../src/providers/retry.ts'
import { ProviderError } from '../../src/providers/model.ts'
import { createCooldowns } from '../../src/providers/cooldowns.ts'
import { chunkOf, refusing, startRaw, streaming, type RawServer } from '../fixtures/providers/openai-server.ts'
import { failureOf } from './openai-step.ts'
import { createScene, listener, request, refOf, type Heard, type Scene } from './scene.ts'

type Answers = Parameters<typeof startRaw>

const fine = (text: string) => streaming([chunkOf({ content: text }), chunkOf({}, 'stop', { usage: { prompt_tokens: 1_000_000, completion_tokens: 500_000 } })])
const busy = refusing(503, { error: { message: 'busy' } })
const limited = refusing(429, { error: { message: 'slow down' } })
const model = { models: [{ id: 'm', cost: { input: 3, output: 10 } }] }

interface Stage extends Scene {
  readonly first: RawServer
  readonly second: RawServer
  readonly heard: Heard
  readonly fallbacks: string[]
  step (more?: Partial<StepRequest>): Promise<RoutedResult>
}

/** Two providers, the second one being the fallback of the first. */
async function stage (t: Test, first: Answers, second: Answers = [fine('second')], more: { fallbacks?: string[], provider?: object } = {}): Promise<Stage> {
  const servers = [await startRaw(...first), await startRaw(...second)] as const
  const scene = createScene({
    models: { providers: { one: { baseUrl: servers[0].url, ...model, ...more.provider }, two: { baseUrl: servers[1].url, ...model } } },
    agents: { defaults: { model: { primary: 'one/m', fallbacks: more.fallbacks ?? ['two/m'] } } }
  }, { ROTATING: 'old' })
  t.teardown(async () => {
    await scene.models.close()
    await Promise.all(servers.map(server => server.close()))
  })
  const heard = listener()
  const fallbacks: string[] = []
  const step: Stage['step'] = async request_ => await scene.models.step(scene.models.route('main'), request('hi', request_), heard.tell,
    (from, to, error) => { fallbacks.push(`${refOf(from)} -> ${refOf(to)}: ${error.kind}`) })
  return { ...scene, first: servers[0], second: servers[1], heard, fallbacks, step }
}

t.test('an answer says which model gave it, and what it cost', async t => {
  const { step, heard } = await stage(t, [fine('first')])
  const result = await step()
  t.equal(heard.text(), 'first')
  t.equal(refOf(result.model), 'one/m')
  t.same(result.attempts, [])
  t.same(result.usage.cost, { input: 3, output: 5, cacheRead: 0, cacheWrite: 0, total: 8 })
})

t.test('the same model is asked again, with growing pauses, while that may help', async t => {
  const { step, first, slept, logged, fallbacks } = await stage(t, [busy, busy, busy, fine('at last')])
  t.equal(refOf((await step()).model), 'one/m')
  t.same(slept, [1000, 2000, 4000])
  t.equal(first.bodies.length, 4)
  t.same(fallbacks, [])
  t.match(logged[0], { provider: 'one', model: 'm', kind: 'overloaded', attempts: 1, delayMs: 1000 })
})

t.test('a rate limit is asked ten times, other failures at most nine times within 90 seconds', async t => {
  const limitedStage = await stage(t, [limited])
  t.equal(refOf((await limitedStage.step()).model), 'two/m')
  t.equal(limitedStage.first.bodies.length, 10)
  t.same(limitedStage.slept, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000])
  const busyStage = await stage(t, [busy])
  await busyStage.step()
  t.same(busyStage.slept, [1000, 2000, 4000, 8000, 16_000, 30_000])
  t.ok(busyStage.slept.reduce((sum, ms) => sum + ms) <= 90_000)
})

t.test('Retry-After is a floor, and one that is too far away is not waited for', async t => {
  const patient = await stage(t, [refusing(429, {}, { 'retry-after': '50' }), fine('ok')])
  await patient.step()
  t.same(patient.slept, [50_000])
  const hopeless = await stage(t, [refusing(429, {}, { 'retry-after': '3600' })])
  t.equal(refOf((await hopeless.step()).model), 'two/m')
  t.same(hopeless.slept, [])
  t.equal(hopeless.models.status()[0]!.cooldownUntilMs, hopeless.clock.nowMs + 3_600_000)
})

t.test('jitter shortens a pause by a quarter at most, and never goes below Retry-After', async t => {
  const error = new ProviderError('overloaded', 'x')
  const delay = (jitter: number, more: Partial<ProviderError> = {}): number | undefined =>
    retryDelayMs({ error: Object.assign(new ProviderError('overloaded', 'x'), more), attempts: 3, elapsedMs: 0, jitter })
  t.same([delay(0), delay(0.5), delay(1)], [3000, 3500, 4000])
  t.equal(delay(0, { retryAfterMs: 3900 }), 3900)
  t.equal(retryDelayMs({ error, attempts: 9, elapsedMs: 0, jitter: 1 }), undefined)
})

t.test('what no repetition cures goes to the next model at once, and the listener hears of it', async t => {
  const causes: ReadonlyArray<readonly [Answers[0], string]> = [
    [refusing(401, {}), 'auth'], [refusing(402, {}), 'billing'], [refusing(404, {}), 'model_not_found'], [refusing(400, {}), 'format']
  ]
  for (const [answer, kind] of causes) {
    const { step, slept, fallbacks, first } = await stage(t, [answer])
    const result = await step()
    t.equal(refOf(result.model), 'two/m')
    t.match(result.attempts, [{ provider: 'one', model: 'm', kind } as Attempt])
    t.same(fallbacks, [`one/m -> two/m: ${kind}`])
    t.same([slept, first.bodies.length], [[], 1])
  }
})

t.test('a provider without a key is skipped on the way', async t => {
  const { models } = await stage(t, [fine('x')], [fine('y')])
  const route = { model: models.find('openai/gpt-5')!, fallbacks: [models.find('two/m')!] }
  const result = await models.step(route, request('hi'), listener().tell)
  t.equal(refOf(result.model), 'two/m')
  t.match(result.attempts, [{ provider: 'openai', kind: 'auth', detail: /OPENAI_API_KEY/ }])
})

t.test('when all have failed the error names each with its reason', async t => {
  const { step } = await stage(t, [refusing(401, { error: { message: 'bad key' } })], [refusing(404, { error: { message: 'no model' } })])
  const error = await failureOf(step())
  t.match(error, { kind: 'auth', status: 401 })
  t.match(error.message, /^All models failed \(2\): one\/m: .*bad key.* \| two\/m: .*no model/)
})

t.test('nothing is asked twice once a word was said', async t => {
  const half = streaming([chunkOf({ content: 'half' })], '')
  const { step, first, second, slept } = await stage(t, [half, fine('again')])
  t.match(await failureOf(step()), { kind: 'network', partial: true })
  t.same([first.bodies.length, second.bodies.length, slept.length], [1, 0, 0])
})

t.test('a stream that broke while the model was only thinking is begun again', async t => {
  const { step, first, heard } = await stage(t, [streaming([chunkOf({ reasoning: 'hm' })], ''), fine('answer')])
  t.equal(refOf((await step()).model), 'one/m')
  t.equal(first.bodies.length, 2)
  t.equal(heard.text(), 'answer')
})

t.test('a conversation that is too long, a refusal and an abort are not handed to another model', async t => {
  for (const answer of [refusing(400, { error: { message: 'maximum context length', code: 'context_length_exceeded' } }), streaming([chunkOf({}, 'content_filter')])]) {
    const { step, second } = await stage(t, [answer])
    t.match(await failureOf(step()), { kind: /context_overflow|refusal/ })
    t.equal(second.bodies.length, 0)
  }
  const { step, second } = await stage(t, [busy])
  t.match(await failureOf(step({ signal: AbortSignal.abort() })), { kind: 'aborted' })
  t.equal(second.bodies.length, 0)
})

t.test('an abort ends a pause between two attempts', async t => {
  const server = await startRaw(busy)
  t.teardown(() => server.close())
  const controller = new AbortController()
  const { models } = createScene({ models: { providers: { one: { baseUrl: server.url, ...model } } } }, {}, { sleep: async () => controller.abort() })
  t.teardown(() => models.close())
  t.match(await failureOf(models.step(models.route('main'), request('hi', { signal: controller.signal }), listener().tell)), { kind: 'aborted' })
  t.equal(server.bodies.length, 1)
})

t.test('who failed is asked last for a while, longer each time, and first again after a success', async t => {
  const { step, clock, models, first } = await stage(t, [busy])
  const untilMs = (): number => (models.status()[0]!.cooldownUntilMs ?? clock.nowMs) - clock.nowMs
  for (const expected of [30_000, 60_000, 300_000, 300_000]) {
    t.equal(refOf((await step()).model), 'two/m')
    t.equal(untilMs(), expected)
    t.match(models.status()[0], { lastError: /busy/ })
    const asked = first.bodies.length
    const result = await step()
    t.same([refOf(result.model), result.attempts.length, first.bodies.length], ['two/m', 0, asked], 'it is left alone')
    clock.nowMs += expected + 1
  }
})

t.test('when the others fail, too, one that cools down is asked once all the same', async t => {
  const { step, first, slept } = await stage(t, [...Array.from({ length: 7 }, () => busy), fine('recovered')], [fine('second'), refusing(400, {})])
  await step()
  slept.length = 0
  const result = await step()
  t.equal(refOf(result.model), 'one/m')
  t.same([first.bodies.length, slept], [8, []])
  const again = await step()
  t.same([refOf(again.model), again.attempts], ['one/m', []], 'and is first again since it answered')
})

t.test('a refused key rests the provider, which is not even asked, until its configuration changes', async t => {
  const { step, first, models, clock, configure } = await stage(t, [refusing(401, { error: { message: 'bad key' } }), fine('good key')], undefined,
    { fallbacks: [], provider: { apiKey: 'wrong-key' } })
  t.match(await failureOf(step()), { kind: 'auth' })
  t.equal(models.status()[0]!.cooldownUntilMs, clock.nowMs + 60_000, 'a minute, as the key is text in the configuration')
  t.match(await failureOf(step()), { kind: 'auth', message: /bad key.*not tried again before/ })
  t.equal(first.bodies.length, 1)
  configure({ models: { providers: { one: { baseUrl: first.url, ...model, apiKey: 'right-key' } } }, agents: { defaults: { model: 'one/m' } } })
  t.equal(refOf((await step()).model), 'one/m')
  t.equal(first.headers.at(-1)!.authorization, 'Bearer right-key')
})

t.test('a key from elsewhere rests its provider for ten minutes, and a renewed one is used at once', async t => {
  const { first, configure, models, clock } = await stage(t, [refusing(401, {}), fine('ok')])
  const env = { ROTATING: 'old' }
  configure({ models: { providers: { one: { baseUrl: first.url, ...model, apiKey: { source: 'env', id: 'ROTATING' } } } } }, env)
  const heard = listener()
  const pending = models.step(models.route('main'), request('hi'), heard.tell)
  t.match(await failureOf(pending), { kind: 'auth' })
  t.equal(models.status()[0]!.cooldownUntilMs, clock.nowMs + 600_000)
  clock.nowMs += 600_001
  env.ROTATING = 'new'
  await models.step(models.route('main'), request('hi'), heard.tell)
  t.same(first.headers.map(({ authorization }) => authorization), ['Bearer old', 'Bearer old'], 'what was read is kept while it works')
})

t.test('a key that was renewed behind our back is read again before the step fails', async t => {
  const env = { ROTATING: 'old' }
  const server = await startRaw(response => {
    env.ROTATING = 'new'
    refusing(401, {})(response)
  }, fine('welcome'))
  t.teardown(() => server.close())
  const { models } = createScene({ models: { providers: { one: { baseUrl: server.url, ...model, apiKey: { source: 'env', id: 'ROTATING' } } } } }, env)
  t.teardown(() => models.close())
  const heard = listener()
  await models.step(models.route('main'), request('hi'), heard.tell)
  t.equal(heard.text(), 'welcome')
  t.same(server.headers.map(({ authorization }) => authorization), ['Bearer old', 'Bearer new'])
})

t.test('embeddings go to the model that is named', async t => {
  const server = await startRaw(response => response.end(JSON.stringify({ data: [{ embedding: [1, 2] }], usage: { prompt_tokens: 3 } })))
  t.teardown(() => server.close())
  const { models } = createScene({ models: { providers: { one: { baseUrl: server.url } } } })
  t.teardown(() => models.close())
  const { signal } = new AbortController()
  t.match(await models.embed('one/e', ['x'], signal), { vectors: [[1, 2]], usage: { input: 3 }, model: { provider: 'one', id: 'e' } })
  t.match(await failureOf(models.embed('echo/echo', ['x'], signal)), { kind: 'format', message: /no embeddings/ })
  t.match(await failureOf(models.embed('nowhere/e', ['x'], signal)), { kind: 'model_not_found' })
})

t.test('a provider rests as long as it is to rest, not for hours because the clock was set back', async t => {
  let now = 1_800_000_000_000
  const cooldowns = createCooldowns(() => now)
  const model = { provider: 'local', id: 'm' } as never
  cooldowns.failed(model, new ProviderError('rate_limit', 'slow down'), false)
  t.ok(cooldowns.of(model))
  now += 1_000
  t.ok(cooldowns.of(model), 'it rests still')
  now -= 5 * 3_600_000
  t.equal(cooldowns.of(model), undefined)
  t.equal(cooldowns.status('local').cooldownUntilMs, undefined)
})
