import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { isAlive } from '../../fixtures/is-alive.ts'
import { anything, sample, scene, textOf } from './scene.ts'

t.test('a stop takes the whole tree with it, however stubborn', async t => {
  const { mcp, call } = await scene(t, { docs: sample('stubborn') })
  await mcp.prepare(anything)
  const child = Number(textOf(await call('docs__child')))
  const [{ pid } = {}] = await mcp.status()
  t.equal(await isAlive(child), true)
  await mcp.close()
  t.equal(await isAlive(pid!), false)
  t.equal(await isAlive(child), false)
})

t.test('what a crashed server has started goes, too', async t => {
  const { mcp, call } = await scene(t, { docs: sample() })
  await mcp.prepare(anything)
  const child = Number(textOf(await call('docs__child')))
  await call('docs__crash')
  await eventually(async () => !await isAlive(child))
})

t.test('a change of the configuration ends what changed and leaves the rest', async t => {
  const { mcp, names, configure, find, call } = await scene(t, { a: sample(), b: sample() })
  await mcp.prepare(anything)
  const before = Object.fromEntries((await mcp.status()).map(({ name, pid }) => [name, pid!]))
  const held = find('a__echo')
  await configure({ a: sample('well', { requestTimeoutMs: 5_000 }), b: sample() })
  t.equal(await isAlive(before['a']!), false)
  t.equal(await isAlive(before['b']!), true)
  t.same([...new Set(names().map(name => name.split('__')[0]))], ['b'])
  const context = { sessionKey: 'agent:main:main', agentId: 'main', callId: 'c', signal: new AbortController().signal, update () {} }
  t.equal(textOf(await held.run({ text: 'for a run that had it already' }, context)), 'for a run that had it already')
  t.ok(names().includes('a__echo'))
  await configure({ b: sample() })
  await t.rejects(held.run({ text: 'x' }, context), { message: /"a" is no longer in the configuration/ })
  t.equal(textOf(await call('b__echo', { text: 'b' })), 'b')
  await configure({ b: sample('well', { enabled: false }) })
  t.same(names(), [])
  t.equal(await isAlive(before['b']!), false)
})

t.test('a server that nobody uses is closed and comes back', async t => {
  const { mcp, call, lines } = await scene(t, directory => ({ docs: sample('well', { env: { SAMPLE_LOG: join(directory, 'log') } }) }), { section: { sessionIdleTtlMs: 100 } })
  await mcp.prepare(anything)
  const pid = Number(lines('log')[0]!.replace('start ', ''))
  t.ok(pid > 1)
  await eventually(async () => !await isAlive(pid))
  t.match(await eventually(() => mcp.status(), ([docs]) => docs?.state === 'idle'), [{ state: 'idle', failures: 0 }])
  t.equal(textOf(await call('docs__echo', { text: 'awake' })), 'awake')
})
