import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { matrix } from '../../../../src/channels/builtin/matrix/matrix.ts'
import type { MatrixKeys } from '../../../../src/channels/builtin/matrix/settings.ts'
import { openAccount, patient, send, until, type AccountScene } from '../../../fixtures/channels/account-scene.ts'
import {
  accessToken, alice, bob, direct, group, matrixError, secretRoom, self, startMatrix, text, type MatrixServer
} from '../../../fixtures/channels/matrix-server.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

interface Opened { readonly server: MatrixServer, readonly scene: AccountScene }

async function open (t: Test, more: Partial<MatrixKeys> = {}, prepare: (server: MatrixServer) => void = () => {}): Promise<Opened> {
  const server = await startMatrix(t)
  prepare(server)
  const scene = await openAccount(t, matrix, { homeserver: server.url, accessToken, syncTimeoutSeconds: 2, timeoutSeconds: 10, ...more })
  await until(() => scene.memory.since !== undefined)
  return { server, scene }
}

const texts = ({ received }: AccountScene): string[] => received.map(message => message.text)

t.test('messages come in order and in the words of the gateway, and nothing from before there was one', async t => {
  const { server, scene } = await open(t, {}, server => { server.write(text('long ago')) })
  const first = server.write(text('hello'))
  server.write(text('in thread', { 'm.relates_to': { rel_type: 'm.thread', event_id: first.event_id, is_falling_back: true, 'm.in_reply_to': { event_id: first.event_id } } }), { roomId: group })
  server.write(text('> <@alice:test> hello\n\nanswer', { 'm.relates_to': { 'm.in_reply_to': { event_id: first.event_id } } }))
  server.write({ msgtype: 'm.emote', body: 'waves' }, { sender: bob, roomId: group })
  server.write({ msgtype: 'm.location', body: 'here', geo_uri: 'geo:52.5,13.4' })
  await until(() => scene.received.length === 5)
  t.same(texts(scene).toSorted(), ['* waves', '[location: here geo:52.5,13.4]', 'answer', 'hello', 'in thread'])
  const by = (said: string): object => scene.received.find(message => message.text === said)!
  t.match(by('hello'), { eventId: first.event_id, chat: { kind: 'direct', id: direct }, sender: { id: alice, name: 'alice' } })
  t.match(by('in thread'), { chat: { kind: 'group', id: group, threadId: first.event_id }, replyTo: undefined, isMention: false })
  t.match(by('answer'), { replyTo: { messageId: first.event_id, text: 'hello', isOurs: false } })
  t.match(scene.links, [{ up: true }])
  t.ok(scene.activities() > 0)
})

t.test('edits, mentions and answers to us are told, and what is no news to the agent is not', async t => {
  const { server, scene } = await open(t)
  const wire = server.write(text('helo'), { roomId: group })
  server.write(text('* hello', { 'm.new_content': text('hello'), 'm.relates_to': { rel_type: 'm.replace', event_id: wire.event_id } }), { roomId: group })
  server.write(text('you there?', { 'm.mentions': { user_ids: [self] } }), { roomId: group })
  server.write(text('hey Claw Bot, you there?'), { roomId: group })
  server.write(text('@claw:test is named, and not meant', { 'm.mentions': {} }), { roomId: group })
  await send(scene, { chatId: group, text: 'ours' })
  server.write(text('thanks', { 'm.relates_to': { 'm.in_reply_to': { event_id: server.last().event_id } } }), { roomId: group })
  server.write({ msgtype: 'm.notice', body: 'a program says' }, { roomId: group })
  server.write({ 'm.relates_to': { rel_type: 'm.annotation', event_id: wire.event_id, key: '👍' } }, { roomId: group, type: 'm.reaction' })
  server.write({}, { roomId: group })
  server.write(text('end'), { roomId: group })
  await until(() => texts(scene).at(-1) === 'end')
  t.same(scene.received.map(message => [message.text, message.isMention, message.isEdit ?? false]), [
    ['helo', false, false], ['hello', false, true], ['you there?', true, false], ['hey Claw Bot, you there?', true, false],
    ['@claw:test is named, and not meant', false, false], ['thanks', true, false], ['end', false, false]
  ])
  t.equal(scene.received[1]!.messageId, wire.event_id)
  const other = await open(t, { reactionNotifications: 'all' })
  other.server.write({ 'm.relates_to': { rel_type: 'm.annotation', event_id: '$x', key: '👍' } }, { type: 'm.reaction' })
  await until(() => other.scene.received.length === 1)
  t.match(other.scene.received[0], { text: '[reaction: 👍]', replyTo: { messageId: '$x' } })
})

