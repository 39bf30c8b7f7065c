import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { tool } from '../policy-scene.ts'
import { anything, sample, scene, textOf } from './scene.ts'

const logged = (manner = 'well', more: object = {}) => (directory: string): object =>
  ({ docs: sample(manner, { env: { SAMPLE_LOG: join(directory, 'log') }, ...more }) })

t.test('nothing is started before somebody needs it, and only what is wanted', async t => {
  const { mcp, names, lines } = await scene(t, logged())
  await mcp.prepareFor('web_fetch', anything)
  await mcp.prepareFor('other__echo', anything)
  await mcp.prepareFor('docs__echo', () => false)
  await mcp.prepare(() => false)
  t.match(await mcp.status(), [{ name: 'docs', state: 'idle', tools: [] }])
  t.same(names(), [])
  t.same(lines('log'), [])
  await mcp.prepareFor('DOCS__echo', anything)
  t.ok(names().includes('docs__echo'))
  const [status] = await mcp.status()
  t.match(status, { name: 'docs', state: 'ready', serverName: 'sample', serverVersion: '1.2.3', failures: 0 })
  t.same(lines('log'), [`start ${status!.pid}`])
  await Promise.all([mcp.prepare(anything), mcp.prepare(anything), mcp.prepareFor('docs__slow', anything)])
  t.equal(lines('log').length, 1)
})

t.test('its tools are tools like any other, under the name of the server', async t => {
  const { mcp, find, call } = await scene(t, { 'Outlook Graph': sample(), '7up': sample() })
  await mcp.prepare(anything)
  t.match(find('outlook-graph__echo'), {
    capability: 'outside',
    origin: { kind: 'mcp', id: 'Outlook Graph', toolName: 'echo' },
    groups: ['mcp', 'mcp:outlook graph', 'mcp:outlook-graph'],
    description: 'Says it again.',
    effects: false,
    parameters: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] }
  })
  t.equal(find('mcp-7up__slow').effects, true)
  t.equal(textOf(await call('outlook-graph__echo', { text: 'hello' })), 'hello')
  t.throws(() => find('mcp-7up__echo').check!({}), { message: 'mcp-7up__echo: text is required. Correct the arguments and call it again.' })
})

t.test('a filter decides which tools there are', async t => {
  const { mcp, names } = await scene(t, { docs: sample('well', { toolFilter: { include: ['e*', 'slow'], exclude: ['env*'] } }) })
  await mcp.prepare(anything)
  t.same(names().sort(), ['docs__echo', 'docs__slow'])
})

t.test('whoever came first keeps a name', async t => {
  const { mcp, registry, log } = await scene(t, { docs: sample() }, { builtin: [tool('docs__echo')] })
  await mcp.prepare(anything)
  t.equal(registry.find('docs__echo')!.origin, undefined)
  t.ok(registry.find('docs__slow'))
  t.ok(log.some(line => line.includes('names that others have') && line.includes('docs__echo')))
})

t.test('a server knows of the environment what the configuration gives it, and nothing that steers its interpreter', async t => {
  const { mcp, call, log } = await scene(t, {
    docs: sample('well', { env: { SAMPLE_TOKEN: { source: 'env', id: 'MINE' }, MODE: 'quick', PYTHONSTARTUP: '/evil.py', LD_PRELOAD: '/x.so', COUNT: 3 } })
  }, { env: { MINE: 'from-the-gateway-0123456789', OTHER_SECRET: 'x' } })
  await mcp.prepare(anything)
  const shown = textOf(await call('docs__environment'))
  t.notMatch(shown, /from-the-gateway/, 'its own credential is masked in what it answers')
  const env = JSON.parse(shown) as { [name: string]: string }
  t.match(env, { MODE: 'quick', COUNT: '3', SAMPLE_TOKEN: '***', HOME: String, PATH: String })
  for (const name of ['OPENAI_API_KEY', 'OTHER_SECRET', 'PYTHONSTARTUP', 'LD_PRELOAD', 'MINE']) t.notOk(name in env, name)
  t.ok(log.some(line => line.includes('PYTHONSTARTUP') && line.includes('LD_PRELOAD') && !line.includes('evil.py')))
})

t.test('answers keep their shape, and what cannot be shown is named', async t => {
  const { mcp, call } = await scene(t, { docs: sample('well', { env: { SAMPLE_TOKEN: 'tok-0123456789' } }) })
  await mcp.prepare(anything)
  t.same(await call('docs__structured'), { content: [{ type: 'text', text: '{"found":2,"token":"***"}' }], details: { found: 2, token: '***' } })
  t.same((await call('docs__picture')).content, [
    { type: 'image', data: 'aGk=', mimeType: 'image/png' }, { type: 'text', text: '[audio, not shown]' }, { type: 'text', text: '[resource a: file:///a]' }
  ])
  const failed = await call('docs__fails')
  t.match(failed, { isError: true, details: { status: 'error' } })
  t.equal(textOf(failed), 'cannot, with ***')
  t.match(textOf(await call('docs__echo', { text: 7 })), /text/, 'the server says what is wrong with arguments')
})

t.test('a huge answer is cut, and one beyond every measure is refused while the server goes on', async t => {
  const { mcp, call } = await scene(t, { docs: sample() })
  await mcp.prepare(anything)
  const long = textOf(await call('docs__huge', { bytes: 1_000_000 }))
  t.ok(long.length < 401_000)
  t.match(long.slice(-60), /600000 characters left out/)
  t.match(await call('docs__huge', { bytes: 20_000_000 }), { isError: true, details: { error: /larger than 8 MiB/ } })
  t.equal(textOf(await call('docs__echo', { text: 'still here' })), 'still here')
})

t.test('an abort reaches the server', async t => {
  const { mcp, call, lines } = await scene(t, logged())
  await mcp.prepare(anything)
  const controller = new AbortController()
  const updates: string[] = []
  const working = call('docs__slow', { ms: 60_000 }, {
    signal: controller.signal,
    update (partial) {
      updates.push(textOf(partial))
      controller.abort(new Error('enough'))
    }
  })
  await t.rejects(working, { message: 'enough' })
  t.match(updates[0], /^at \d+$/)
  await eventually(() => lines('log').includes('cancelled slow'))
  t.equal(textOf(await call('docs__echo', { text: 'and goes on' })), 'and goes on')
})
