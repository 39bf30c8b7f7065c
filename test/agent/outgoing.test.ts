import t from 'tap'
import { createOutgoing, withheld, type Sieve } from '../../src/agent/outgoing.ts'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import type { Models } from '../../src/providers/model.ts'
import { createScene, key } from './scene.ts'

const said = { agentId: 'main', sessionKey: key }

async function outgoingOf (outputFilters: object[]) {
  const env = { HOME: '/nowhere' }
  const loaded = await loadConfig({ paths: resolvePaths({ env }), env, text: JSON.stringify({ messages: { outputFilters } }) })
  const errors: string[] = []
  const log = { debug () {}, info () {}, warn () {}, error: (_: object, message: string) => errors.push(message) }
  const outgoing = createOutgoing({ config: () => loaded, log })
  await outgoing.ready()
  return { outgoing, errors }
}

const through = (sieve: Sieve, pieces: readonly string[]): string[] => [...pieces.map(piece => sieve.push(piece)), sieve.end()]

/** A model that says one text in these pieces. */
const saying = (...pieces: string[]): Partial<Models> => ({
  async step (route, _, tell) {
    for (const delta of pieces) tell({ type: 'text', delta })
    const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, totalTokens: 2 }
    return { content: [{ type: 'text', text: pieces.join('') }], stopReason: 'stop', usage, model: route.model, attempts: [] }
  }
})

t.test('what is said comes line by line, however it was cut into pieces', async t => {
  const { outgoing } = await outgoingOf([{ pattern: 'sk-[a-z0-9]+' }, { pattern: '(\\w+)@(\\w+)', replace: '$1@…', flags: 'gi' }])
  t.same(through(outgoing.sieve(said)!, ['one sk-', 'abc', ' two', '\nthr', 'ee a@b\nfo', 'ur sk-x', 'y']), ['', '', '', 'one *** two\n', 'three a@…\n', '', '', 'four ***'])
  const text = 'one sk-abc two\nthree a@b\nfour sk-xy'
  t.equal(outgoing.whole(text, said), 'one *** two\nthree a@…\nfour ***')
  for (let cut = 0; cut <= text.length; cut++) {
    t.equal(through(outgoing.sieve(said)!, [text.slice(0, cut), text.slice(cut)]).join(''), outgoing.whole(text, said), String(cut))
  }
})

t.test('what may span lines is looked for in the whole reply, which is then told at its end', async t => {
  const { outgoing } = await outgoingOf([{ pattern: 'BEGIN[^]*?END', replace: '(key)', scope: 'reply' }])
  t.same(through(outgoing.sieve(said)!, ['a\nBEGIN\n', 'x\n', 'END\nb']), ['', '', '', 'a\n(key)\nb'])
})

t.test('without rules nothing stands between an agent and its words', async t => {
  const { outgoing } = await outgoingOf([])
  t.equal(outgoing.sieve(said), undefined)
  t.equal(outgoing.whole('x', said), 'x')
})

t.test('a pattern that never ends ends, and the reply is withheld', async t => {
  const { outgoing, errors } = await outgoingOf([{ pattern: '^(a+)+$' }])
  t.equal(outgoing.whole(`${'a'.repeat(60)}!`, said), withheld)
  t.same(errors, ['a filter for replies failed; the reply was withheld'])
  t.same(through(outgoing.sieve(said)!, [`${'a'.repeat(60)}!\n`, 'more\n', 'and more']), [withheld, '', '', ''], 'nothing of it comes after that either')
  t.equal(outgoing.whole('fine', said), 'fine')
})

t.test('functions see the whole reply, and one that fails lets nothing out', async t => {
  const { outgoing } = await outgoingOf([{ pattern: 'x' }])
  const remove = outgoing.add((text, { agentId }) => `${agentId}: ${text.toUpperCase()}`)
  t.same(through(outgoing.sieve(said)!, ['axb\n', 'c']), ['', '', 'main: A***B\nC'])
  const removeBroken = outgoing.add(() => { throw new Error('canary') })
  t.equal(outgoing.whole('x', said), withheld)
  removeBroken()
  remove()
  t.equal(outgoing.whole('axb', said), 'a***b')
})

t.test('patterns that are none are refused with the configuration', async t => {
  const env = { HOME: '/nowhere' }
  const load = async (rule: object) => await loadConfig({ paths: resolvePaths({ env }), env, text: JSON.stringify({ messages: { outputFilters: [rule] } }) })
  for (const rule of [{ pattern: '(' }, { pattern: '' }, { pattern: 'x'.repeat(1001) }, { replace: 'x' }, { pattern: 'x', flags: 'y' }, { pattern: 'x', scope: 'all' }]) {
    const loaded = await load(rule).then(({ issues }) => issues, error => error)
    t.match(JSON.stringify(loaded) + String(loaded), /outputFilters/, JSON.stringify(rule))
  }
})

t.test('nobody hears what is filtered: not in deltas, not at the end, not in the history, not as a follower', async t => {
  const secret = 'canary-1234'
  const scene = await createScene(t, {
    models: saying('The key is can', 'ary-12', '34 and\n', 'again canary', '-1234'), config: { messages: { outputFilters: [{ pattern: 'canary-\\d+' }] } }
  })
  const heard: string[] = []
  const run = await scene.start('tell me')
  scene.runs.follow(run.runId, event => heard.push(JSON.stringify(event)))
  t.match(await run.result, { outcome: 'ok', text: 'The key is *** and\nagain ***' })
  t.notMatch(JSON.stringify([scene.told, heard]), /can(ary|")/)
  t.ok(heard.length > 0)
  t.notMatch(JSON.stringify(await scene.story()), secret)
  t.match(await scene.story(), ['user: tell me', 'assistant: The key is *** and\nagain ***'])
  const finals = scene.told.filter(({ event, payload }) => event === 'chat' && payload.state === 'final')
  t.match(finals, [{ payload: { message: { content: [{ text: 'The key is *** and\nagain ***' }] } } }])
})

t.test('what an aborted run has said is filtered, too', async t => {
  const scene = await createScene(t, {
    config: { messages: { outputFilters: [{ pattern: 'canary' }] } },
    models: {
      async step (_route, { signal }, tell) {
        tell({ type: 'text', delta: 'a canary\nand a can' })
        return await new Promise((_resolve, reject) => { signal.addEventListener('abort', () => reject(signal.reason)) })
      }
    }
  })
  const run = await scene.start('tell me')
  await scene.hears(({ event, payload }) => event === 'chat' && payload.state === 'delta')
  t.match(scene.runs.active(key), [{ text: 'a ***\n' }])
  await scene.runs.abort({ runId: run.runId })
  t.match(await run.result, { outcome: 'aborted', text: 'a ***\nand a can' })
  t.notMatch(JSON.stringify([scene.told, await scene.story()]), /canary/)
})
