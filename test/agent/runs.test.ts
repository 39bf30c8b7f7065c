import t from 'tap'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { createScene, gatedTool, key, simpleTool } from './scene.ts'

// Each has a room of its own, and some wait in real time: they wait together.
t.jobs = 4

t.test('a steering message goes in before the model speaks again', async t => {
  const tool = gatedTool('wait')
  const { runs, start, story, ends, hears } = await createScene(t, { tools: [tool] })
  const first = await start('/tool wait {}')
  await tool.begun
  const second = await start('look here instead', { queueMode: 'steer' })
  t.same(runs.pending(key).map(({ text }) => text), ['look here instead'])
  tool.open()
  t.match(await second.result, { outcome: 'ok', stopReason: 'steered', text: '' })
  t.match(await first.result, { outcome: 'ok' })
  t.same((await story()).map(line => line.split(':')[0]), ['user', 'assistant', 'toolResult', 'user', 'assistant'])
  t.equal(ends(first.runId).length, 1)
  t.notOk((await hears(({ event, payload }) => event === 'chat' && payload.runId === second.runId)).payload.message)
  t.equal(ends(second.runId).length, 1)
  t.same(runs.pending(key), [])
})

t.test('calls of one step are carried out together and answered in their order', async t => {
  const slow = gatedTool('slow')
  const quick = simpleTool('quick', async () => {
    slow.open('slow one')
    return { content: [{ type: 'text', text: 'quick one' }] }
  })
  const { start, story } = await createScene(t, { tools: [slow, quick] })
  await (await start('/tool slow {}\n/tool quick {}')).result
  t.same((await story()).filter(line => line.startsWith('toolResult')), ['toolResult: slow one', 'toolResult: quick one'])
})

t.test('without parallel tools a call begins when the one before it is over', async t => {
  const order: string[] = []
  const tool = (name: string): Tool => simpleTool(name, async () => {
    order.push(`${name} begins`)
    await new Promise(resolve => setImmediate(resolve))
    order.push(`${name} ends`)
    return { content: [] }
  })
  const { start } = await createScene(t, { tools: [tool('a'), tool('b')], config: { agents: { defaults: { parallelTools: false } } } })
  await (await start('/tool a {}\n/tool b {}')).result
  t.same(order, ['a begins', 'a ends', 'b begins', 'b ends'])
})

t.test('a steering message keeps calls from being carried out that have not begun', async t => {
  const first = gatedTool('first')
  const second = gatedTool('second')
  const { start, story } = await createScene(t, { tools: [first, second], config: { agents: { defaults: { parallelTools: false } } } })
  const run = await start('/tool first {}\n/tool second {}')
  await first.begun
  await start('stop that', { queueMode: 'steer' })
  first.open()
  await run.result
  t.equal(second.calls, 0)
  t.match((await story()).filter(line => line.startsWith('toolResult')), [/done/, /Not carried out/])
})

t.test('a tool that throws, and one that does not exist, are results like others', async t => {
  const broken = simpleTool('broken', async () => { throw new Error('out of order') })
  const { start, story, ends } = await createScene(t, { tools: [broken] })
  const run = await start('/tool broken {}\n/tool nothing {}')
  t.equal((await run.result).outcome, 'ok')
  t.match((await story()).filter(line => line.startsWith('toolResult')), [/out of order/, /no tool named nothing/])
  t.equal(ends(run.runId).length, 1)
})

t.test('an abort does not wait for a tool that ignores it, and never ends a run twice', async t => {
  const deaf = gatedTool('deaf')
  const { runs, start, ends, sessions } = await createScene(t, { tools: [deaf] })
  const run = await start('/tool deaf {}')
  await deaf.begun
  const answers = await Promise.all([runs.abort({ runId: run.runId }), runs.abort({ sessionKey: key }), runs.abort({ runId: run.runId })])
  for (const { runIds } of answers) t.same(runIds, [run.runId])
  t.match(await run.result, { outcome: 'aborted', stopReason: 'rpc' })
  t.same(await runs.abort({ sessionKey: key }), { runIds: [] })
  deaf.open()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(ends(run.runId).length, 1)
  t.equal(sessions.get(key)!.status, 'killed')
})

t.test('a run that takes too long ends with a timeout', async t => {
  const deaf = gatedTool('deaf')
  const { start, ends, sessions } = await createScene(t, { tools: [deaf] })
  const run = await start('/tool deaf {}', { timeoutMs: 30 })
  t.match(await run.result, { outcome: 'timeout', error: { kind: 'timeout' } })
  t.match(ends(run.runId).map(({ payload }) => payload), [{ state: 'error', errorKind: 'timeout' }])
  t.equal(sessions.get(key)!.status, 'timeout')
})