t.test('nothing is lost while the gateway is away or cannot keep it, and nothing is taken for read too early', async t => {
  const { server, scene } = await open(t)
  await scene.account.stop()
  server.timelineLimit = 7
  for (let number = 0; number < 250; number++) server.write(text(`away ${number}`))
  let fails = 2
  scene.receive = async ({ text }) => { if (text === 'away 100' && fails-- > 0) throw new Error('the store is full') }
  await scene.again()
  await until(() => scene.received.length >= 250)
  t.same(texts(scene), Array.from({ length: 250 }, (_, number) => `away ${number}`), 'the gap was filled, in order, each of them once')
  t.same(scene.links.map(({ up }) => up), [true, true], 'that something could not be kept is no break of the connection')
})

t.test('files come from where the server keeps them, and go out with their text', async t => {
  const { server, scene } = await open(t)
  server.files.set('abc', { bytes: Buffer.from('picture'), type: 'image/png' })
  server.write({ msgtype: 'm.image', body: 'look', filename: 'a.png', url: 'mxc://test/abc', info: { mimetype: 'image/png', size: 7 } })
  server.write({ msgtype: 'm.file', body: 'b.pdf', url: 'https://elsewhere.test/x' })
  await until(() => scene.received.length === 2)
  const [image, file] = scene.received
  t.match(image, { text: 'look', attachments: [{ kind: 'image', name: 'a.png', mimeType: 'image/png', sizeBytes: 7 }] })
  t.equal(Buffer.from(await image!.attachments![0]!.fetch(100, patient)).toString(), 'picture')
  await t.rejects(image!.attachments![0]!.fetch(3, patient), /larger than 3 bytes/)
  await t.rejects(file!.attachments![0]!.fetch(100, patient), { message: /an address of a file that is none/ })
  server.hasAuthenticatedMedia = false
  t.equal(Buffer.from(await image!.attachments![0]!.fetch(100, patient)).toString(), 'picture', 'as older servers have it')
  const picture = { key: 'p', chatId: direct, text: '**look**', media: { kind: 'image', mimeType: 'image/png', data: Buffer.from('png'), name: 'c.png' } } as const
  server.fail('send', { cut: 'before' })
  t.match(await scene.account.send(picture, patient), { kind: 'later' })
  t.match(await scene.account.send(picture, patient), { kind: 'sent' })
  t.match(server.last().content, { msgtype: 'm.image', filename: 'c.png', body: '**look**', formatted_body: '<b>look</b>', url: 'mxc://test/file2', info: { size: 3 } })
  t.equal(server.named('upload').length, 1)
})

