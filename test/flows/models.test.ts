import t from 'tap'
import { contractProblem } from '../contract.ts'
import { startOpenAi } from '../fixtures/providers/openai-server.ts'
import { goodKey, type VendorServer } from '../fixtures/providers/vendor-server.ts'
import { admitted, closeClient, startGateway, type Frame } from '../helper.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

const refOf = ({ provider, id }: { provider: string, id: string }): string => `${provider}/${id}`

async function open (t: Test, config: { [section: string]: unknown } = {}, env: { [name: string]: string } = {}, now?: () => number) {
  const gateway = await startGateway(t, { config, env, ...(now ? { now } : {}) })
  const { client } = await admitted(gateway.url)
  t.teardown(() => closeClient(client))
  const call = async (method: string, params: object = {}): Promise<Frame> => {
    const { ok, payload, error } = await client.request(method, params, 20_000)
    if (!ok) throw new Error(`${method}: ${error.message}`)
    return payload
  }
  const list = async (params: object = {}): Promise<Frame[]> => {
    const answer = await call('models.list', params)
    const problem = contractProblem('ModelsListResult', answer)
    if (problem) throw new Error(problem)
    return answer['models']
  }
  return { gateway, client, call, list }
}

const priced = { id: 'zero', name: 'Zero', contextWindow: 1000, maxTokens: 100, cost: { input: 1_000_000, output: 2_000_000 }, reasoning: true }
const local = (vendor: VendorServer, apiKey = goodKey) => ({
  models: { providers: { local: { baseUrl: `${vendor.url}/v1`, api: 'openai-completions', apiKey, models: [priced] } } },
  agents: { defaults: { model: { primary: 'local/zero', fallbacks: ['echo/echo'] }, models: { 'local/zero': { alias: 'zed' } } } }
})

async function vendorOf (t: Test): Promise<VendorServer> {
  const vendor = await startOpenAi()
  t.teardown(() => vendor.close())
  return vendor
}

t.test('with nothing configured there is a model that answers', async t => {
  const { list, call } = await open(t)
  t.match(await list(), [{ provider: 'echo', id: 'echo', available: true, tags: ['default'] }])
  t.match(await call('models.probe', { provider: 'echo' }), { provider: 'echo', status: 'ok', latencyMs: Number, results: [{ label: 'echo/echo', status: 'ok' }] })
})

t.test('each view lists what it is for', async t => {
  const { list } = await open(t, {
    ...local(await vendorOf(t)), agents: { ...local(await vendorOf(t)).agents, entries: { main: {}, picky: { model: 'echo/echo', modelPolicy: { allow: ['echo/*'] } } } }
  }, { ANTHROPIC_API_KEY: 'k' })
  const byDefault = await list()
  t.match(byDefault.find(row => row['id'] === 'zero'), {
    provider: 'local', alias: 'zed', tags: ['default', 'configured'], available: true, contextWindow: 1000, thinkingLevels: [{ id: 'off' }, { id: 'minimal' }]
  })
  t.ok(byDefault.some(row => row['tags']?.includes('fallback#1')))
  t.same((await list({ view: 'provider-config' })).map(row => refOf(row as never)), ['local/zero'])
  const all = await list({ view: 'all' })
  t.match(all.find(row => row['provider'] === 'openai'), { available: false, unavailableReason: 'missing-auth' })
  t.match(all.find(row => row['provider'] === 'anthropic'), { available: true })
  t.same((await list({ agentId: 'picky' })).map(row => refOf(row as never)), ['echo/echo'], 'an agent sees what it may use')
})

t.test('the state of credentials is told without the credentials', async t => {
  const { call } = await open(t, {
    models: { providers: { mine: { baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'sk-very-secret-0123456789' }, openai: { apiKey: { source: 'env', id: 'NOT_SET_HERE' } } } }
  }, { GROQ_API_KEY: 'gsk-also-secret' })
  const status = await call('models.authStatus')
  const of = (provider: string) => status['providers'].find((row: Frame) => row['provider'] === provider)
  t.match(of('mine'), { status: 'static', apiKey: { source: 'config' }, profiles: [] })
  t.match(of('groq'), { status: 'static', apiKey: { source: 'env' } })
  t.match(of('openai'), { status: 'missing' })
  t.notMatch(JSON.stringify(status), /secret/)
})

t.test('a probe asks once and reports whatever comes of it', async t => {
  const vendor = await vendorOf(t)
  const { call } = await open(t, local(vendor))
  const probe = async (params: object = {}): Promise<Frame> => {
    const answer = await call('models.probe', { provider: 'local', ...params })
    t.equal(contractProblem('ModelsProbeResult', answer), undefined)
    return answer
  }
  t.match(await probe(), { status: 'ok', results: [{ label: 'local/zero', status: 'ok', latencyMs: Number }] })
  t.equal(vendor.requests.length, 1)
  t.match(vendor.requests[0]!.body.messages.at(-1), { role: 'user' })
  vendor.script = { hangAfter: 0 }
  t.match(await probe({ timeoutMs: 200 }), { status: 'timeout', error: /\S/ })
  vendor.script = { status: 401, message: 'Incorrect API key provided' }
  t.match(await probe(), { status: 'auth', error: /\S/ })
  t.match(await probe({ provider: 'nobody' }), { status: 'no_model', error: /models\.providers\.nobody\.models/, results: [] })
})

t.test('costs are summed day by day, days without any included', async t => {
  const vendor = await vendorOf(t)
  vendor.script = { text: ['hello'] }
  const noon = Date.UTC(2027, 0, 31, 12)
  const { call, client } = await open(t, local(vendor), {}, () => noon)
  t.match(await call('usage.status'), { providers: [], updatedAt: Number })
  t.match(await call('usage.cost', { days: 3 }), { days: 3, daily: [{ totalTokens: 0 }, {}, {}], totals: { totalCost: 0 } })
  await call('chat.send', { sessionKey: 'main', message: 'hi', idempotencyKey: 'cost-1' })
  await client.frame(frame => frame['event'] === 'chat' && frame['payload'].state === 'final')
  await call('chat.send', { sessionKey: 'agent:main:other', message: 'hi', idempotencyKey: 'cost-2' })
  await client.frame(frame => frame['event'] === 'chat' && frame['payload'].state === 'final' && frame['payload'].sessionKey === 'agent:main:other')
  const { daily, totals, days } = await call('usage.cost', { days: 2 })
  t.equal(days, 2)
  t.same(daily[0], { ...totals, date: daily[0].date, ...Object.fromEntries(Object.keys(totals).map(field => [field, 0])) }, 'nothing yesterday')
  t.ok(totals.input > 0 && totals.output > 0)
  t.equal(totals.totalCost, totals.input * 1 + totals.output * 2)
  t.same({ ...totals, date: daily[1].date }, daily[1])
  t.same((await call('usage.cost', { startDate: '2001-01-01', endDate: '2001-01-03' })).totals.totalTokens, 0)
  t.same((await call('usage.cost', { days: 1, agentId: 'nobody' })).totals.totalTokens, 0)
})
