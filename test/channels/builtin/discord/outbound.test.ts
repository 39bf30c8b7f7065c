import t from 'tap'
import { patient, send, until } from '../../../fixtures/channels/account-scene.ts'
import { alice, direct, general, thread, token } from '../../../fixtures/channels/discord-people.ts'
import { openConnected, type Opened } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

const last = ({ server }: Opened): any => server.rest.messages.at(-1)
const posts = ({ server }: Opened): number => server.calls.filter(({ method, path }) => method === 'POST' && path.endsWith('/messages')).length
const rateLimit = (seconds: number, more = {}): { status: number, body: object, headers: { [name: string]: string } } => ({
  status: 429, body: { message: 'You are being rate limited.', retry_after: seconds, global: false, ...more }, headers: { 'retry-after': String(Math.ceil(seconds)) }
})

t.test('text arrives in its place, and calls nobody who was not meant', async t => {
  const opened = await openConnected(t)
  const { scene } = opened
  const asked = opened.server.writeInGuild({ content: 'question' })
  t.match(await send(scene, { chatId: general.id, text: '**hello** @everyone', replyTo: asked.id, isSilent: true }), { kind: 'sent', messageId: last(opened).id })
  t.match(last(opened), {
    content: '**hello** @everyone', channel_id: general.id, referenced_message: { id: asked.id }, flags: 4096, allowed_mentions: { parse: ['users'] }
  })
  t.match(await send(scene, { chatId: general.id, text: 'answer to what is gone', replyTo: '1234' }), { kind: 'sent' })
  await send(scene, { chatId: general.id, threadId: thread.id, text: 'in the thread' })
  t.equal(last(opened).channel_id, thread.id)
})

t.test('a person is written to directly, whether known or not', async t => {
  const opened = await openConnected(t)
  const opens = (): number => opened.server.calls.filter(({ path }) => path === '/users/@me/channels').length
  for (const chatId of [`user:${alice.id}`, `<@${alice.id}>`, alice.id]) {
    t.match(await send(opened.scene, { chatId, text: 'hi' }), { kind: 'sent' }, chatId)
    t.equal(last(opened).channel_id, direct.id)
  }
  t.equal(opens(), 1, 'asked for once')
  const other = await openConnected(t)
  t.match(await send(other.scene, { chatId: alice.id, text: 'an id that says nothing of what it is' }), { kind: 'sent' })
  t.match(await send(other.scene, { chatId: '999999999999999999', text: 'x' }), { kind: 'refused', reason: /Unknown Channel/ })
  t.match(await send(other.scene, { chatId: 'channel:999999999999999999', text: 'x' }), { kind: 'refused', reason: /Unknown Channel/ })
})

t.test('what Discord would refuse is not sent', async t => {
  const opened = await openConnected(t)
  const { scene } = opened
  t.match(await send(scene, { chatId: general.id, text: 'x'.repeat(2000) }), { kind: 'sent' })
  const { length } = opened.server.calls
  const data = Buffer.alloc(10 * 1024 * 1024 + 1)
  const wrong = [
    { text: 'x'.repeat(2001) }, { text: ' ' }, { text: 'x', chatId: '../users' }, { text: 'x', threadId: 'a' }, { text: 'x', replyTo: 'a' },
    { media: { kind: 'file', mimeType: 'text/plain', data } }, { media: { kind: 'file', mimeType: 'text/plain', data: Buffer.alloc(0) } }
  ] as const
  for (const message of wrong) t.match(await send(scene, { chatId: general.id, ...message }), { kind: 'refused' })
  t.equal(opened.server.calls.length, length)
})

t.test('files go out with their text', async t => {
  const opened = await openConnected(t)
  const media = { kind: 'image', mimeType: 'image/png', data: Buffer.from('png'), name: 'a "b"\r\n.png' } as const
  t.match(await send(opened.scene, { chatId: general.id, text: 'look', media }), { kind: 'sent' })
  t.match(last(opened), { content: 'look', attachments: [{ filename: 'a _b___.png', size: 3, content_type: 'image/png' }] })
  t.match(await send(opened.scene, { chatId: general.id, media: { kind: 'audio', mimeType: 'audio/ogg; codecs=opus', data: Buffer.from('ogg') } }), { kind: 'sent' })
  t.match(last(opened), { content: '', attachments: [{ filename: 'audio.ogg' }] })
})

t.test('a question is put with its answers', async t => {
  const opened = await openConnected(t)
  const ask = async (more: object): Promise<unknown> =>
    await opened.scene.account.poll!({ key: 'poll', chatId: general.id, question: 'Tea?', options: ['yes', 'no'], ...more }, patient)
  t.match(await ask({ durationSeconds: 90 * 60, maxSelections: 2 }), { kind: 'sent' })
  t.match(last(opened).poll, { question: { text: 'Tea?' }, answers: [{ poll_media: { text: 'yes' } }, {}], duration: 2, allow_multiselect: true })
  t.match(await ask({ options: ['x'.repeat(56)] }), { kind: 'refused', reason: /takes 1 to 55/ })
  t.match(await ask({ options: [] }), { kind: 'refused' })
})