t.test('text goes out marked up, in its thread, as an answer, and speaks to those that it names', async t => {
  const { server, scene } = await open(t)
  t.match(await send(scene, { chatId: direct, text: '**hi** @bob:test\n```js\na\nb\n```' }), { kind: 'sent', messageId: /^\$event/ })
  t.match(server.last().content, {
    body: '**hi** @bob:test\n```js\na\nb\n```', formatted_body: '<b>hi</b> @bob:test<br><pre><code class="language-js">a\nb</code></pre>', 'm.mentions': { user_ids: [bob] }
  })
  await send(scene, { chatId: group, text: 'plain', threadId: '$root' })
  t.match(server.last().content, { formatted_body: undefined, 'm.relates_to': { rel_type: 'm.thread', event_id: '$root', is_falling_back: true, 'm.in_reply_to': { event_id: '$root' } } })
  await send(scene, { chatId: '#family:test', text: 'plain', replyTo: '$asked' })
  t.match(server.last(group).content, { 'm.relates_to': { 'm.in_reply_to': { event_id: '$asked' } } })
  server.accountData['m.direct'] = { [alice]: [direct] }
  const { messageId } = await send(scene, { chatId: direct, text: 'draft' }) as { messageId: string }
  t.match(await scene.account.edit!({ key: 'k', chatId: direct, text: 'done', messageId }, patient), { kind: 'sent', messageId })
  t.match(server.last().content, { 'm.new_content': { body: 'done' }, 'm.relates_to': { rel_type: 'm.replace', event_id: messageId } })
  t.match(await scene.account.react!(direct, messageId, '👀', patient), { kind: 'sent', messageId })
  t.match(await scene.account.react!(direct, messageId, '', patient), { kind: 'sent' })
  t.match(server.last(), { type: 'm.room.redaction' })
  t.match(await scene.account.remove!(direct, messageId, patient), { kind: 'sent', messageId })
  const { length } = server.events
  t.match(await send(scene, { chatId: 'nonsense', text: 'x' }), { kind: 'refused', reason: /a room of Matrix is/ })
  t.match(await send(scene, { chatId: '#none:test', text: 'x' }), { kind: 'refused' })
  t.match(await send(scene, { chatId: direct, text: ' ' }), { kind: 'refused' })
  t.match(await send(scene, { chatId: direct, text: 'x', threadId: '5' }), { kind: 'refused' })
  t.match(await send(scene, { chatId: '!elsewhere:test', text: 'x' }), { kind: 'refused', reason: /invite the bot into the room/ })
  t.equal(server.events.length, length, 'nothing of that was sent')
})

t.test('a try whose answer was lost is the same message when it is made again', async t => {
  const { server, scene } = await open(t, { timeoutSeconds: 1 })
  const message = { key: 'one', chatId: direct, text: 'once' }
  server.fail('send', { cut: 'after' }, { half: true }, { hang: true }, { status: 502, bytes: Buffer.from('<html>'), type: 'text/html' },
    matrixError(429, 'M_LIMIT_EXCEEDED', 'Too Many Requests', { retry_after_ms: 7000 }), matrixError(500, 'M_UNKNOWN', 'Internal server error'))
  t.match(await scene.account.send(message, patient), { kind: 'later' })
  t.match(await scene.account.send(message, patient), { kind: 'later' })
  t.match(await scene.account.send(message, patient), { kind: 'later', reason: /did not answer within 1 s/ })
  t.match(await scene.account.send(message, patient), { kind: 'later' })
  t.match(await scene.account.send(message, patient), { kind: 'later', retryAfterMs: 7000 })
  t.match(await scene.account.send(message, patient), { kind: 'later' })
  t.match(await scene.account.send(message, patient), { kind: 'sent' })
  t.equal(server.events.filter(({ event }) => event.content.body === 'once').length, 1)
  server.fail('send', matrixError(413, 'M_TOO_LARGE', 'event too large'))
  t.match(await send(scene, { chatId: direct, text: 'x' }), { kind: 'refused', reason: /M_TOO_LARGE/ })
})

t.test('rooms that are encrypted are told so once, and nothing goes there in the clear', async t => {
  const { server, scene } = await open(t)
  for (let count = 0; count < 3; count++) server.write({ algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'x' }, { roomId: secretRoom, type: 'm.room.encrypted' })
  await until(() => server.last(secretRoom) !== undefined)
  server.write(text('still here'))
  await until(() => scene.received.length === 1)
  await scene.again()
  server.write({ algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'x' }, { roomId: secretRoom, type: 'm.room.encrypted' })
  server.write(text('and here'))
  await until(() => scene.received.length === 2)
  t.match(server.events.filter(({ event }) => event.sender === self).map(({ event }) => event.content), [{ msgtype: 'm.notice', body: /cannot read or write encrypted/ }])
  t.match(await send(scene, { chatId: secretRoom, text: 'x' }), { kind: 'refused', reason: /the room is encrypted/ })
  server.write({ algorithm: 'm.megolm.v1.aes-sha2' }, { type: 'm.room.encryption', state_key: '' })
  server.write(text('from now on'))
  await until(() => scene.received.length === 3)
  t.match(await send(scene, { chatId: direct, text: 'x' }), { kind: 'refused', reason: /the room is encrypted/ }, 'also where it has become so')
})

