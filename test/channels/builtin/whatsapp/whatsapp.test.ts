import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { whatsapp } from '../../../../src/channels/builtin/whatsapp/whatsapp.ts'
import type { WhatsappKeys } from '../../../../src/channels/builtin/whatsapp/settings.ts'
import { callHook, openAccount, patient, send, until, type AccountScene } from '../../../fixtures/channels/account-scene.ts'
import {
  accessToken, alice, appSecret, graphError, message, notification, ownNumber, phoneNumberId, signed, startWhatsapp, textMessage, valueOf, verifyToken,
  type WhatsappServer
} from '../../../fixtures/channels/whatsapp-server.ts'

const keysFor = (server: WhatsappServer, more: Partial<WhatsappKeys> = {}): WhatsappKeys =>
  ({ phoneNumberId, accessToken, appSecret, verifyToken, apiRoot: server.url, timeoutSeconds: 10, ...more })

async function open (t: Test, more: Partial<WhatsappKeys> = {}): Promise<{ server: WhatsappServer, scene: AccountScene }> {
  const server = await startWhatsapp(t)
  return { server, scene: await openAccount(t, whatsapp, keysFor(server, more)) }
}

const png = Buffer.from('\x89PNG rest of it', 'latin1')

t.test('whoever enters the address has to know the verify token', async t => {
  const { scene } = await open(t)
  const ask = async (query: object): Promise<unknown> => await callHook(scene, { method: 'GET', query: query as { [name: string]: string } })
  t.match(await ask({ 'hub.mode': 'subscribe', 'hub.verify_token': verifyToken, 'hub.challenge': '1158201444' }), { status: 200, body: '1158201444' })
  t.match(await ask({ 'hub.mode': 'subscribe', 'hub.verify_token': 'wrong', 'hub.challenge': '1' }), { status: 403 })
  t.match(await ask({ 'hub.mode': 'unsubscribe', 'hub.verify_token': verifyToken, 'hub.challenge': '1' }), { status: 403 })
  t.match(await ask({}), { status: 403 })
  t.match(await ask({ 'hub.mode': 'subscribe', 'hub.verify_token': verifyToken, 'hub.challenge': '<script>' }), { status: 400 })
})

t.test('messages of a batch come in one after another, in the words of the gateway', async t => {
  const { scene, server } = await open(t)
  const file = server.keep(png, 'image/png')
  const asked = message({ type: 'image', image: { id: file, mime_type: 'image/png', caption: 'look' }, context: { id: 'wamid.earlier', from: ownNumber } })
  const body = notification(valueOf([textMessage('one'), asked]), valueOf([textMessage('two')]))
  t.match(await callHook(scene, signed(body)), { status: 200 })
  const [one, picture, two] = scene.received
  t.match(one, { text: 'one', chat: { kind: 'direct', id: alice }, sender: { id: alice, name: 'Alice' }, atMs: 1750857384000 })
  t.match(picture, { text: 'look', replyTo: { messageId: 'wamid.earlier', isOurs: true }, attachments: [{ kind: 'image', mimeType: 'image/png' }] })
  t.equal(two?.text, 'two')
  t.ok(png.equals(await picture!.attachments![0]!.fetch(1000, patient)))
  await t.rejects(picture!.attachments![0]!.fetch(5, patient), { message: /5 are allowed/ })
  t.same(scene.links, [], 'there is no connection that could be up, down or silent')
  t.ok(scene.activities() > 0)
})

