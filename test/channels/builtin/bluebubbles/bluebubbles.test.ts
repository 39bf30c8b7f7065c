import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { bluebubbles, imessage } from '../../../../src/channels/builtin/bluebubbles/bluebubbles.ts'
import type { BluebubblesKeys } from '../../../../src/channels/builtin/bluebubbles/settings.ts'
import { callHook, openAccount, patient, send, until, type AccountScene } from '../../../fixtures/channels/account-scene.ts'
import { alice, direct, group, password, refusal, startBluebubbles, type BluebubblesServer } from '../../../fixtures/channels/bluebubbles-server.ts'

const keysFor = (server: BluebubblesServer, more: Partial<BluebubblesKeys> = {}): BluebubblesKeys =>
  ({ serverUrl: server.url, password, sweepSeconds: 3600, timeoutSeconds: 10, ...more })

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

interface Opened { readonly server: BluebubblesServer, readonly scene: AccountScene }

async function open (t: Test, more: Partial<BluebubblesKeys> = {}, prepare: (server: BluebubblesServer) => void = () => {}): Promise<Opened> {
  const server = await startBluebubbles(t)
  prepare(server)
  const scene = await openAccount(t, bluebubbles, keysFor(server, more))
  await until(() => scene.memory.readUntilMs !== undefined)
  return { server, scene }
}

const hook = async (scene: AccountScene, type: string, data: unknown, query: object = { password }): ReturnType<typeof callHook> =>
  await callHook(scene, { query: query as { [name: string]: string }, body: Buffer.from(JSON.stringify({ type, data })) })

const texts = ({ received }: AccountScene): string[] => received.map(({ text }) => text)

t.test('messages come by webhook in the words of the gateway, each of them once', async t => {
  const { server, scene } = await open(t)
  server.files.set('FILE-1', Buffer.from('picture'))
  const first = server.write({ text: 'hello' }, true)
  t.match(await hook(scene, 'new-message', first), { status: 200 })
  t.match(await hook(scene, 'new-message', first), { status: 200 })
  const attachments = [{ guid: 'FILE-1', mimeType: 'image/heic', transferName: 'a.heic', totalBytes: 7 }, { guid: 'x', hideAttachment: true }]
  await hook(scene, 'new-message', server.write({ text: '\ufffclook', attachments, chats: [group], threadOriginatorGuid: first.guid }, true))
  t.same(texts(scene), ['hello', 'look'])
  t.match(scene.received[0], { eventId: first.guid, chat: { kind: 'direct', id: direct.guid }, sender: { id: alice } })
  t.match(scene.received[1], { chat: { kind: 'group', id: group.guid, title: 'Family' }, replyTo: { messageId: first.guid, isOurs: false }, attachments: [{ kind: 'image' }] })
  const [file] = scene.received[1]!.attachments!
  t.equal(Buffer.from(await file!.fetch(100, patient)).toString(), 'picture')
  await t.rejects(file!.fetch(6, patient), { message: /7 bytes, and 6 are allowed/ })
})