t.test('waiting for an agent that is away takes nothing from the time of a run, unless the caller set one', async t => {
  const { start, runtimes, hears } = await createScene(t, { config: { agents: { defaults: { timeoutSeconds: 1 }, entries: { main: { runtime: 'external' } } } } })
  t.match(await (await start('quickly', { timeoutMs: 30 })).result, { outcome: 'timeout' })
  const { runId, result } = await start('when you are back')
  await new Promise(resolve => setTimeout(resolve, 1_200))
  runtimes.register('main', 'runtime')
  await hears(({ event, payload }) => event === 'runtime agent.run.request' && payload.runId === runId)
  t.match(await result, { outcome: 'timeout' }, 'it has its second now')
  t.match(await hears(({ event }) => event === 'runtime agent.run.cancel'), { payload: { runId, reason: 'timeout' } })
})

t.test('the signal of a caller ends the run that belongs to it', async t => {
  const deaf = gatedTool('deaf')
  const { start, story } = await createScene(t, { tools: [deaf] })
  const caller = new AbortController()
  const run = await start('/tool deaf {}', { signal: caller.signal, ownTurn: true })
  await deaf.begun
  const waiting = await start('I wait', { signal: caller.signal, ownTurn: true })
  caller.abort()
  t.match(await run.result, { outcome: 'aborted', stopReason: 'caller' })
  t.match(await waiting.result, { outcome: 'aborted', stopReason: 'caller' })
  t.equal((await story()).filter(line => line.startsWith('user')).length, 1, 'what waited was never begun')
})

t.test('what is not durable is not acknowledged, and does not hold up what follows', async t => {
  const memory = createMemoryStore()
  let full = true
  const store: Store = { ...memory, commit: async ops => { if (full) throw new Error('no space left'); await memory.commit(ops) } }
  const { start, runs, told } = await createScene(t, { store })
  await t.rejects(start('lost', { idempotencyKey: 'again' }), /no space left/)
  t.match(runs.stats(), { active: 0, queued: 0 })
  t.same(told, [])
  full = false
  const run = await start('lost', { idempotencyKey: 'again' })
  t.equal(run.status, 'started', 'the key is free again')
  t.equal((await run.result).outcome, 'ok')
})

t.test('a reply whose commit fails for a moment is told after it is durable', async t => {
  const memory = createMemoryStore()
  let commits = 0
  const store: Store = { ...memory, commit: async ops => { if (++commits === 2) throw new Error('busy'); await memory.commit(ops) } }
  const { start, ends, story } = await createScene(t, { store })
  const run = await start('patience')
  t.equal((await run.result).outcome, 'ok')
  t.equal(ends(run.runId)[0]!.payload.state, 'final')
  t.equal((await story()).length, 2)
})

t.test('a reply that can never be stored is told as failed, once', async t => {
  const memory = createMemoryStore()
  let commits = 0
  const store: Store = { ...memory, commit: async ops => { if (++commits > 1) throw new Error('no space left'); await memory.commit(ops) } }
  const { start, ends } = await createScene(t, { store })
  const run = await start('unlucky')
  t.match(await run.result, { outcome: 'error', error: { message: /no space left/ } })
  t.match(ends(run.runId).map(({ payload }) => payload.state), ['error'])
})

t.test('a silent reply ends without a message', async t => {
  const { start, ends, told } = await createScene(t, {
    models: {
      async step (route, request, tell) {
        for (const delta of ['NO', '_RE', 'PLY']) tell({ type: 'text', delta })
        return {
          content: [{ type: 'text', text: 'NO_REPLY' }], stopReason: 'stop', usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, totalTokens: 2 }, model: route.model, attempts: []
        }
      }
    }
  })
  const run = await start('anything?')
  t.equal((await run.result).text, '')
  t.equal(ends(run.runId)[0]!.payload.message, undefined)
  t.notOk(told.some(({ payload }) => payload.state === 'delta'))
})

t.test('followers hear every piece, sockets hear it paced and whole', async t => {
  const { start, runs, told } = await createScene(t)
  const run = await start(`${'piece '.repeat(40)}`)
  const heard: string[] = []
  runs.follow(run.runId, ({ stream, data }) => { if (stream === 'assistant') heard.push(String(data.delta)) })
  const { text } = await run.result
  t.equal(heard.join(''), text)
  const deltas = told.filter(({ event, payload }) => event === 'chat' && payload.state === 'delta')
  t.ok(deltas.length < heard.length)
  t.equal(deltas.map(({ payload }) => payload.deltaText).join(''), text)
  for (const { payload } of deltas) t.ok(text.startsWith(payload.message.content[0].text))
})

