import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { isAlive } from '../../fixtures/is-alive.ts'
import { anything, sample, scene, textOf } from './scene.ts'

t.test('a call that is not answered in time says so, and a server that leaves several unanswered is ended', async t => {
  const { mcp, call } = await scene(t, { docs: sample('well', { requestTimeoutMs: 700 }) })
  await mcp.prepare(anything)
  const [{ pid } = {}] = await mcp.status()
  t.match(await call('docs__hang'), { isError: true, details: { error: /did not answer within 700 ms .*requestTimeoutMs/ } })
  t.equal(textOf(await call('docs__slow', { ms: 1000 })), 'at last', 'signs of progress count')
  for (const answer of await Promise.all(Array.from({ length: 3 }, () => call('docs__hang')))) t.match(answer, { isError: true })
  await eventually(async () => !await isAlive(pid!))
  t.equal(textOf(await call('docs__echo', { text: 'anew' })), 'anew')
})

t.test('a crash is an answer, and the next call has a new server', async t => {
  const { mcp, call, clock } = await scene(t, { docs: sample() })
  await mcp.prepare(anything)
  t.match(await call('docs__crash'), { isError: true, details: { error: /"docs" went away while it worked \(it ended with exit code 3\)/ } })
  t.match(await mcp.status(), [{ state: 'failed', failures: 1, lastError: 'it ended with exit code 3' }])
  t.equal(textOf(await call('docs__echo', { text: 'back' })), 'back')
  await call('docs__crash')
  await call('docs__crash')
  t.match(await call('docs__echo', { text: 'x' }), { isError: true, details: { error: /cannot be reached: it ended with exit code 3; it is tried again in 1 s/ } })
  clock.now += 1_000
  t.equal(textOf(await call('docs__echo', { text: 'back' })), 'back')
})

t.test('servers that fail cost nobody else anything', async t => {
  const { mcp, names, clock } = await scene(t, {
    dies: sample('dies', { env: { SAMPLE_TOKEN: 'tok-0123456789' } }),
    nowhere: { command: '/no/such/program' },
    silent: sample('silent', { connectionTimeoutMs: 300 }),
    nothing: {},
    metadata: { url: 'http://169.254.169.254/mcp' },
    unset: sample('well', { env: { A: { source: 'env', id: 'NOT_THERE' } } }),
    good: sample('chatty')
  })
  await mcp.prepare(anything)
  t.ok(names().every(name => name.startsWith('good__')))
  t.ok(names().includes('good__echo'))
  const of = Object.fromEntries((await mcp.status()).map(status => [status.name, status]))
  t.match(of['dies'], { state: 'failed', lastError: 'it ended with exit code 7; it said: no licence for ***' })
  t.match(of['nowhere'], { state: 'failed', lastError: /ENOENT/ })
  t.match(of['silent'], { state: 'failed', lastError: /timed out/i })
  t.match(of['nothing'], { lastError: 'mcp.servers.nothing needs a command or a url' })
  t.match(of['metadata'], { lastError: /no server of tools is/ })
  t.match(of['unset'], { lastError: /mcp\.servers\.unset\.env\.A has no value: .*NOT_THERE is not set/ })
  t.match(of['good'], { state: 'ready' })
  for (let i = 0; i < 3; i++) {
    clock.now += 600_000
    await mcp.prepare(anything)
  }
  t.match((await mcp.status()).find(({ name }) => name === 'dies'), { failures: 4, retryAtMs: clock.now + 4_000 })
})

t.test('tools that a server learns or forgets are followed', async t => {
  const { mcp, names, call } = await scene(t, { docs: sample() })
  await mcp.prepare(anything)
  t.notOk(names().includes('docs__sing'))
  await call('docs__learn', { name: 'sing' })
  await eventually(() => names().includes('docs__sing'))
  t.equal(textOf(await call('docs__sing')), 'sing works')
})
