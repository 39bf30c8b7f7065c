/** What every vendor's transport does, whatever the wire format. */
import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { goodKey, vectorOf } from '../fixtures/providers/vendor-server.ts'
import { anthropic, failureOf, result, stage, textOf, user, vendors, weather } from './sdk-step.ts'

const calls = [
  { id: 'call_1', name: 'weather', arguments: { city: 'Ulm' }, signature: 'sig-1' }, { id: 'call_2', name: 'weather', arguments: { city: 'Bonn' } }
]

for (const vendor of vendors) {
  t.test(vendor.name, async t => {
    t.test('text is told as it comes and is the result', async t => {
      const { step, told, sent } = await stage(t, vendor)
      const answer = await step({ text: ['Hel', 'lo ', 'you'], cachedTokens: 100 })
      t.same(told, ['Hel', 'lo ', 'you'].map(delta => ({ type: 'text', delta })))
      t.match(answer, {
        content: [{ type: 'text', text: 'Hello you' }],
        stopReason: 'stop',
        usage: { input: 12, output: 7, cacheRead: 100, cacheWrite: 0, totalTokens: 119 },
        // Google's is read by the library and kept to itself.
        responseModel: vendor.name === 'Google' ? undefined : vendor.modelId
      })
      t.match(JSON.stringify(sent()), /Be kind\./)
    })

    t.test('parallel calls come in order and their results are sent back', async t => {
      const { step, told, spoken } = await stage(t, vendor)
      const tools = [weather]
      const first = await step({ text: ['Looking.'], calls }, { tools })
      t.equal(first.stopReason, 'toolUse')
      t.match(told.slice(-2), [{ type: 'tool-call', call: { name: 'weather', arguments: { city: 'Ulm' } } }, { type: 'tool-call', call: { arguments: { city: 'Bonn' } } }])
      const made = first.content.filter(part => part.type === 'toolCall')
      const second = await step({ text: ['Rain.'] }, { tools, messages: [user('Weather?'), spoken(first), ...made.map(({ id }, index) => result(id, `rain ${index}`, index === 1))] })
      t.match(second.content, [{ type: 'text', text: 'Rain.' }])
    })

    t.test('a call without a result, and a result without a call, do not spoil the conversation', async t => {
      const { step, spoken, sent } = await stage(t, vendor)
      const first = await step({ calls }, { tools: [weather] })
      const id = first.content.find(part => part.type === 'toolCall')!.id
      const second = await step({}, { tools: [weather], messages: [result('gone', 'nobody asked'), user('Weather?'), spoken(first), result(id, 'rain'), user('Well?')] })
      t.equal(second.stopReason, 'stop')
      t.match(JSON.stringify(sent()), /No result: the run ended before this tool did/)
      t.notMatch(JSON.stringify(sent()), /nobody asked/)
    })

    t.test('the conversation of another model is understood', async t => {
      const { step } = await stage(t, vendor)
      const foreign = {
        role: 'assistant' as const,
        content: [
          { type: 'thinking' as const, thinking: 'Hm', signature: 'from elsewhere' },
          { type: 'toolCall' as const, id: 'functions.weather:0|x', name: 'weather', arguments: {}, thoughtSignature: 'from elsewhere' }
        ],
        api: 'other',
        provider: 'other',
        model: 'other',
        usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 },
        stopReason: 'toolUse' as const,
        timestamp: 0
      }
      const answer = await step({}, { tools: [weather], thinking: 'high', messages: [user('Weather?'), foreign, result('functions.weather:0|x', 'rain')] })
      t.equal(answer.stopReason, 'stop')
    })

    t.test('thoughts are told apart from text', async t => {
      const { step, told } = await stage(t, vendor)
      const answer = await step({ thinking: { text: 'Let me see.' }, text: ['Yes.'] }, { thinking: 'low' })
      t.equal(textOf(told, 'thinking'), 'Let me see.')
      t.equal(textOf(told), 'Yes.')
      t.match(answer.content, [{ type: 'thinking', thinking: 'Let me see.' }, { type: 'text', text: 'Yes.' }])
    })

    t.test('an image is sent to a model that sees, and mentioned to one that does not', async t => {
      const messages = [user([{ type: 'text', text: 'What is this?' }, { type: 'image', data: 'AAAA', mimeType: 'image/png' }])]
      const seeing = await stage(t, vendor)
      await seeing.step({}, { messages })
      t.match(JSON.stringify(seeing.sent()), /image\/png.*AAAA/)
      const blind = await stage(t, vendor, { model: { input: ['text'] } })
      await blind.step({}, { messages })
      t.notMatch(JSON.stringify(blind.sent()), /AAAA/)
      t.match(JSON.stringify(blind.sent()), /There is an image here/)
    })

    t.test('the choice of tools reaches the vendor', async t => {
      const { step, sent } = await stage(t, vendor, { model: { reasoning: false } })
      const seen = new Set<string>()
      for (const toolChoice of ['auto', 'none', 'required', { name: 'weather' }] as const) {
        await step({}, { tools: [weather], toolChoice })
        const { tool_choice: choice, toolConfig, tools } = sent()
        seen.add(JSON.stringify([choice ?? toolConfig ?? null, tools?.length ?? 0]))
      }
      t.equal(seen.size, 4, [...seen].join(' '))
      t.match([...seen].at(-1), /weather/)
    })

    t.test('JSON is asked for with a schema, and without one', async t => {
      const { step, sent } = await stage(t, vendor)
      await step({ text: ['{"a":1}'] }, { json: { schema: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false } } })
      t.match(JSON.stringify(sent()), /"a":\{"type":"integer"/)
      await step({ text: ['{}'] }, { json: true })
      t.match(JSON.stringify(sent()), /Reply with one JSON value/)
    })

    t.test('limits and the manner of sampling are sent when they are wanted', async t => {
      const { step, sent } = await stage(t, vendor, { model: { reasoning: false, id: 'own-model' } })
      await step({}, { maxOutputTokens: 99, temperature: 0.25, topP: 0.5 })
      t.match(JSON.stringify(sent()), /(maxOutputTokens|max_tokens|max_output_tokens)":99/)
      t.match(JSON.stringify(sent()), /"temperature":0.25/)
      await step({})
      t.notMatch(JSON.stringify(sent()), /"temperature"/)
    })

    t.test('levels of thinking make a difference, and off is off', async t => {
      const { step, sent } = await stage(t, vendor)
      const seen: string[] = []
      for (const thinking of ['off', 'low', 'high']) {
        await step({}, { thinking, maxOutputTokens: 4000 })
        const { thinking: budget, output_config: effort, reasoning, generationConfig } = sent()
        seen.push(JSON.stringify([budget, effort, reasoning, generationConfig?.thinkingConfig]))
      }
      t.equal(new Set(seen).size, 3, seen.join(' '))
      const plain = await stage(t, vendor, { model: { reasoning: false, id: 'own-model' } })
      await plain.step({}, { thinking: 'high' })
      const { thinking, reasoning, generationConfig } = plain.sent()
      t.same([thinking, reasoning, generationConfig?.thinkingConfig], [undefined, undefined, undefined])
    })

    t.test('an answer that reached its limit says so, half a call is dropped', async t => {
      const { step } = await stage(t, vendor)
      t.equal((await step({ stop: 'length' })).stopReason, 'length')
      if (vendor.name === 'Google') return
      t.same((await step({ text: ['So'], calls, halfCall: true, stop: 'length' }, { tools: [weather] })).content.map(({ type }) => type), ['text', 'toolCall'])
    })

    t.test('an answer that was withheld is a refusal', async t => {
      const { failure } = await stage(t, vendor)
      t.match(await failure({ stop: 'refusal' }), { kind: 'refusal', partial: true })
    })

    t.test('errors are told apart by what decides about another try', async t => {
      const { failure, server } = await stage(t, vendor)
      t.match(await failure({ status: 400, message: 'no such field' }), { kind: 'format', status: 400, partial: false, message: /vendor answered 400: no such field/ })
      t.match(await failure({ status: 401 }), { kind: 'auth', status: 401 })
      t.match(await failure({ status: 404 }), { kind: 'model_not_found', status: 404 })
      t.match(await failure({ status: 429, headers: { 'retry-after': '7' } }), { kind: 'rate_limit', status: 429, retryAfterMs: vendor.name === 'Google' ? 2000 : 7000 })
      t.match(await failure({ status: 500 }), { kind: 'server_error', status: 500 })
      t.match(await failure({ status: 503 }), { kind: 'overloaded', status: 503 })
      t.match(await failure({ status: 529 }), { kind: 'overloaded', status: 529 })
      t.match(await failure({ status: 400, message: 'prompt is too long: 300000 tokens > 200000 maximum' }), { kind: 'context_overflow' })
      t.match(await failure({ status: 400, message: 'Your credit balance is too low' }), { kind: 'billing' })
      t.equal(server.requests.length, 9, 'and each is asked once')
    })

    t.test('an error within the stream fails the step', async t => {
      const { failure, told } = await stage(t, vendor)
      const error = await failure({ text: ['one', 'two', 'three', 'four'], errorAfter: vendor.someFrames, message: 'Overloaded' })
      t.match(error, { kind: vendor.name === 'OpenAI' ? 'server_error' : 'overloaded', partial: true })
      t.ok(told.length > 0)
    })

    t.test('an error in place of the first words leaves nothing told', async t => {
      const { failure, told } = await stage(t, vendor)
      t.match(await failure({ errorAfter: 0, message: 'Overloaded' }), { kind: /overloaded|server_error/, partial: false })
      t.same(told, [])
    })

    t.test('a stream that breaks off is a broken network, partial when something was told', async t => {
      const { failure, told } = await stage(t, vendor)
      t.match(await failure({ text: ['one', 'two', 'three', 'four'], cutAfter: vendor.someFrames }), { kind: 'network', partial: true })
      t.ok(told.length > 0)
      t.match(await failure({ cutAfter: 0 }), { kind: 'network', partial: false })
    })

    t.test('nobody at the address is a broken network', async t => {
      const { failure, server } = await stage(t, vendor)
      await server.close()
      t.match(await failure({}), { kind: 'network', partial: false, message: /cannot be reached/ })
    })

    t.test('silence ends a step, slowness does not', async t => {
      const [early, late, slow] = await Promise.all(Array.from({ length: 3 }, async () => await stage(t, vendor, { settings: { idleTimeoutMs: 800 } })))
      const [silent, broken, answer] = await Promise.all([
        early!.failure({ hangAfter: 0 }), late!.failure({ text: ['one', 'two', 'three', 'four'], hangAfter: vendor.someFrames }), slow!.step({ delayMs: 50 })
      ])
      t.match(silent, { kind: 'timeout', partial: false })
      t.match(broken, { kind: 'timeout', partial: true, message: /said nothing/ })
      t.equal(answer.stopReason, 'stop')
    })

    t.test('the time for the whole answer is bounded', async t => {
      const { failure } = await stage(t, vendor, { settings: { timeoutMs: 100 } })
      t.match(await failure({ delayMs: 60_000 }), { kind: 'timeout', message: /did not finish within 0.1 s/ })
    })

    t.test('an abort reaches the socket, before the first word and after it', async t => {
      for (const script of [{ hangAfter: 0 }, { text: ['one', 'two', 'three', 'four'], hangAfter: vendor.someFrames }]) {
        const { server, transport, model } = await stage(t, vendor)
        const controller = new AbortController()
        server.script = script
        const wait = transport.step(model, { system: '', messages: [user('Hi')], tools: [], signal: controller.signal }, () => controller.abort())
        if (script.hangAfter === 0) void eventually(() => server.requests.length > 0).then(() => controller.abort())
        t.match(await failureOf(wait), { kind: 'aborted', partial: script.hangAfter !== 0 })
        await server.abandoned()
      }
      t.pass('the server saw both go')
      const { failure, server } = await stage(t, vendor)
      t.match(await failure({}, { signal: AbortSignal.abort() }), { kind: 'aborted' })
      t.equal(server.requests.length, 0, 'and who is aborted before asks nobody')
    })

    t.test('steps share a connection and leave no listener behind', async t => {
      const { server, step } = await stage(t, vendor)
      const controller = new AbortController()
      const listeners = new Set<unknown>()
      const { addEventListener, removeEventListener } = controller.signal
      controller.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => { listeners.add(args[1]); addEventListener.apply(controller.signal, args) }
      controller.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => { listeners.delete(args[1]); removeEventListener.apply(controller.signal, args) }
      for (let turn = 0; turn < 5; turn++) await step({}, { signal: controller.signal })
      t.equal(server.connections(), 1)
      t.equal(listeners.size, 0)
    })

    t.test('a kept connection that was given up in the meantime is replaced', async t => {
      const { server, step } = await stage(t, vendor)
      for (let turn = 0; turn < 3; turn++) t.equal((await step({ forgetful: true })).stopReason, 'stop')
      t.equal(server.connections(), 3)
      t.equal(server.requests.length, 3, 'and nothing is asked twice')
    })

    t.test("the key and the user's headers are what is sent, and no key means none", async t => {
      const named = await stage(t, vendor, { settings: { headers: { 'x-team': 'blue' } } })
      await named.step({})
      t.equal(named.server.requests[0]?.headers['x-team'], 'blue')
      const { apiKey: _, ...none } = { apiKey: undefined }
      const keyless = await stage(t, vendor, { settings: { ...none, apiKey: undefined } })
      await keyless.failure({})
      t.notMatch(keyless.server.requests[0]?.headers, { authorization: /./ })
      t.notMatch(keyless.server.requests[0]?.headers, { 'x-api-key': /./ })
      const bearer = await stage(t, anthropic, { settings: { options: { authHeader: true } } })
      await bearer.step({})
      t.match(bearer.server.requests[0]?.headers, { authorization: `Bearer ${goodKey}` })
    })

    t.test('a message that quotes the key comes without it', async t => {
      const { failure } = await stage(t, vendor)
      t.notMatch((await failure({ status: 401, message: `bad key ${goodKey}` })).message, new RegExp(goodKey))
    })

    if (vendor.name === 'Anthropic') return
    t.test('texts become vectors, in order, however many', async t => {
      const { transport, server } = await stage(t, vendor)
      const texts = Array.from({ length: 150 }, (_, index) => 'x'.repeat(index + 1))
      t.same((await transport.embed!('embed', texts, new AbortController().signal)).vectors, texts.map(vectorOf))
      t.same((await transport.embed!('embed', ['one'], new AbortController().signal)).vectors, [vectorOf('one')])
      server.script = { status: 429, headers: { 'retry-after': '1' } }
      t.match(await failureOf(transport.embed!('embed', texts, new AbortController().signal)), { kind: 'rate_limit' })
      t.match(await failureOf(transport.embed!('embed', texts, AbortSignal.abort())), { kind: 'aborted' })
    })
  })
}