t.test('what is neither text nor a file is told in words, and reactions only on request', async t => {
  const { scene } = await open(t)
  const messages = [
    message({ type: 'location', location: { latitude: 52.5, longitude: 13.4, name: 'Office', address: 'Main St' } }),
    message({ type: 'contacts', contacts: [{ name: { formatted_name: 'Bob' }, phones: [{ phone: '+49 1' }] }] }),
    message({ type: 'interactive', interactive: { button_reply: { id: 'x', title: 'Yes' } } }),
    message({ type: 'reaction', reaction: { message_id: 'wamid.x', emoji: '👍' } }),
    message({ type: 'unsupported', errors: [{ code: 131051 }] }),
    message({ type: 'system', system: { body: 'changed number' } }),
    message({ type: 'text', text: { body: 'in a group' }, group_id: 'Y2FwaV9ncm91cDo' })
  ]
  await callHook(scene, signed(notification(valueOf(messages))))
  t.same(scene.received.map(({ text }) => text), [
    '[location: Office, Main St 52.5, 13.4]', '[contact: Bob +49 1]', 'Yes', '[a message that WhatsApp does not hand on]', 'in a group'
  ])
  t.match(scene.received.at(-1)!.chat, { kind: 'group', id: 'Y2FwaV9ncm91cDo' })
  const other = await open(t, { reactionNotifications: 'all', phoneNumberId: '77' })
  const metadata = { metadata: { phone_number_id: '77' } }
  await callHook(other.scene, signed(notification(valueOf([message({ type: 'reaction', reaction: { message_id: 'wamid.x', emoji: '👍' } })], metadata))))
  t.match(other.scene.received, [{ text: '[reaction: 👍]', replyTo: { messageId: 'wamid.x' } }])
})

t.test('whoever is not WhatsApp gets nothing in', async t => {
  const { scene } = await open(t)
  const good = notification(valueOf([textMessage('let me in')]))
  t.match(await callHook(scene, { body: good }), { status: 401 }, 'without a signature')
  t.match(await callHook(scene, signed(good, 'another secret')), { status: 401 })
  t.match(await callHook(scene, { ...signed(good), body: Buffer.concat([good, Buffer.from(' ')]) }), { status: 401 }, 'a byte more')
  t.match(await callHook(scene, { body: good, headers: { 'x-hub-signature-256': 'sha256=' } }), { status: 401 })
  t.match(await callHook(scene, signed(Buffer.from('{"object"'))), { status: 400 })
  t.match(await callHook(scene, signed(Buffer.from('{"object":"page","entry":[]}'))), { status: 400 })
  t.match(await callHook(scene, signed(Buffer.alloc(3 * 1024 * 1024 + 1))), { status: 413 })
  t.match(await callHook(scene, { ...signed(good), method: 'PUT' }), { status: 405, headers: { allow: 'GET, POST' } })
  t.match(await callHook(scene, signed(notification({}, { messages: 'none' }, { messages: [null, {}, { id: 5 }] }))), { status: 200 }, 'odd, but signed')
  t.same(scene.received, [])
})

t.test('what cannot be kept is brought again, and statuses are noted', async t => {
  const { scene } = await open(t)
  scene.receive = async () => { throw new Error('the store is full') }
  const body = notification(valueOf([textMessage('important')]))
  t.match(await callHook(scene, signed(body)), { status: 503 })
  scene.receive = async () => {}
  t.match(await callHook(scene, signed(body)), { status: 200 })
  t.match(await callHook(scene, signed(body)), { status: 200 }, 'twice: the id is the same')
  t.equal(new Set(scene.received.map(({ eventId }) => eventId)).size, 1)
  const statuses = [{ id: 'wamid.out', status: 'failed', recipient_id: alice, errors: [{ code: 131047, title: 'Re-engagement message' }] }]
  await callHook(scene, signed(notification({ metadata: { phone_number_id: phoneNumberId }, statuses })))
  t.match(scene.logged.join('\n'), /did not deliver a message: \(131047\) Re-engagement message; the person wrote more than 24 hours ago/)
})

