import { createHmac } from 'node:crypto'
import t, { type Test } from 'tap'
import { webhook } from '../../../../src/channels/builtin/webhook/webhook.ts'
import type { WebhookKeys } from '../../../../src/channels/builtin/webhook/settings.ts'
import { callHook, openAccount, patient, send, type AccountScene } from '../../../fixtures/channels/account-scene.ts'
import { startService, type ServiceCall, type ServiceServer } from '../../../fixtures/channels/service-server.ts'

const secret = 'a long random text of both sides'

interface Receiver extends ServiceServer { readonly kept: Map<string, any> }

/** A program as somebody would write it after the README: it checks the signature, and knows what it has by the id. */
async function startReceiver (t: Test): Promise<Receiver> {
  const kept = new Map<string, any>()
  const isSigned = ({ headers, body }: ServiceCall): boolean =>
    headers['x-openclaw-signature'] === `sha256=${createHmac('sha256', secret).update(`${String(headers['x-openclaw-timestamp'])}.`).update(body).digest('hex')}`
  const service = await startService(t, {
    nameOf: ({ json }) => json.type,
    answer (call) {
      if (!isSigned(call) || call.headers['x-openclaw-id'] !== call.json.id) return { status: 401 }
      if (kept.has(call.json.id)) return { status: 409 }
      kept.set(call.json.id, call.json)
      return call.json.type === 'ping' ? { status: 204 } : { json: { messageId: `their-${kept.size}` } }
    }
  })
  return Object.assign(service, { kept })
}

const open = async (t: Test, more: Partial<WebhookKeys> = {}, accountId = 'default'): Promise<AccountScene> =>
  await openAccount(t, webhook, { secret, timeoutSeconds: 1, ...more }, accountId)

async function openBoth (t: Test, more: Partial<WebhookKeys> = {}): Promise<{ receiver: Receiver, scene: AccountScene }> {
  const receiver = await startReceiver(t)
  return { receiver, scene: await open(t, { url: `${receiver.url}/from-openclaw`, allowPrivateNetwork: true, ...more }) }
}

function signed (body: object | string, { key = secret, ageS = 0 } = {}): { body: Buffer, headers: { [name: string]: string } } {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const at = String(Math.floor(Date.now() / 1000) - ageS)
  return { body: bytes, headers: { 'x-openclaw-timestamp': at, 'x-openclaw-signature': `sha256=${createHmac('sha256', key).update(`${at}.`).update(bytes).digest('hex')}` } }
}

const hello = { id: 'msg-1', sender: { id: 'ada', name: 'Ada' }, text: 'Hello' }

t.test('a message comes in once, with all that it says', async t => {
  const scene = await open(t)
  t.match(await callHook(scene, signed(hello)), { status: 200, body: { ok: true, id: 'msg-1', duplicate: undefined } })
  t.match(await callHook(scene, signed(hello)), { status: 200, body: { ok: true, id: 'msg-1', duplicate: true } })
  const whole = {
    id: 'msg-2', account: 'default', messageId: 'm', sender: { id: 7, name: 'Bot', isBot: true }, chat: { id: 'room', kind: 'group', title: 'Room' },
    thread: 't1', text: '', mention: true, replyTo: 'msg-1', edited: true, at: 1750857384000,
    attachments: [{ kind: 'image', name: 'a.png', mimeType: 'image/png', data: Buffer.from('png').toString('base64') }]
  }
  t.match(await callHook(scene, signed(whole)), { status: 200 })
  t.match(scene.received, [
    { eventId: 'msg-1', chat: { kind: 'direct', id: 'ada' }, sender: { id: 'ada', name: 'Ada' }, text: 'Hello' },
    { eventId: 'msg-2', messageId: 'm', chat: { kind: 'group', id: 'room', threadId: 't1' }, sender: { id: '7', isBot: true }, isMention: true, isEdit: true, atMs: 1750857384000 }
  ])
  t.equal(scene.received.length, 2)
  const [file] = scene.received[1]!.attachments!
  t.equal(Buffer.from(await file!.fetch(10, patient)).toString(), 'png')
  await t.rejects(file!.fetch(2, patient), { message: /3 bytes, and 2 are allowed/ })
})