t.test('edits are told, and what is no news to the agent is not', async t => {
  const { server, scene } = await open(t, {}, server => { server.write({ text: 'the last one before', dateCreated: Date.now() - 60_000 }, true) })
  const wire = server.write({ text: 'helo' }, true)
  await hook(scene, 'new-message', wire)
  await hook(scene, 'updated-message', { ...wire, dateRead: Date.now() })
  await hook(scene, 'updated-message', { ...wire, text: 'hello', dateEdited: wire.dateCreated + 5000 })
  await hook(scene, 'updated-message', { ...wire, dateRetracted: Date.now() })
  await hook(scene, 'updated-message', { ...wire, guid: 'of last year', dateCreated: wire.dateCreated - 10_000_000 })
  await hook(scene, 'new-message', { ...wire, guid: 'b', isFromMe: true })
  await hook(scene, 'new-message', { ...wire, guid: 'c', itemType: 1 })
  await hook(scene, 'new-message', { ...wire, guid: 'd', associatedMessageGuid: `p:0/${wire.guid}`, associatedMessageType: 'love' })
  await hook(scene, 'typing-indicator', { display: true })
  t.match(scene.received, [{ text: 'helo' }, { text: 'hello', isEdit: true, messageId: wire.guid }])
  t.equal(scene.received.length, 2)
  const other = await open(t, { reactionNotifications: 'all' })
  await hook(other.scene, 'new-message', { ...wire, guid: 'd', associatedMessageGuid: `p:0/${wire.guid}`, associatedMessageType: 'love' })
  await hook(other.scene, 'new-message', { ...wire, guid: 'e', associatedMessageGuid: `bp:${wire.guid}`, associatedMessageType: 3001 })
  t.match(other.scene.received, [{ text: '[reaction: ❤️]', replyTo: { messageId: wire.guid } }, { text: '[reaction 👍 taken back]', replyTo: { messageId: wire.guid } }])
})

t.test('what no webhook brought is found by asking, also what was written while the gateway was away', async t => {
  const { server, scene } = await open(t, { sweepSeconds: 5 }, server => { server.write({ text: 'before there was a gateway', dateCreated: Date.now() - 5_000_000 }, true) })
  t.same(texts(scene), [])
  await scene.account.stop()
  for (let number = 0; number < 250; number++) server.write({ text: `away ${number}` }, true)
  let fails = 1
  scene.receive = async () => { if (fails-- > 0) throw new Error('the store is full') }
  await scene.again()
  await until(() => scene.received.length >= 250)
  t.same(texts(scene), Array.from({ length: 250 }, (_, number) => `away ${number}`), 'in their order')
  await hook(scene, 'new-message', server.messages.at(-1))
  t.equal(scene.received.length, 250, 'and once')
  t.match(scene.links.map(({ up }) => up), [true, true], 'that something could not be kept is no break of the connection')
})

t.test('a webhook whose message came without its chat is completed', async t => {
  const { server, scene } = await open(t)
  const { chats: _chats, ...bare } = server.write({ text: 'long' }, true)
  t.match(await hook(scene, 'new-message', bare), { status: 200 })
  t.match(scene.received, [{ text: 'long', chat: { id: direct.guid } }])
})

t.test('whoever is not BlueBubbles gets nothing in, from this machine or another', async t => {
  const { server, scene } = await open(t)
  const wire = server.write({ text: 'let me in' }, true)
  for (const query of [{}, { password: '' }, { password: 'wrong' }, { guid: 'wrong' }]) t.match(await hook(scene, 'new-message', wire, query), { status: 401 })
  t.match(await callHook(scene, { method: 'GET', query: { password } }), { status: 405 })
  t.match(await callHook(scene, { query: { password }, body: Buffer.from('{') }), { status: 400 })
  t.match(await callHook(scene, { query: { password }, body: Buffer.alloc(2 * 1024 * 1024 + 1) }), { status: 413 })
  t.match(await hook(scene, 'new-message', { guid: 5 }), { status: 200 }, 'odd, and left out')
  t.same(scene.received, [])
  const own = await open(t, { webhookSecret: 'of its own' })
  t.match(await hook(own.scene, 'new-message', wire), { status: 401 }, 'the password opens the Mac, not the webhook')
  t.match(await hook(own.scene, 'new-message', wire, { password: 'of its own' }), { status: 200 })
})

t.test('the webhook is entered in BlueBubbles once, with its secret', async t => {
  const foreign = { id: 7, url: 'http://gateway.test/other?password=x', events: ['*'] }
  const { server, scene } = await open(t, { webhookUrl: 'http://gateway.test/hook' }, server => {
    server.hooks.push(foreign, { id: 8, url: 'http://gateway.test/hook?password=old', events: ['*'] })
  })
  await until(() => server.hooks.length > 1 && server.hooks[1]!.url.includes('mac'))
  const looks = (): number => server.named('webhook').filter(({ method }) => method === 'GET').length
  const before = looks()
  await scene.again()
  await until(() => scene.links.length === 2 && looks() > before)
  await sleep(50)
  t.match(server.hooks, [foreign, { url: 'http://gateway.test/hook?password=mac+%26+password', events: ['new-message', 'updated-message'] }])
  t.equal(server.hooks.length, 2, 'the one with the earlier secret is gone')
})

