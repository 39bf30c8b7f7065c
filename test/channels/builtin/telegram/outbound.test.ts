import t from 'tap'
import { alice, botToken, forum, group } from '../../../fixtures/channels/telegram-people.ts'
import { startTelegram } from '../../../fixtures/channels/telegram-server.ts'
import { openScene, patient, send, until, type Scene } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

const png = Buffer.concat([Buffer.from([0x89]), Buffer.from('PNG rest of it')])
const last = ({ server }: Scene): any => server.messages.at(-1)
const sentTo = ({ server }: Scene, method: string): number => server.calls.filter(call => call.method === method).length
/** Between them the bot goes on asking for messages. */
const sends = ({ server }: Scene): Scene['server']['calls'] => server.calls.filter(({ method }) => method.startsWith('send'))

t.test('text arrives marked up, in its place', async t => {
  const scene = await openScene(t)
  const outcome = await send(scene.account, { text: '**hello** <you> 😀 `x`' })
  t.match(outcome, { kind: 'sent', messageId: String(last(scene).message_id) })
  t.match(last(scene), {
    text: 'hello <you> 😀 x', entities: [{ type: 'bold', offset: 0, length: 5 }, { type: 'code', offset: 15, length: 1 }], chat: { id: alice.id }
  })
  await send(scene.account, { text: 'topic', chatId: String(forum.id), threadId: '7' })
  t.equal(last(scene).message_thread_id, 7)
  t.match(await send(scene.account, { text: 'general', chatId: String(forum.id), threadId: '1', isSilent: true }), { kind: 'sent' })
  t.equal(last(scene).message_thread_id, undefined)
  t.match(sends(scene).at(-1)!.params, { disable_notification: true })
  const { message_id: asked } = scene.server.write({ chat: group, text: 'question' })
  await send(scene.account, { text: 'answer', chatId: String(group.id), replyTo: String(asked) })
  t.equal(last(scene).reply_to_message.message_id, asked)
  t.match(await send(scene.account, { text: 'answer to what is gone', chatId: String(group.id), replyTo: '9999' }), { kind: 'sent' })
})

t.test('markup that the service cannot read is sent as it was written', async t => {
  const scene = await openScene(t)
  scene.server.fail('sendMessage', { status: 400, description: 'can\'t parse entities: Unsupported start tag "x" at byte offset 0' })
  t.match(await send(scene.account, { text: '**hello**' }), { kind: 'sent' })
  t.equal(last(scene).text, '**hello**')
  t.match(await send(scene.account, { text: '# ' }), { kind: 'sent' }, 'what is nothing but markup')
  t.equal(last(scene).text, '#')
})

t.test('the longest text that is promised arrives, counted as Telegram counts', async t => {
  const scene = await openScene(t)
  t.match(await send(scene.account, { text: '😀'.repeat(2000) }), { kind: 'sent' })
  t.match(await send(scene.account, { text: '<&>'.repeat(1333) }), { kind: 'sent' })
  t.match(await send(scene.account, { text: '- a\n'.repeat(1000) }), { kind: 'sent' })
  t.match(await send(scene.account, { text: 'a\ud800b' }), { kind: 'sent' })
  t.equal(last(scene).text, 'a\ufffdb')
  const { length } = sends(scene)
  t.match(await send(scene.account, { text: 'x'.repeat(4097) }), { kind: 'refused', reason: /4097 characters/ })
  t.match(await send(scene.account, { text: ' \n' }), { kind: 'refused', reason: 'there is nothing to send' })
  t.match(await send(scene.account, { text: 'x', chatId: '../getMe' }), { kind: 'refused' })
  t.match(await send(scene.account, { text: 'x', threadId: 'a' }), { kind: 'refused' })
  t.equal(sends(scene).length, length, 'nothing of that was sent')
})