t.test('a second claim on the same key in the store is found, whichever process made it', async t => {
  const store = createMemoryStore()
  const first = await createScene(t, { store })
  await (await first.start('once', { idempotencyKey: 'shared' })).result
  const second = await createScene(t, { store })
  const again = await second.start('once', { idempotencyKey: 'shared' })
  t.equal(again.status, 'done')
  t.match(await again.result, { outcome: 'ok', text: /once/ })
  t.same(second.told, [])
  t.match(await second.runs.wait('shared', 10), { outcome: 'ok', text: /once/ })
})

t.test('of a conversation that leaves no trace nothing reaches the store', async t => {
  const store = createMemoryStore()
  const written: unknown[] = []
  const spying: Store = { ...store, commit: async ops => { written.push(...ops); await store.commit(ops) } }
  const tool = gatedTool('look')
  const { start, story } = await createScene(t, { store: spying, tools: [tool] })
  const sessionKey = 'agent:main:dashboard:incognito-1'
  const first = await start('/tool look {}', { sessionKey })
  await tool.begun
  const second = await start('psst', { sessionKey, queueMode: 'followup' })
  tool.open()
  t.equal((await first.result).outcome, 'ok')
  t.equal((await second.result).outcome, 'ok')
  t.equal((await story(sessionKey)).length, 6)
  const repeat = await start('/tool look {}', { sessionKey, idempotencyKey: first.runId })
  t.match([repeat.status, (await repeat.result).outcome], ['done', 'ok'], 'and still nothing runs twice')
  t.same(written, [])
})

t.test('thoughts are told to those who asked for them, paced and whole', async t => {
  const { start, told } = await createScene(t, {
    models: {
      async step (route, request, tell) {
        for (let piece = 0; piece < 100; piece++) tell({ type: 'thinking', delta: `thought ${piece}. ` })
        tell({ type: 'text', delta: 'done' })
        const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, totalTokens: 2 }
        return { content: [{ type: 'text', text: 'done' }], stopReason: 'stop', usage, model: route.model, attempts: [] }
      }
    }
  })
  await (await start('quietly')).result
  t.notOk(told.some(({ payload }) => payload.stream === 'thinking'))
  await (await start('aloud', { thinking: 'low' })).result
  const thoughts = told.filter(({ payload }) => payload.stream === 'thinking').map(({ payload }) => payload.data)
  t.ok(thoughts.length > 1 && thoughts.length < 10)
  t.equal(thoughts.map(({ delta }) => delta).join(''), thoughts.at(-1)!.text)
  t.match(thoughts.at(-1)!.text, /thought 99/)
})

t.test('whenever they are aborted, runs end once, and nothing is left over', async t => {
  const { start, runs, ends } = await createScene(t, { config: { messages: { queue: { mode: 'followup', cap: 200 } } } })
  let seed = 7
  const random = (most: number): number => { seed = (seed * 1103515245 + 12345) % 2 ** 31; return seed % most }
  const handles = []
  for (let number = 0; number < 80; number++) {
    const sessionKey = `agent:main:storm-${number % 5}`
    const handle = await start(`/slow ${random(3)}\n${'word '.repeat(random(12))}`, { sessionKey, ownTurn: random(2) === 0 })
    handles.push(handle)
    if (random(2) === 0) setTimeout(() => { void runs.abort(random(3) === 0 ? { sessionKey } : { runId: handle.runId }) }, random(40))
  }
  const results = await Promise.all(handles.map(({ result }) => result))
  await new Promise(resolve => setImmediate(resolve))
  t.same(handles.filter(({ runId }) => ends(runId).length !== 1).map(({ runId }) => ends(runId).map(({ payload }) => payload)), [])
  t.same([...new Set(results.map(({ outcome }) => outcome))].sort(), ['aborted', 'ok'])
  t.match(runs.stats(), { active: 0, queued: 0 })
})

t.test('what is settled for a day is forgotten in portions', async t => {
  const memory = createMemoryStore()
  const pruned: unknown[] = []
  const store: Store = { ...memory, commit: async ops => { pruned.push(...ops.filter(({ op }) => op === 'prune-runs')); await memory.commit(ops) } }
  const { start } = await createScene(t, { store, now: () => 100_000_000 })
  for (let number = 0; number < 500; number++) await (await start('.', { sessionKey: `agent:main:s-${number % 50}` })).result
  t.same(pruned, [{ op: 'prune-runs', beforeMs: 13_600_000, limit: 2000 }])
})

t.test('what messages under way amount to is bounded', async t => {
  const tool = gatedTool('look')
  const { start } = await createScene(t, { tools: [tool] })
  const first = await start('/tool look {}')
  await tool.begun
  const huge = { type: 'image' as const, mimeType: 'image/png', data: { length: 2 ** 28 } as unknown as string }
  await t.rejects(start('and this', { images: [huge] }), { code: 'BUSY', retryAfterMs: 5000 })
  tool.open()
  t.equal((await first.result).outcome, 'ok')
  t.equal((await (await start('something small')).result).outcome, 'ok')
})