t.test('whoever has no secret gets nothing in, and an old signature is none', async t => {
  const scene = await open(t, { toleranceSeconds: 60, previousSecret: 'the secret of last year' })
  const good = signed(hello)
  const other = signed(hello).headers
  t.match(await callHook(scene, { body: good.body }), { status: 401, body: { error: /are needed/ } })
  t.match(await callHook(scene, signed(hello, { key: 'another one' })), { status: 401, body: { error: 'the signature does not fit' } })
  t.match(await callHook(scene, signed(hello, { key: '' })), { status: 401 })
  t.match(await callHook(scene, { ...good, body: Buffer.from(JSON.stringify({ ...hello, text: 'Hello!' })) }), { status: 401 })
  t.match(await callHook(scene, { ...good, headers: { ...good.headers, 'x-openclaw-timestamp': String(Number(other['x-openclaw-timestamp']) + 1) } }), { status: 401 })
  t.match(await callHook(scene, signed(hello, { ageS: 90 })), { status: 401, body: { error: /too far from now/ } })
  t.match(await callHook(scene, signed(hello, { ageS: -90 })), { status: 401 })
  t.match(await callHook(scene, { ...good, method: 'GET' }), { status: 405 })
  t.same(scene.received, [])
  t.match(await callHook(scene, signed(hello, { key: 'the secret of last year' })), { status: 200 })
  t.equal(scene.received.length, 1)
})

t.test('a call is good for one account alone', async t => {
  const first = await open(t, {}, 'first')
  const second = await open(t, { secret: 'another long random text' }, 'second')
  const call = signed({ ...hello, account: 'first' })
  t.match(await callHook(second, call), { status: 401 })
  t.match(await callHook(first, call), { status: 200 })
  t.match(await callHook(first, signed({ ...hello, id: 'x', account: 'second' })), { status: 422, body: { error: /account must be "first"/ } })
  await t.rejects(open(t, {}, 'third'), { message: /account first reads the same secret already; give third one of its own/ })
})

t.test('what does not fit is named, and nothing of it is kept', async t => {
  const scene = await open(t)
  const cases: ReadonlyArray<readonly [object | string, number, RegExp]> = [
    ['{"id"', 400, /JSON object/], ['[]', 400, /JSON object/], [{ ...hello, id: undefined }, 422, /^id is needed/], [{ ...hello, id: '' }, 422, /^id must be/],
    [{ ...hello, id: 'x'.repeat(201) }, 422, /^id must be/], [{ ...hello, id: 'a\nb' }, 422, /^id must be/], [{ ...hello, sender: 'ada' }, 422, /^sender must be an object/],
    [{ ...hello, sender: {} }, 422, /^sender\.id is needed/], [{ ...hello, text: 5 }, 422, /^text must be/], [{ ...hello, text: ' ' }, 422, /text or attachments/],
    [{ ...hello, text: 'x'.repeat(100_001) }, 422, /^text must be/], [{ ...hello, chat: { kind: 'group' } }, 422, /^chat\.id is needed/],
    [{ ...hello, chat: { kind: 'crowd' } }, 422, /^chat\.kind/], [{ ...hello, mention: 'yes' }, 422, /^mention/], [{ ...hello, at: 'now' }, 422, /^at must/],
    [{ ...hello, attachments: Array(11).fill({}) }, 422, /list of 10/], [{ ...hello, attachments: [{ kind: 'x' }] }, 422, /^attachments\[0\]\.kind/],
    [{ ...hello, attachments: [{ data: 'eA==', url: 'https://x.test' }] }, 422, /not both/]
  ]
  for (const [body, status, error] of cases) t.match(await callHook(scene, signed(body)), { status, body: { ok: false, error } }, String(error))
  t.same(scene.received, [])
})

t.test('what cannot be kept may come again, and at the same moment it counts once', async t => {
  const scene = await open(t)
  scene.receive = async () => { throw new Error('the store is full') }
  t.match(await callHook(scene, signed(hello)), { status: 503 })
  scene.receive = async () => {}
  const answers = await Promise.all(Array.from({ length: 20 }, async () => await callHook(scene, signed(hello))))
  t.same(answers.map(({ status }) => status), Array(20).fill(200))
  t.equal(scene.received.length, 1)
})