t.test('a webhook that somebody took away is entered anew', async t => {
  const { server } = await open(t, { webhookUrl: 'http://gateway.test/hook', sweepSeconds: 0.05 })
  await until(() => server.hooks.length === 1)
  server.hooks.length = 0
  await until(() => server.hooks.length === 1)
  t.match(server.hooks, [{ url: /^http:\/\/gateway\.test\/hook/ }])
})

t.test('text and files go out, plain, to people and groups', async t => {
  const { server, scene } = await open(t)
  t.match(await send(scene, { chatId: alice, text: '# Hi\n**bold** `code` [x](https://x.test/a_b_c)', replyTo: 'GUID-1' }), { kind: 'sent', messageId: /^GUID-/ })
  t.match(server.messages.at(-1), { text: 'Hi\nbold code x (https://x.test/a_b_c)', threadOriginatorGuid: null, sentAs: { method: 'apple-script', chatGuid: direct.guid } })
  server.fail('message/text', refusal(500, 'iMessage Error', 'Chat does not exist!'))
  const picture = { key: 'p', chatId: `chat_guid:${group.guid}`, text: 'look', media: { kind: 'image', mimeType: 'image/png', data: Buffer.from('png'), name: 'a.png' } } as const
  t.match(await scene.account.send(picture, patient), { kind: 'refused', reason: /Chat does not exist/ })
  t.match(await scene.account.send(picture, patient), { kind: 'sent' })
  t.same(server.messages.slice(-2).map(({ text }) => text), ['\ufffc', 'look'], 'the file went out once')
  t.match(server.messages.at(-2).upload, { filename: 'a.png', type: 'image/png' })
  t.match(await scene.account.react!(direct.guid, 'GUID-1', '👍', patient), { kind: 'refused', reason: /Private API/ })
  const { length } = server.calls
  t.match(await send(scene, { chatId: '../x', text: 'x' }), { kind: 'refused' })
  t.match(await send(scene, { chatId: alice, text: ' ' }), { kind: 'refused' })
  t.equal(server.calls.length, length, 'nothing of that was sent')
})

t.test('with the helper there are replies, tapbacks and signs', async t => {
  const { server, scene } = await open(t, {}, server => { server.hasHelper = true })
  const asked = server.write({ text: 'question' }, true)
  t.match(await send(scene, { chatId: alice, text: 'answer', replyTo: asked.guid }), { kind: 'sent' })
  const answer = server.messages.at(-1)
  t.match(answer, { threadOriginatorGuid: asked.guid, sentAs: { method: 'private-api' } })
  t.match(await scene.account.react!(alice, asked.guid, '❤️', patient), { kind: 'sent' })
  t.match(await scene.account.react!(alice, asked.guid, '', patient), { kind: 'sent' })
  t.match(await scene.account.react!(alice, asked.guid, '🦞', patient), { kind: 'refused', reason: /six tapbacks/ })
  t.match(await scene.account.remove!(alice, answer.guid, patient), { kind: 'sent' })
  await scene.account.typing!(alice, undefined, patient)
  t.same(server.signs, [`love ${asked.guid}`, `-love ${asked.guid}`, `unsend ${answer.guid}`, `read ${direct.guid}`, `typing ${direct.guid}`])
  await hook(scene, 'new-message', server.write({ text: 'thanks', chats: [group], threadOriginatorGuid: answer.guid }, true))
  t.match(scene.received, [{ isMention: true, replyTo: { isOurs: true } }], 'an answer to us speaks to us')
})

