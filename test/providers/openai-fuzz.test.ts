import t from 'tap'
import { createAnswer } from '../../src/providers/openai/answer.ts'
import { ProviderError } from '../../src/providers/model.ts'
import { chunkOf, eventOf } from '../fixtures/providers/openai-server.ts'
import { settingsOf } from './openai-step.ts'
import { listener } from './scene.ts'

/** The same numbers in each run, so that a failure can be looked at. */
function createRandom (seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor(state / 2 ** 31 * below)
  }
}

const call = (index: number, more: object): object => chunkOf({ tool_calls: [{ index, ...more }] })
const stream = [
  ': ping\n\n',
  ...[
    chunkOf({ role: 'assistant', content: '' }), chunkOf({ reasoning_content: 'thinking…' }), chunkOf({ content: 'Grüße 世界' }), chunkOf({ content: '\n\n🎉' }),
    call(0, { id: 'a', function: { name: 'one', arguments: '{"text":"a\\' } }), call(1, { id: 'b', function: { name: 'two', arguments: '' } }),
    call(0, { function: { arguments: 'n\\"b"}' } }), chunkOf({}, 'tool_calls'), { choices: [], usage: { prompt_tokens: 5, completion_tokens: 6 } }
  ].map(eventOf),
  'data: [DONE]\n\n'
].join('')

function read (pieces: readonly string[], complete = true): unknown {
  const heard = listener()
  const answer = createAnswer(settingsOf('http://127.0.0.1:1/v1'), heard.tell)
  for (const piece of pieces) if (answer.text(piece) === 'done') break
  answer.end(complete)
  return { events: heard.events, result: answer.result() }
}

t.test('however a stream is cut into pieces, it says the same', async t => {
  const expected = read([stream])
  t.match(expected, { result: { stopReason: 'toolUse', content: [{}, { text: 'Grüße 世界\n\n🎉' }, { arguments: { text: 'a\n"b' } }, { name: 'two' }] } })
  const random = createRandom(7)
  let different = 0
  for (let round = 0; round < 500; round++) {
    const text = round % 2 ? stream : stream.replaceAll('\n', '\r\n')
    const pieces: string[] = []
    for (let at = 0; at < text.length;) {
      const size = 1 + random(40)
      pieces.push(text.slice(at, at + size))
      at += size
    }
    if (JSON.stringify(read(pieces)) !== JSON.stringify(expected)) different += 1
  }
  t.equal(different, 0)
})

t.test('a stream that ends anywhere before its reason to stop counts as broken off', async t => {
  const end = stream.indexOf('"finish_reason":"tool_calls"')
  for (let length = 0; length < end; length += 3) {
    try {
      read([stream.slice(0, length)], false)
      t.fail(`it was taken as complete after ${length} characters`)
    } catch (error) {
      if (!(error instanceof ProviderError) || !/network|server_error/.test(error.kind)) t.fail(String(error))
    }
  }
})

t.test('bytes that were damaged on the way end in an answer or in an error of the provider, never in another one', async t => {
  const random = createRandom(11)
  let answers = 0
  for (let round = 0; round < 3000; round++) {
    const at = random(stream.length)
    const damaged = stream.slice(0, at) + String.fromCharCode(random(128)) + stream.slice(at + 1 + random(20))
    try {
      read([damaged])
      answers += 1
    } catch (error) {
      if (!(error instanceof ProviderError)) t.fail(`${(error as Error).stack}\n${damaged}`)
    }
  }
  t.ok(answers > 0)
})