t.test('one address serves all numbers of an app, and no other app', async t => {
  const server = await startWhatsapp(t)
  const first = await openAccount(t, whatsapp, keysFor(server), 'first')
  const second = await openAccount(t, whatsapp, keysFor(server, { phoneNumberId: '200' }), 'second')
  const foreign = await openAccount(t, whatsapp, keysFor(server, { phoneNumberId: '300', appSecret: 'of another app' }), 'foreign')
  const to = (id: string): object => valueOf([textMessage(`to ${id}`)], { metadata: { phone_number_id: id } })
  t.match(await callHook(first, signed(notification(to('200'), to('300'), to('400')))), { status: 200 })
  t.same([first, second, foreign].map(({ received }) => received.map(({ text }) => text)), [[], ['to 200'], []])
  t.match(first.logged.join('\n'), /messages to a number that no account here has/)
  await t.rejects(openAccount(t, whatsapp, keysFor(server), 'third'), { message: /account first reads the same phone number already/ })
})

t.test('text, answers and files go out as WhatsApp wants them', async t => {
  const { scene, server } = await open(t)
  t.match(await send(scene, { chatId: `+${alice}`, text: '# Hi\n**bold** *it* ~~no~~ [site](https://x.test/a) `a*b*`', replyTo: 'wamid.q' }), { kind: 'sent', messageId: /^wamid\./ })
  t.match(server.messages.at(-1), {
    to: alice, recipient_type: 'individual', context: { message_id: 'wamid.q' }, text: { body: '*Hi*\n*bold* _it_ ~no~ site (https://x.test/a) `a*b*`' }
  })
  t.match(await send(scene, { chatId: alice, text: 'look', media: { kind: 'image', mimeType: 'image/png', data: png } }), { kind: 'sent' })
  t.match(server.messages.at(-1), { type: 'image', image: { caption: 'look' } })
  t.match(await send(scene, { chatId: alice, text: '', media: { kind: 'file', mimeType: 'application/pdf', data: png, name: 'a.pdf' } }), { kind: 'sent' })
  t.match(server.messages.at(-1), { type: 'document', document: { filename: 'a.pdf' } })
  server.fail('messages', graphError(500, 131016, 'Service unavailable'))
  const voice = { key: 'v', chatId: alice, text: 'spoken', media: { kind: 'audio', mimeType: 'audio/ogg; codecs=opus', data: png } } as const
  t.match(await scene.account.send(voice, patient), { kind: 'later' })
  t.match(await scene.account.send(voice, patient), { kind: 'sent' })
  t.match(await scene.account.send({ ...voice, key: 'w' }, patient), { kind: 'sent' })
  t.same(server.messages.slice(-4).map(({ type }) => type), ['audio', 'text', 'audio', 'text'], 'sound has no room for text')
  t.match(await scene.account.react!(alice, 'wamid.q', '👀', patient), { kind: 'sent' })
  t.match(server.messages.at(-1), { type: 'reaction', reaction: { message_id: 'wamid.q', emoji: '👀' } })
  const { length } = server.calls
  t.match(await send(scene, { chatId: 'x', text: 'x' }), { kind: 'refused', reason: /phone number/ })
  t.match(await send(scene, { chatId: alice, text: ' ' }), { kind: 'refused', reason: 'there is nothing to send' })
  t.match(await send(scene, { chatId: alice, text: 'x'.repeat(4097) }), { kind: 'refused' })
  t.match(await send(scene, { chatId: alice, media: { kind: 'video', mimeType: 'video/x-msvideo', data: Buffer.alloc(101 * 1024 * 1024) } }), { kind: 'refused' })
  t.equal(server.calls.length, length, 'nothing of that was sent')
})

t.test('people see that they are read only when they are answered', async t => {
  const { scene, server } = await open(t)
  const asked = textMessage('hello?')
  await callHook(scene, signed(notification(valueOf([asked]))))
  await sleep(50)
  t.same(server.read, [])
  await scene.account.typing!(alice, undefined, patient)
  t.same(server.read, [{ id: asked.id, isTyping: true }])
  const again = textMessage('and?')
  await callHook(scene, signed(notification(valueOf([again]))))
  await send(scene, { chatId: alice, text: 'yes' })
  await until(() => server.read.length === 2)
  t.same(server.read[1], { id: again.id, isTyping: false })
  await scene.account.typing!('4900000000', undefined, patient)
  t.equal(server.read.length, 2, 'nobody wrote there')
})