t.test('files go out as what they are, with their text', async t => {
  const scene = await openScene(t)
  const kinds: ReadonlyArray<readonly [kind: 'image' | 'audio' | 'video' | 'file', mimeType: string, field: string]> = [
    ['image', 'image/png', 'photo'], ['image', 'image/gif', 'animation'], ['image', 'image/svg+xml', 'document'], ['audio', 'audio/ogg; codecs=opus', 'voice'],
    ['audio', 'audio/mpeg', 'audio'], ['audio', 'audio/wav', 'document'], ['video', 'video/mp4', 'video'], ['file', 'application/pdf', 'document']
  ]
  for (const [kind, mimeType, field] of kinds) {
    t.match(await send(scene.account, { text: '**look**', media: { kind, mimeType, data: png, name: 'a "b"\r\n.bin' } }), { kind: 'sent' }, mimeType)
    t.ok(last(scene)[field], field)
    t.match(last(scene), { caption: 'look', caption_entities: [{ type: 'bold' }] })
  }
  const file = [...scene.server.files.values()].at(-1)!
  t.equal(file.name, 'a _b___.bin')
  t.ok(file.bytes.equals(png))
})

t.test('a picture that is none is sent as a file', async t => {
  const scene = await openScene(t)
  t.match(await send(scene.account, { text: 'look', media: { kind: 'image', mimeType: 'image/png', data: Buffer.from('no picture') } }), { kind: 'sent' })
  t.match(last(scene), { document: { file_name: 'image.png' }, caption: 'look' })
})

t.test('a text too long for a file follows it, and a second try does not send the file again', async t => {
  const scene = await openScene(t)
  scene.server.fail('sendMessage', { status: 500, description: '' })
  const message = { key: 'one', text: 'x'.repeat(1500), media: { kind: 'image', mimeType: 'image/png', data: png } } as const
  t.match(await send(scene.account, message), { kind: 'later' })
  t.match(await send(scene.account, message), { kind: 'sent' })
  t.equal(sentTo(scene, 'sendPhoto'), 1)
  t.equal(last(scene).text.length, 1500)
})

t.test('live text is edited, and no change is no error', async t => {
  const scene = await openScene(t)
  const first = await send(scene.account, { text: 'Thin' })
  const { messageId } = first as { messageId: string }
  const edit = async (text: string, id = messageId): Promise<unknown> =>
    await scene.account.edit!({ key: 'k', chatId: '501', text, messageId: id }, patient)
  t.match(await edit('Think **hard'), { kind: 'sent', messageId })
  t.equal(last(scene).text, 'Think **hard')
  t.match(await edit('Think **hard**'), { kind: 'sent', messageId })
  t.match(await edit('Think **hard**'), { kind: 'sent', messageId })
  t.equal(last(scene).text, 'Think hard')
  t.match(await edit('x', '9999'), { kind: 'refused', reason: /message to edit not found/ })
  const photo = await send(scene.account, { text: 'before', media: { kind: 'image', mimeType: 'image/png', data: png } }) as { messageId: string }
  t.match(await edit('after', photo.messageId), { kind: 'sent' })
  t.equal(last(scene).caption, 'after')
})

t.test('signs, reactions and removals reach their message', async t => {
  const scene = await openScene(t)
  const { message_id: id } = scene.server.write({ text: 'hi' })
  await scene.account.typing!('501', undefined, patient)
  await scene.account.typing!('404', undefined, patient)
  t.match(scene.server.actions, [{ chat_id: 501, action: 'typing' }])
  t.match(await scene.account.react!('501', String(id), '👀', patient), { kind: 'sent' })
  t.match(await scene.account.react!('501', String(id), '', patient), { kind: 'sent' })
  t.match(await scene.account.react!('501', String(id), '🦞', patient), { kind: 'refused', reason: /REACTION_INVALID/ })
  t.same(scene.server.reactions.map(({ reaction }) => reaction.length), [1, 0])
  t.match(await scene.account.remove!('501', String(id), patient), { kind: 'sent' })
  t.match(await scene.account.remove!('501', String(id), patient), { kind: 'refused', reason: /message to delete not found/ })
})

