/** A gateway that nobody asks a model through does not pay for the models' libraries. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeHome, runProcess, startDaemon } from '../fixtures/daemon.ts'
import { startAnthropic } from '../fixtures/providers/anthropic-server.ts'
import { goodKey } from '../fixtures/providers/vendor-server.ts'

const recorder = new URL('../fixtures/loaded-modules.ts', import.meta.url).href

t.test('a provider is loaded by the first step that needs it, and only this one', async t => {
  const server = await startAnthropic()
  t.teardown(() => server.close())
  const home = await makeHome(t, {
    gateway: { mode: 'local', auth: { mode: 'none' } },
    agents: { defaults: { model: 'anthropic/claude-sonnet-4-5' } },
    models: { providers: { anthropic: { baseUrl: server.url, apiKey: goodKey } } }
  })
  const list = join(home.stateDir, 'loaded-modules.txt')
  const daemon = await startDaemon(t, { ...home, env: { ...home.env, NODE_OPTIONS: `--import ${recorder}`, LOADED_MODULES: list } })
  const loaded = (): string[] => readFileSync(list, 'utf8').split('\n')
    .flatMap(url => /src\/providers\/(?:sdk|openai)\/|node_modules\/(?:@ai-sdk\/\w+|zod)\//.exec(url)?.[0].replace(/^node_modules\//, '') ?? [])
  t.match(readFileSync(list, 'utf8'), /node_modules\/fastify\//, 'the list is a list')
  t.same(loaded(), [], 'ready without them')

  const params = { message: 'Hi', sessionKey: 'agent:main:main', idempotencyKey: 'first' }
  const accepted = await runProcess(['gateway', 'call', 'agent', '--params', JSON.stringify(params), '--json'], home.env)
  t.equal(accepted.code, 0, accepted.err)
  const done = await runProcess(['gateway', 'call', 'agent.wait', '--params', '{"runId":"first","timeoutMs":30000}', '--json'], home.env)
  t.match(JSON.parse(done.out), { status: 'ok' }, done.out + done.err + daemon.said())
  t.equal(server.requests.length, 1)
  const now = new Set(loaded())
  t.ok(now.has('@ai-sdk/anthropic/'))
  t.notOk(now.has('@ai-sdk/openai/'))
  t.notOk(now.has('@ai-sdk/google/'))
})