t.test('where the answer was lost the Mac is asked what it sent', async t => {
  const { server, scene } = await open(t, { timeoutSeconds: 1 })
  server.fail('message/text', { cut: 'after' }, { cut: 'before' }, { hang: true }, { half: true })
  t.match(await send(scene, { chatId: alice, text: 'arrived' }), { kind: 'sent', messageId: server.messages.at(-1)?.guid })
  t.match(await send(scene, { chatId: alice, text: 'lost' }), { kind: 'unknown' })
  t.match(await send(scene, { chatId: alice, text: 'lost' }), { kind: 'unknown', reason: /did not answer within 1 s/ })
  t.match(await send(scene, { chatId: alice, text: 'arrived' }), { kind: 'unknown' }, 'the earlier one of the same words does not count')
  server.fail('message/text',
    refusal(400, 'Validation Error', 'Message is already queued to be sent! (Temp GUID: temp-x)'),
    refusal(500, 'iMessage Error', 'Message failed to send!', { guid: 'x', error: 22 }),
    refusal(500, 'iMessage Error', 'Transaction timeout'),
    { status: 502, bytes: Buffer.from('<html>'), type: 'text/html' },
    { status: 200, bytes: Buffer.from('<html>'), type: 'text/html' })
  t.match(await send(scene, { chatId: alice, text: 'x' }), { kind: 'later' })
  t.match(await send(scene, { chatId: alice, text: 'x' }), { kind: 'refused', reason: /the receiver has no iMessage/ })
  t.match(await send(scene, { chatId: alice, text: 'x' }), { kind: 'unknown' })
  t.match(await send(scene, { chatId: alice, text: 'x' }), { kind: 'unknown' })
  t.match(await send(scene, { chatId: alice, text: 'x' }), { kind: 'unknown', reason: /check serverUrl/ })
  await server.close()
  t.match(await send(scene, { chatId: alice, text: 'x' }), { kind: 'later', reason: /ECONNREFUSED/ })
})

t.test('a Mac that is away is noticed and waited for', async t => {
  const { server, scene } = await open(t, { sweepSeconds: 5 })
  await server.close()
  t.match(await scene.account.probe!(patient), { ok: false, error: /ECONNREFUSED/ })
  await scene.account.stop()
  await scene.again()
  await until(() => scene.links.some(({ up }) => !up))
  await server.reopen()
  await until(() => scene.links.at(-1)?.up === true)
  t.match(await scene.account.probe!(patient), { ok: true, self: { id: 'claw@icloud.com', name: 'BlueBubbles 1.9.9' } })
})

t.test('a wrong password ends the account with the next step, and stands nowhere', async t => {
  const server = await startBluebubbles(t)
  const scene = await openAccount(t, imessage, keysFor(server, { password: 'secret password' }))
  await until(() => scene.links.length > 0)
  t.match(scene.links[0], { up: false, terminal: 'logged-out', reason: /put the password of the server .* into password/ })
  server.fail('message/text', refusal(400, 'Validation Error', 'no secret password, no secret+password, no secret%20password'))
  const said = JSON.stringify([await send(scene, { chatId: alice, text: 'x' }), await scene.account.probe!(patient), scene.links, scene.logged])
  t.match(said, 'no ***')
  t.notMatch(said, /secret.password/)
})

t.test('what is missing for iMessage is said with the next step', async t => {
  const missing = (keys: object): string | undefined => bluebubbles.missing(keys, 'default')
  t.equal(missing({ serverUrl: 'http://mac:1234', password }), undefined)
  t.match(missing({}), /^set channels\.bluebubbles\.serverUrl/)
  t.match(imessage.missing({ serverUrl: 'http://mac:1234' }, 'home'), /^set channels\.imessage\.accounts\.home\.password/)
  t.match(missing({ serverUrl: 'mac:1234', password }), /must be an absolute/)
  t.match(missing({ serverUrl: 'http://mac:1234', password, webhookUrl: '/x' }), /webhookUrl must be an absolute/)
})