t.test('what became of a message is known wherever it can be', async t => {
  const { scene, server } = await open(t, { timeoutSeconds: 1 })
  const cases: ReadonlyArray<readonly [Parameters<WhatsappServer['fail']>[1], object]> = [
    [graphError(400, 131056, '(Business Account, Consumer Account) pair rate limit hit'), { kind: 'later', retryAfterMs: 6000, reason: /131056/ }],
    [graphError(429, 130429, 'Rate limit hit'), { kind: 'later' }],
    [graphError(400, 131047, 'Re-engagement message'), { kind: 'refused', reason: /more than 24 hours ago: wait until they write/ }],
    [graphError(400, 131026, 'Message undeliverable'), { kind: 'refused', reason: /has no WhatsApp/ }],
    [graphError(403, 10, 'Permission denied'), { kind: 'refused', reason: /whatsapp_business_messaging/ }],
    [graphError(500, 131000, 'Something went wrong'), { kind: 'later' }],
    [{ status: 502, bytes: Buffer.from('<html>'), type: 'text/html' }, { kind: 'unknown', reason: /no answer of the Cloud API/ }],
    [{ status: 503, bytes: Buffer.from('<html>'), type: 'text/html', headers: { 'retry-after': '7' } }, { kind: 'later', retryAfterMs: 7000 }],
    [{ status: 200, bytes: Buffer.from('hello'), type: 'text/html' }, { kind: 'unknown', reason: /check apiRoot/ }],
    [{ status: 200, json: {} }, { kind: 'unknown' }],
    [{ cut: 'before' }, { kind: 'unknown' }],
    [{ cut: 'after' }, { kind: 'unknown' }],
    [{ half: true }, { kind: 'unknown' }],
    [{ hang: true }, { kind: 'unknown', reason: /did not answer within 1 s/ }]
  ]
  for (const [fault, expected] of cases) {
    server.fail('messages', fault)
    t.match(await send(scene, { chatId: alice, text: 'x' }), expected, JSON.stringify(fault).slice(0, 80))
  }
  server.fail('media', { cut: 'after' })
  t.match(await send(scene, { chatId: alice, media: { kind: 'file', mimeType: 'text/plain', data: png } }), { kind: 'later' }, 'an upload is no message')
  await server.close()
  t.match(await send(scene, { chatId: alice, text: 'x' }), { kind: 'later', reason: /ECONNREFUSED/ })
  t.match(await scene.account.probe!(patient), { ok: false, error: /ECONNREFUSED/ })
  await server.reopen()
  t.match(await scene.account.probe!(patient), { ok: true, self: { id: '+1 555-078-3881', name: 'Claw' } })
})

t.test('a token that is none ends the account with the next step, and stands nowhere', async t => {
  const { scene, server } = await open(t, { accessToken: 'EAAsecret-old-token' })
  await until(() => scene.links.length > 0)
  t.match(scene.links[0], { up: false, terminal: 'logged-out', reason: /\(190\).*create a new token of a system user and put it into accessToken/ })
  server.fail('messages', graphError(400, 100, 'no EAAsecret-old-token here'))
  const said = JSON.stringify([await send(scene, { chatId: alice, text: 'x' }), await scene.account.probe!(patient), scene.links, scene.logged])
  t.match(said, 'no *** here')
  t.notMatch(said, 'EAAsecret')
})

