import t from 'tap'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { StoredRun } from '../../src/agent/stored-run.ts'
import { createScene, gatedTool, key } from './scene.ts'

t.test('a run without effects is resumed under its id by the next process, once', async t => {
  const store = createMemoryStore()
  const before = gatedTool('look')
  const first = await createScene(t, { store, tools: [before] })
  const { runId } = await first.start('/tool look {}')
  await before.begun
  const after = gatedTool('look')
  after.open('seen')
  const second = await createScene(t, { store, tools: [after] })
  t.same(await second.runs.recover(), { resumed: 1, failed: 0, parked: 0 })
  const repeat = await second.start('/tool look {}', { idempotencyKey: runId })
  t.equal(repeat.status, 'in_flight', 'its key finds it')
  t.equal((await repeat.result).outcome, 'ok')
  t.equal(second.ends(runId).length, 1)
  t.equal(first.ends(runId).length, 0)
  t.same((await second.story()).map(line => line.split(':')[0]), ['user', 'assistant', 'toolResult', 'assistant'])
  const third = await createScene(t, { store })
  t.same(await third.runs.recover(), { resumed: 0, failed: 0, parked: 0 })
})

t.test('messages that waited are taken up in their order, after what ran', async t => {
  const store = createMemoryStore()
  const tool = gatedTool('look')
  const first = await createScene(t, { store, tools: [tool] })
  await first.start('/tool look {}')
  await tool.begun
  const waiting = [await first.start('second', { queueMode: 'followup' }), await first.start('third', { ownTurn: true, via: 'agent' })]
  const after = gatedTool('look')
  const second = await createScene(t, { store, tools: [after] })
  t.match(await second.runs.recover(), { resumed: 3 })
  after.open()
  t.match(await second.runs.wait(waiting[1]!.runId, 20_000), { outcome: 'ok', text: /third/ })
  t.match(await second.runs.wait(waiting[0]!.runId, 20_000), { outcome: 'ok', text: /second/ })
  t.same((await second.story()).filter(line => line.startsWith('user')), ['user: /tool look {}', 'user: second', 'user: third'])
})

t.test('after tools took effect a run goes on from its last result, and the tool is not called again', async t => {
  const store = createMemoryStore()
  const done = gatedTool('pay', true)
  done.open('paid')
  const late = gatedTool('look')
  const first = await createScene(t, { store, tools: [done, late], config: { agents: { defaults: { parallelTools: false } } } })
  const { runId } = await first.start('/tool pay {}\n/tool look {}')
  await late.begun
  const again = gatedTool('pay', true)
  const second = await createScene(t, { store, tools: [again, late] })
  t.match(await second.runs.recover(), { resumed: 1 })
  t.match(await second.runs.wait(runId, 20_000), { outcome: 'ok' })
  t.equal(again.calls, 0)
  t.match((await second.story()).filter(line => line.startsWith('toolResult')), [/restarted while this tool ran/, /restarted while this tool ran/])
  t.equal(second.ends(runId).length, 1)
})

t.test('by policy such a run is reported as failed', async t => {
  const store = createMemoryStore()
  const tool = gatedTool('pay', true)
  const first = await createScene(t, { store, tools: [tool] })
  const { runId } = await first.start('/tool pay {}')
  await tool.begun
  const second = await createScene(t, { store, config: { agents: { defaults: { recovery: { mode: 'fail' } } } } })
  t.same(await second.runs.recover(), { resumed: 0, failed: 1, parked: 0 })
  t.match(second.ends(runId).map(({ payload }) => payload), [{ state: 'error', errorMessage: /restarted after tools/ }])
  t.match(await second.runs.wait(runId, 100), { outcome: 'error' })
  t.equal(second.sessions.get(key)!.status, 'failed')
})

t.test('a run is taken up again only so often', async t => {
  const store = createMemoryStore()
  const first = await createScene(t, { store, tools: [gatedTool('look')] })
  const { runId } = await first.start('/tool look {}')
  for (let attempt = 1; attempt <= 3; attempt++) {
    const tool = gatedTool('look')
    const scene = await createScene(t, { store, tools: [tool] })
    t.match(await scene.runs.recover(), { resumed: 1 })
    await tool.begun
  }
  const last = await createScene(t, { store })
  t.match(await last.runs.recover(), { failed: 1 })
  t.match(last.ends(runId).map(({ payload }) => payload.errorMessage), [/restarted 3 times/])
})

t.test('what is too old is parked and listed, not answered, until somebody takes it away', async t => {
  const store = createMemoryStore()
  const tool = gatedTool('look')
  const first = await createScene(t, { store, tools: [tool] })
  await first.start('/tool look {}')
  await tool.begun
  const waiting = await first.start('old question', { queueMode: 'followup' })
  const later = (): number => Date.now() + 31 * 60_000
  const second = await createScene(t, { store, now: later })
  t.same(await second.runs.recover(), { resumed: 0, failed: 0, parked: 2 })
  t.ok(second.runs.pending(key).some(({ text, state }) => text === 'old question' && state === 'parked'))
  t.equal(second.runs.stats().parked, 2)
  const repeat = await second.start('old question', { idempotencyKey: waiting.runId })
  t.match([repeat.status, (await repeat.result).error?.kind], ['done', 'parked'])
  t.equal((await (await second.start('a new one')).result).outcome, 'ok', 'the session goes on')
  t.same(await second.runs.abort({ runId: waiting.runId }), { runIds: [waiting.runId] })
  const third = await createScene(t, { store, now: later })
  t.same(await third.runs.recover(), { resumed: 0, failed: 0, parked: 1 })
})