t.test('live text is edited; messages are taken back, and reactions given and taken back, wherever they stand', async t => {
  const opened = await openConnected(t)
  const { scene, server } = opened
  const { messageId } = await send(scene, { chatId: general.id, threadId: thread.id, text: 'Thin' }) as { messageId: string }
  t.match(await scene.account.edit!({ key: 'k', chatId: general.id, text: 'Think', messageId }, patient), { kind: 'sent', messageId })
  t.equal(last(opened).content, 'Think')
  t.match(await scene.account.react!(general.id, messageId, '👀', patient), { kind: 'sent' })
  t.match(last(opened).reactions, [{ emoji: { name: '👀' } }])
  t.match(await scene.account.react!(general.id, messageId, 'nonsense', patient), { kind: 'refused', reason: /Unknown Emoji/ })
  t.match(await scene.account.react!(general.id, messageId, '', patient), { kind: 'sent' })
  t.same(last(opened).reactions, [])
  await scene.account.typing!(general.id, thread.id, patient)
  await scene.account.typing!('404', undefined, patient)
  t.same(server.rest.typing, [thread.id])
  const { length } = server.rest.messages
  t.match(await scene.account.remove!(general.id, messageId, patient), { kind: 'sent' })
  t.equal(server.rest.messages.length, length - 1)
  t.match(await scene.account.remove!(general.id, messageId, patient), { kind: 'refused', reason: /Unknown Message/ })
  t.match(await scene.account.remove!(general.id, '../1', patient), { kind: 'refused' })
})

t.test('a message whose answer was cut off is sent again without being there twice', async t => {
  const opened = await openConnected(t, { timeoutSeconds: 2 })
  for (const cut of ['after', 'before'] as const) {
    opened.server.fail('POST /channels', { cut })
    const message = { chatId: general.id, text: `cut ${cut}`, key: `key ${cut}` }
    t.match(await send(opened.scene, message), { kind: 'later' })
    t.match(await send(opened.scene, message), { kind: 'sent' })
    t.equal(opened.server.rest.messages.filter(({ content }) => content === message.text).length, 1)
  }
  opened.server.fail('POST /channels', { status: 500 }, { status: 502, html: 'bad gateway' }, { hang: true })
  for (let count = 0; count < 3; count++) t.match(await send(opened.scene, { chatId: general.id, text: 'x', key: 'same' }), { kind: 'later' })
  t.match(await send(opened.scene, { chatId: general.id, text: 'x', key: 'same' }), { kind: 'sent' })
})

t.test('too many messages are obeyed: short waits are waited, long ones are told', async t => {
  const opened = await openConnected(t)
  const { scene, server } = opened
  server.fail('POST /channels', rateLimit(0.2))
  const beganAt = performance.now()
  t.match(await send(scene, { chatId: general.id, text: 'x' }), { kind: 'sent' })
  t.ok(performance.now() - beganAt >= 195, 'not before the time')
  server.fail('POST /channels', rateLimit(40))
  t.match(await send(scene, { chatId: general.id, text: 'x' }), { kind: 'later', retryAfterMs: 40_000 })
  const before = posts(opened)
  const told = await send(scene, { chatId: general.id, text: 'x' })
  t.equal(told.kind, 'later')
  const { retryAfterMs } = told as { retryAfterMs: number }
  t.ok(retryAfterMs > 0 && retryAfterMs <= 40_000, `what is left of the time: ${retryAfterMs} ms`)
  t.equal(posts(opened), before, 'and nothing was sent before the time')
  t.match(await send(scene, { chatId: `user:${alice.id}`, text: 'another conversation' }), { kind: 'sent' })
  server.fail('POST /channels', rateLimit(40, { global: true }))
  t.match(await send(scene, { chatId: `user:${alice.id}`, text: 'x' }), { kind: 'later' })
  t.match(await scene.account.probe!(patient), { ok: false, error: /asked to wait/ })
})

t.test('a bucket that is empty is not drawn from', async t => {
  const opened = await openConnected(t)
  opened.server.limits = { 'x-ratelimit-bucket': 'abc', 'x-ratelimit-limit': '1', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset-after': '0.3' }
  await send(opened.scene, { chatId: general.id, text: 'one' })
  const beganAt = performance.now()
  await Promise.all(['two', 'three'].map(async text => await send(opened.scene, { chatId: general.id, text })))
  t.ok(performance.now() - beganAt >= 295)
  t.equal(opened.server.rest.messages.length, 3)
})

t.test('no sentence says the token, and one that is none ends the account', async t => {
  const opened = await openConnected(t)
  const { scene, server } = opened
  t.match(await scene.account.probe!(patient), { ok: true, self: { id: '100000000000000001', name: '@claw' } })
  server.fail('POST /channels', { status: 403, body: { message: `Missing Access for ${token}`, code: 50001 } }, { status: 401, body: { message: '401: Unauthorized', code: 0 } })
  const refused = await send(scene, { chatId: general.id, text: 'x' })
  t.match(refused, { kind: 'refused', reason: /Missing Access for \*\*\*/ })
  t.match(await send(scene, { chatId: general.id, text: 'x' }), { kind: 'later' })
  await until(() => scene.links.some(({ terminal }) => terminal === 'logged-out'))
  t.notMatch(JSON.stringify([refused, scene.links, scene.logged]), token)
})