t.test('replies are posted signed, and arrive once however often they are sent', async t => {
  const { receiver, scene } = await openBoth(t)
  t.match(await send(scene, { chatId: 'ada', text: '**Hi** 😀', threadId: 't1', replyTo: 'msg-1', isSilent: true }), { kind: 'sent', messageId: 'their-1' })
  t.match([...receiver.kept.values()].at(-1), { type: 'message', account: 'default', chat: { id: 'ada' }, thread: 't1', text: '**Hi** 😀', replyTo: 'msg-1', silent: true })
  receiver.fail('message', { cut: 'after' }, { cut: 'before' }, { half: true }, { hang: true }, { status: 500 }, { status: 429, headers: { 'retry-after': '7' } })
  const message = { key: 'one', chatId: 'ada', text: 'once', media: { kind: 'file', mimeType: 'text/plain', data: Buffer.from('x'), name: 'x.txt' } } as const
  t.match(await scene.account.send(message, patient), { kind: 'later' })
  t.match(await scene.account.send(message, patient), { kind: 'later' })
  t.match(await scene.account.send(message, patient), { kind: 'later' }, 'half an answer is none')
  t.match(await scene.account.send(message, patient), { kind: 'later' })
  t.match(await scene.account.send(message, patient), { kind: 'later', reason: /answered 500/ })
  t.match(await scene.account.send(message, patient), { kind: 'later', retryAfterMs: 7000 })
  t.match(await scene.account.send(message, patient), { kind: 'sent', messageId: 'one' })
  t.equal(receiver.kept.size, 2)
  t.match(receiver.kept.get('one').media, { data: 'eA==', name: 'x.txt' })
  receiver.fail('message', { status: 400 }, { status: 302, headers: { location: 'http://elsewhere.test/' } })
  t.match(await send(scene, { chatId: 'ada', text: 'x' }), { kind: 'refused', reason: /answered 400/ })
  t.match(await send(scene, { chatId: 'ada', text: 'x' }), { kind: 'refused' }, 'redirects are not followed')
  t.match(await send(scene, { chatId: 'ada', text: ' ' }), { kind: 'refused', reason: 'there is nothing to send' })
  t.equal(scene.account.edit, undefined)
  await receiver.close()
  t.match(await send(scene, { chatId: 'ada', text: 'x' }), { kind: 'later' })
})

t.test('edits, reactions and signs are posted to those that want them', async t => {
  const { receiver, scene } = await openBoth(t, { events: 'all' })
  t.match(await scene.account.edit!({ key: 'k', chatId: 'ada', text: 'new', messageId: 'm' }, patient), { kind: 'sent', messageId: 'm' })
  await scene.account.react!('ada', 'm', '👍', patient)
  await scene.account.remove!('ada', 'm', patient)
  await scene.account.typing!('ada', undefined, patient)
  t.match(await scene.account.probe!(patient), { ok: true })
  t.same([...receiver.kept.values()].map(({ type }) => type), ['edit', 'reaction', 'remove', 'typing', 'ping'])
})

t.test('nothing is posted into the own network, or fetched from there, unless somebody said so', async t => {
  const receiver = await startReceiver(t)
  const closed = await open(t, { url: receiver.url })
  t.match(await send(closed, { chatId: 'ada', text: 'x' }), { kind: 'refused', reason: /leads to this machine.*channels\.webhook\.allowPrivateNetwork: true/ })
  t.match(await closed.account.probe!(patient), { ok: false, error: /leads to this machine/ })
  t.match(await callHook(closed, signed({ ...hello, attachments: [{ url: `${receiver.url}/secret` }] })), { status: 200 })
  await t.rejects(closed.received[0]!.attachments![0]!.fetch(100, patient), { message: /leads to this machine/ })
  t.equal(receiver.calls.length, 0)
  const inward = await open(t, { secret: 'one more long random text' }, 'inward')
  t.match(await send(inward, { chatId: 'ada', text: 'x' }), { kind: 'refused', reason: /set channels\.webhook\.accounts\.inward\.url/ })
  t.match(await inward.account.probe!(patient), { ok: true, self: { name: 'inbound only' } })
})

t.test('what is missing for a webhook is said with the next step', async t => {
  const missing = (keys: object, accountId = 'default'): string | undefined => webhook.missing(keys, accountId)
  t.equal(missing({ secret }), undefined)
  t.equal(missing({ secret: { source: 'env', id: 'S' }, url: 'https://x.test/in' }), undefined)
  t.match(missing({}), /^set channels\.webhook\.secret to a long random text/)
  t.match(missing({ secret: 'short' }, 'a'), /^channels\.webhook\.accounts\.a\.secret must have 16 characters/)
  t.match(missing({ secret, url: 'http://x.test' }), /must begin with https/)
  t.equal(missing({ secret, url: 'http://10.0.0.5/in', allowPrivateNetwork: true }), undefined)
  t.match(missing({ secret, url: 'https://a:b@x.test' }), /must not contain a name or password/)
  t.match(missing({ secret, url: 'x.test' }), /must be an absolute https address/)
  await t.rejects(open(t, { secret: '' }), { message: /has no value/ })
})