t.test('new messages wait until those of an earlier process are in their place', async t => {
  const store = createMemoryStore()
  const first = await createScene(t, { store, tools: [gatedTool('look')] })
  await first.start('/tool look {}')
  const tool = gatedTool('look')
  tool.open()
  const second = await createScene(t, { store, tools: [tool] })
  const recovered = second.runs.recover()
  const fresh = await second.start('and then this', { queueMode: 'followup' })
  await recovered
  await fresh.result
  t.same((await second.story()).filter(line => line.startsWith('user')), ['user: /tool look {}', 'user: and then this'])
})

t.test('a drain lets runs end in time, and puts down what does not for the next process', async t => {
  const store = createMemoryStore()
  const tool = gatedTool('look')
  const first = await createScene(t, { store, tools: [tool] })
  const quick = await first.start('/slow 5\nquick words here', { sessionKey: 'agent:main:quick' })
  const stuck = await first.start('/tool look {}')
  await tool.begun
  const patient = first.runs.drain(60_000)
  t.equal((await quick.result).outcome, 'ok')
  await Promise.all([first.runs.drain(0), patient])
  t.match(await stuck.result, { outcome: 'aborted', stopReason: 'shutdown' })
  t.equal(first.ends(stuck.runId).length, 0, 'it is not over')
  await t.rejects(first.start('too late'), { code: 'STOPPING' })
  t.equal((await store.runs.get<StoredRun>(stuck.runId))?.open, true)
  const second = await createScene(t, { store })
  t.match(await second.runs.recover(), { resumed: 1 })
  t.match(await second.runs.wait(stuck.runId, 20_000), { outcome: 'ok' })
})

t.test('a waiting message whose answer was interrupted is waited for under its own id', async t => {
  const store = createMemoryStore()
  const [ran, stuck] = [gatedTool('first'), gatedTool('second')]
  const first = await createScene(t, { store, tools: [ran, stuck] })
  await first.start('/tool first {}')
  await ran.begun
  const { runId } = await first.start('/tool second {}', { queueMode: 'followup' })
  ran.open()
  await stuck.begun
  const again = gatedTool('second')
  const second = await createScene(t, { store, tools: [again] })
  t.match(await second.runs.recover(), { resumed: 1 })
  await again.begun
  const waiting = second.runs.wait(runId, 20_000)
  again.open('there you are')
  t.match(await waiting, { runId, outcome: 'ok', text: /there you are/ })
  const repeat = await second.start('/tool second {}', { idempotencyKey: runId })
  t.equal(repeat.status, 'done')
})

t.test('a long run that was at work when the gateway went is not too old', async t => {
  const store = createMemoryStore()
  let now = 1_000_000
  const tools = [gatedTool('early'), gatedTool('late')]
  const first = await createScene(t, { store, tools, now: () => now })
  const { runId } = await first.start('/tool early {}\n/tool late {}', { idempotencyKey: 'long' })
  await tools[0]!.begun
  now += 120 * 60_000
  await first.sessions.write(key, { lines: [{ type: 'message', message: { role: 'user', content: 'still here', timestamp: now } }] })
  const second = await createScene(t, { store, tools: tools.map(({ name }) => { const tool = gatedTool(name); tool.open(); return tool }), now: () => now })
  t.match(await second.runs.recover(), { resumed: 1, parked: 0 })
  t.match(await second.runs.wait(runId, 20_000), { outcome: 'ok' })
})

t.test('a message for an agent that is away outlives restarts and does not hold up a stop', async t => {
  const store = createMemoryStore()
  const config = { agents: { entries: { main: { runtime: 'external' } } } }
  let days = 0
  const now = (): number => 1_000_000 + days * 86_400_000
  const first = await createScene(t, { store, config, now })
  const { runId } = await first.start('are you there?')
  await first.runs.drain(2 ** 30)
  days = 30
  const second = await createScene(t, { store, config, now })
  t.match(await second.runs.recover(), { resumed: 1, parked: 0 }, 'it waits as long as it takes')
  second.runtimes.register('main', 'runtime')
  const { payload } = await second.hears(({ event }) => event === 'runtime agent.run.request')
  t.match(payload, { runId, sessionKey: key, messages: [{ role: 'user', content: 'are you there?' }] })
  second.runtimes.update('runtime', { runId, final: { text: 'now I am' } })
  t.match(await second.runs.wait(runId, 20_000), { outcome: 'ok', text: 'now I am' })
  t.equal(second.ends(runId).length, 1)
})