t.test('invitations are accepted as the settings say', async t => {
  for (const [autoJoin, list, joined] of [['off', [], []], ['allowlist', ['#family:test'], [group]], ['always', [], ['!new:test', group]]] as const) {
    const { server, scene } = await open(t, { autoJoin, autoJoinAllowlist: [...list] }, server => { delete server.members[group] })
    server.fail('join', matrixError(500, 'M_UNKNOWN'))
    server.invite('!new:test', true)
    server.invite(group)
    server.write(text('after them'))
    await until(() => texts(scene).includes('after them'))
    const members = (): string[] => Object.keys(server.members).filter(id => id === group || id === '!new:test').sort()
    await until(() => members().length >= joined.length && (autoJoin !== 'always' || server.accountData['m.direct'] !== undefined))
    await sleep(50)
    t.same(members(), [...joined].sort(), autoJoin)
    if (autoJoin === 'always') t.same(server.accountData['m.direct'], { [alice]: ['!new:test'] })
  }
})

t.test('in a room that was joined nobody is answered who spoke before we were asked in', async t => {
  const { server, scene } = await open(t, { autoJoin: 'always' }, server => { delete server.members[direct] })
  server.write(text('among ourselves'))
  server.invite(direct, true)
  server.write(text('hello, bot'))
  await until(() => scene.received.length > 0)
  server.write(text('welcome'))
  await until(() => texts(scene).at(-1) === 'welcome')
  t.same(texts(scene), ['hello, bot', 'welcome'])
})

t.test('people see that they are read only when they are answered', async t => {
  const { server, scene } = await open(t)
  const asked = server.write(text('hello?'))
  await until(() => scene.received.length === 1)
  t.same(server.signs, [])
  await scene.account.typing!(direct, undefined, patient)
  await until(() => server.signs.length === 2)
  t.same(server.signs.toSorted(), [`receipt ${direct} ${asked.event_id}`, `typing ${direct}`])
})

t.test('a homeserver that is away is noticed and waited for', async t => {
  const { server, scene } = await open(t)
  server.fail('sync', matrixError(429, 'M_LIMIT_EXCEEDED', 'slow down', { retry_after_ms: 50 }), { half: true })
  server.write(text('one'))
  server.write(text('two'))
  await until(() => scene.received.length === 2)
  await server.close()
  await until(() => scene.links.at(-1)?.up === false)
  t.match(await scene.account.probe!(patient), { ok: false })
  await server.reopen()
  server.write(text('three'))
  await until(() => scene.received.length === 3)
  t.equal(scene.links.at(-1)?.up, true)
  t.match(await scene.account.probe!(patient), { ok: true, self: { id: self } })
})

t.test('a token that is no longer one ends the account with the next step, and stands nowhere', async t => {
  const server = await startMatrix(t)
  const scene = await openAccount(t, matrix, { homeserver: server.url, accessToken: 'syt_secret_old' })
  await until(() => scene.links.length > 0)
  t.match(scene.links, [{ up: false, terminal: 'logged-out', reason: /M_UNKNOWN_TOKEN.*log in as the bot again/ }])
  server.fail('account', matrixError(403, 'M_FORBIDDEN', 'no syt_secret_old here'))
  const said = JSON.stringify([await scene.account.probe!(patient), scene.links, scene.logged])
  t.match(said, 'no *** here')
  t.notMatch(said, 'syt_secret')
})

t.test('what is missing for Matrix is said with the next step', async t => {
  const missing = (keys: object, accountId = 'default'): string | undefined => matrix.missing(keys, accountId)
  t.equal(missing({ homeserver: 'https://m.test', accessToken }), undefined)
  t.match(missing({}), /^set channels\.matrix\.homeserver/)
  t.match(missing({ homeserver: 'm.test', accessToken }), /must be an absolute/)
  t.match(missing({ homeserver: 'https://m.test' }, 'ops'), /^set channels\.matrix\.accounts\.ops\.accessToken: log in as the bot/)
})