t.test('what became of a message is known wherever it can be', async t => {
  const scene = await openScene(t, { keys: { timeoutSeconds: 1 } })
  const { server, account } = scene
  server.fail('sendMessage',
    { status: 429, description: 'retry after 7', parameters: { retry_after: 7 } },
    { status: 403, description: 'bot was blocked by the user' },
    { status: 500, description: '' },
    { status: 502, html: '<html></html>' },
    { status: 503, html: '<html></html>' },
    { status: 413, html: '<html></html>' },
    { cut: 'before' }, { cut: 'after' }, { hang: true })
  t.match(await send(account, { text: 'x' }), { kind: 'later', retryAfterMs: 7000, reason: /429/ })
  t.match(await send(account, { text: 'x' }), { kind: 'refused', reason: /403 to sendMessage: Forbidden: bot was blocked by the user/ })
  t.match(await send(account, { text: 'x' }), { kind: 'later' })
  t.match(await send(account, { text: 'x' }), { kind: 'unknown' })
  t.match(await send(account, { text: 'x' }), { kind: 'later' })
  t.match(await send(account, { text: 'x' }), { kind: 'refused' })
  t.match(await send(account, { text: 'x' }), { kind: 'unknown', reason: /cannot be reached or broke off/ })
  t.match(await send(account, { text: 'x' }), { kind: 'unknown' })
  t.match(await send(account, { text: 'x' }), { kind: 'unknown', reason: /did not answer within 1 s/ })
  t.match(await send(account, { text: 'x', chatId: '404' }), { kind: 'refused', reason: /chat not found/ })
  t.match(await account.send({ key: 'k', chatId: '501', text: 'x' }, AbortSignal.abort()), { kind: 'later' })
  t.equal(server.messages.length, 1, 'the one whose answer was lost')
})

t.test('a service that cannot be reached has received nothing', async t => {
  const server = await startTelegram(t)
  const scene = await openScene(t, { server })
  await until(() => scene.links.length > 0)
  await server.close()
  t.match(await send(scene.account, { text: 'x' }), { kind: 'later', reason: /ECONNREFUSED/ })
  t.match(await scene.account.probe!(patient), { ok: false, error: /ECONNREFUSED/ })
  await server.reopen()
  t.match(await send(scene.account, { text: 'x' }), { kind: 'sent' })
})

t.test('a group that has become a supergroup is followed', async t => {
  const scene = await openScene(t)
  scene.server.fail('sendMessage', { status: 400, description: 'group chat was upgraded to a supergroup chat', parameters: { migrate_to_chat_id: group.id } })
  t.match(await send(scene.account, { text: 'x', chatId: '-55' }), { kind: 'sent' })
  t.equal(last(scene).chat.id, group.id)
})

t.test('a probe says who we are, or what is wrong with the token', async t => {
  const scene = await openScene(t)
  t.same(await scene.account.probe!(patient), { ok: true, self: { id: '123456', name: '@claw_bot' } })
  scene.server.fail('getMe', { status: 401, description: '' })
  t.match(await scene.account.probe!(patient), { ok: false, error: /get a new one from @BotFather/ })
})

t.test('the token stands in no error and in no line of the log', async t => {
  const scene = await openScene(t, { keys: { timeoutSeconds: 1, pollingTimeoutSeconds: 1 } })
  const { server, account } = scene
  const reasons: unknown[] = []
  const echo = { status: 404, description: `no /bot${botToken}/sendMessage here` }
  server.fail('sendMessage', echo, { hang: true }, { cut: 'before' }, { status: 500, html: `/bot${botToken}/` })
  server.fail('getUpdates', echo, { cut: 'before' }, { hang: true })
  for (let round = 0; round < 4; round++) reasons.push(await send(account, { text: 'x' }))
  await server.called('getUpdates', 5)
  await server.close()
  reasons.push(await send(account, { text: 'x' }), await account.probe!(patient), scene.links, scene.logged)
  const all = JSON.stringify(reasons)
  t.match(all, 'no /bot***/sendMessage here')
  t.notMatch(all, botToken)
  t.notMatch(all, 'test-token')
  await server.reopen()
})
