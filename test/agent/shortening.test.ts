import t from 'tap'
import { ProviderError } from '../../src/providers/model.ts'
import { createScene, key } from './scene.ts'

t.test('a long conversation is shortened before a turn, and goes on', async t => {
  const { start, sessions, story } = await createScene(t, { config: { agents: { defaults: { compaction: { maxMessages: 6, keepLastN: 2 } } } } })
  for (let turn = 1; turn <= 5; turn++) t.equal((await (await start(`turn ${turn}.`)).result).outcome, 'ok')
  t.ok((await story()).includes('compaction'))
  const seen = await sessions.context(key)
  t.ok(seen.length < 8, 'the model sees less than was said')
  t.equal((await story()).filter(line => line.startsWith('user')).length, 5, 'the transcript keeps all of it')
})

t.test('a model that cannot summarise does not keep a turn from being answered', async t => {
  const { start } = await createScene(t, {
    config: { agents: { defaults: { compaction: { maxMessages: 2, keepLastN: 1 } } } },
    models: {
      async step (route, request, tell) {
        if (request.system.startsWith('Summarise')) throw new Error('too tired')
        tell({ type: 'text', delta: 'fine' })
        const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, totalTokens: 2 }
        return { content: [{ type: 'text', text: 'fine' }], stopReason: 'stop', usage, model: route.model, attempts: [] }
      }
    }
  })
  for (let turn = 1; turn <= 4; turn++) t.match(await (await start(`turn ${turn}.`)).result, { outcome: 'ok', text: 'fine' })
})

t.test('a conversation that the model refuses as too long is shortened and asked again, once', async t => {
  const asked: number[] = []
  const { start, ends } = await createScene(t, {
    config: { agents: { defaults: { compaction: { keepLastN: 1 } } } },
    models: {
      async step (route, request, tell) {
        const isSummary = request.system.startsWith('Summarise')
        if (!isSummary) asked.push(request.messages.length)
        if (!isSummary && request.messages.length > 3) throw new ProviderError('context_overflow', 'too long')
        tell({ type: 'text', delta: 'fine' })
        const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, totalTokens: 2 }
        return { content: [{ type: 'text', text: 'fine' }], stopReason: 'stop', usage, model: route.model, attempts: [] }
      }
    }
  })
  let last = ''
  for (let turn = 1; turn <= 3; turn++) {
    const run = await start(`turn ${turn}.`)
    last = run.runId
    t.match(await run.result, { outcome: 'ok', text: 'fine' })
  }
  t.same(asked, [1, 3, 5, 2])
  t.equal(ends(last).length, 1)
})