t.test('the token of the service goes to none but its own hosts', async t => {
  const { scene, server } = await open(t)
  const other = await startWhatsapp(t)
  const id = server.keep(png, 'image/png')
  await callHook(scene, signed(notification(valueOf([message({ type: 'image', image: { id } })]))))
  const [attachment] = scene.received[0]!.attachments!
  server.fail('media-url', { json: { url: `http://localhost:${new URL(other.url).port}/files/${id}`, file_size: 5 } })
  await t.rejects(attachment!.fetch(1000, patient), { message: /not among the hosts/ })
  t.equal(other.calls.length, 0)
  server.fail('download', { bytes: Buffer.from('other bytes') })
  await t.rejects(attachment!.fetch(1000, patient), { message: 'the attachment came damaged' })
})

t.test('what is missing for WhatsApp is said with the next step', async t => {
  const whole = { phoneNumberId, accessToken, appSecret, verifyToken }
  const missing = (keys: object, accountId = 'default'): string | undefined => whatsapp.missing(keys, accountId)
  t.equal(missing(whole), undefined)
  t.equal(missing({ ...whole, accessToken: { source: 'env', id: 'WA_TOKEN' } }), undefined)
  t.match(missing({}), /^set channels\.whatsapp\.phoneNumberId/)
  t.match(missing({ ...whole, phoneNumberId: '+1 555' }, 'work'), /^set channels\.whatsapp\.accounts\.work\.phoneNumberId .*digits only/)
  for (const name of ['accessToken', 'appSecret', 'verifyToken']) t.match(missing({ ...whole, [name]: ' ' }), new RegExp(`^set channels\\.whatsapp\\.${name}: `))
  t.match(missing({ ...whole, apiRoot: 'ftp://x' }), /apiRoot must be an absolute/)
})

t.test('an approved template goes out in place of a text, and one that is none is refused', async t => {
  const { scene, server } = await open(t)
  const components = [{ type: 'body', parameters: [{ type: 'text', text: '4711' }] }]
  t.match(await send(scene, { chatId: alice, text: '[template]', template: { name: 'order_update', language: 'de', components } }), { kind: 'sent' })
  t.match(server.messages, [{ to: alice, type: 'template', template: { name: 'order_update', language: { code: 'de' }, components }, text: undefined }])
  t.match(await send(scene, { chatId: alice, text: 'x', template: { name: 'other', language: 'de' } }), { kind: 'refused', reason: /132001.*WhatsApp Manager/ })
})

t.test('the address is entered for the number, and anew when something else is', async t => {
  const webhookUrl = 'http://gateway.test/webhooks/whatsapp/default'
  const { server } = await open(t, { webhookUrl, webhookCheckSeconds: 0.02 })
  await until(() => server.callback.ofNumber === webhookUrl)
  server.callback.ofNumber = 'https://elsewhere.test/'
  await until(() => server.callback.ofNumber === webhookUrl)
  server.callback.ofNumber = undefined
  server.callback.ofApp = webhookUrl
  const looks = server.calls.length
  await until(() => server.calls.length > looks + 4)
  t.equal(server.callback.ofNumber, undefined, 'what the app says is enough')
})

t.test('an address that WhatsApp does not take is told to whoever looks after the account, and a missing right once', async t => {
  const { server, scene } = await open(t, { webhookUrl: 'http://gateway.test/hook', webhookCheckSeconds: 0.02 })
  server.callback.ofApp = 'https://elsewhere.test/'
  server.callback.refusal = graphError(400, 2200, 'Callback verification failed')
  await until(() => scene.logged.some(line => /^ingress: WhatsApp does not take .*\(2200\)/.test(line)))
  server.callback.refusal = graphError(403, 200, 'Permissions error')
  const forbidden = (): number => scene.logged.filter(line => line.includes('whatsapp_business_management')).length
  await until(() => forbidden() > 0)
  const looks = server.calls.length
  await until(() => server.calls.length > looks + 4)
  t.equal(forbidden(), 1)
  t.equal(scene.logged.at(-1), 'ingress: undefined')
})
