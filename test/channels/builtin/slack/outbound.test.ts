import t from 'tap'
import { toMrkdwn } from '../../../../src/channels/builtin/slack/text.ts'
import { patient, send, until } from '../../../fixtures/channels/account-scene.ts'
import { alice, botToken, direct, general, self } from '../../../fixtures/channels/slack-people.ts'
import type { Fault } from '../../../fixtures/channels/slack-server.ts'
import { openWebhook, type Opened } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

const last = ({ server }: Opened): any => server.messages.at(-1)
const callsOf = ({ server }: Opened, method: string): number => server.calls.filter(call => call.method === method).length

t.test('text is marked up as Slack reads it, and calls nobody who was not meant', async t => {
  const texts: ReadonlyArray<readonly [string, string]> = [
    ['**bold** _it_ *it* ~~gone~~ `a < b`', '*bold* _it_ _it_ ~gone~ `a &lt; b`'],
    ['# Title\n- one\n* two', '*Title*\n- one\n- two'],
    ['[docs](https://a.example/x?a=1&b=2) <https://b.example>', '<https://a.example/x?a=1&amp;b=2|docs> https://b.example'],
    ['<!channel> & <@U0ALICE> <#C0GENERAL>', '&lt;!channel&gt; &amp; <@U0ALICE> <#C0GENERAL>'],
    ['```ts\nconst a = **b** < 1\n```', '```\nconst a = **b** &lt; 1\n```'],
    ['snake_case_name and 2 * 3 * 4', 'snake_case_name and 2 * 3 * 4']
  ]
  for (const [markdown, expected] of texts) t.equal(toMrkdwn(markdown), expected)
})

t.test('text arrives in its place', async t => {
  const opened = await openWebhook(t)
  const { scene } = opened
  t.match(await send(scene, { chatId: general.id, text: '**hello**' }), { kind: 'sent', messageId: last(opened).ts })
  t.match(last(opened), { channel: general.id, text: '*hello*', thread_ts: undefined })
  await send(scene, { chatId: general.id, text: 'below', threadId: '1700000000.000100' })
  t.equal(last(opened).thread_ts, '1700000000.000100')
  await send(scene, { chatId: general.id, text: 'an answer', replyTo: '1700000000.000200' })
  t.equal(last(opened).thread_ts, '1700000000.000200')
  for (const chatId of [`user:${alice.id}`, `<@${alice.id}>`, alice.id]) {
    t.match(await send(scene, { chatId, text: 'hi' }), { kind: 'sent' })
    t.equal(last(opened).channel, direct)
  }
  t.equal(callsOf(opened, 'conversations.open'), 1)
  t.match(await send(scene, { chatId: 'C0NOWHERE', text: 'x' }), { kind: 'refused', reason: 'Slack answered channel_not_found to chat.postMessage' })
})

t.test('what Slack would refuse is not sent', async t => {
  const opened = await openWebhook(t)
  const { length } = opened.server.calls
  const wrong = [
    { text: 'x'.repeat(4001) }, { text: ' ' }, { text: 'x', chatId: 'general' }, { text: 'x', threadId: '12' },
    { media: { kind: 'file', mimeType: 'text/plain', data: Buffer.alloc(0) } }
  ] as const
  for (const message of wrong) t.match(await send(opened.scene, { chatId: general.id, ...message }), { kind: 'refused' })
  t.equal(opened.server.calls.length, length)
  t.match(await send(opened.scene, { chatId: general.id, text: '<&>'.repeat(1333) }), { kind: 'sent' })
})

t.test('files are brought, and shown with their text', async t => {
  const opened = await openWebhook(t)
  const media = { kind: 'image', mimeType: 'image/png', data: Buffer.from('png bytes'), name: '../a "b".png' } as const
  t.match(await send(opened.scene, { chatId: alice.id, text: '**look**', media, threadId: '1700000000.000100' }), { kind: 'sent', messageId: last(opened)?.ts })
  t.match(last(opened), { channel: direct, text: '*look*', thread_ts: '1700000000.000100', files: [{ id: 'F0001' }] })
  t.match(opened.server.files.get('F0001'), { name: '.._a _b_.png' })
  t.equal(opened.server.files.get('F0001')!.bytes!.toString(), 'png bytes')
  opened.server.fail('upload', { status: 500, body: {} }, { cut: 'after' })
  for (let count = 0; count < 2; count++) t.match(await send(opened.scene, { chatId: general.id, media, text: 'x' }), { kind: 'later' }, 'nobody has seen it')
  opened.server.fail('files.completeUploadExternal', { cut: 'after' })
  t.match(await send(opened.scene, { chatId: general.id, media, text: 'x' }), { kind: 'unknown' })
})

t.test('messages are changed, taken back, and answered with a picture', async t => {
  const opened = await openWebhook(t)
  const { scene, server } = opened
  const { messageId } = await send(scene, { chatId: general.id, text: 'Thin' }) as { messageId: string }
  t.match(await scene.account.edit!({ key: 'k', chatId: general.id, text: '**Think**', messageId }, patient), { kind: 'sent', messageId })
  t.equal(last(opened).text, '*Think*')
  for (const emoji of ['👀', ':eyes:', 'white_check_mark', '❤️']) t.match(await scene.account.react!(general.id, messageId, emoji, patient), { kind: 'sent' }, emoji)
  t.same(last(opened).reactions.map(({ name }: { name: string }) => name), ['eyes', 'white_check_mark', 'heart'])
  t.match(await scene.account.react!(general.id, messageId, '🪿', patient), { kind: 'refused', reason: /say the name/ })
  t.match(await scene.account.react!(general.id, messageId, 'no_such_name', patient), { kind: 'refused', reason: /invalid_name/ })
  last(opened).reactions[0].users = [alice.id]
  t.match(await scene.account.react!(general.id, messageId, '', patient), { kind: 'sent' })
  t.same(last(opened).reactions.map(({ name }: { name: string }) => name), ['eyes'], 'those of others stay')
  t.match(await scene.account.remove!(general.id, messageId, patient), { kind: 'sent' })
  t.same(server.messages, [])
  t.match(await scene.account.remove!(general.id, messageId, patient), { kind: 'refused', reason: /message_not_found/ })
  t.match(await scene.account.edit!({ key: 'k', chatId: general.id, text: 'x', messageId: '12' }, patient), { kind: 'refused' })
})

t.test('a message whose answer was cut off is looked for, and what is found has arrived', async t => {
  const opened = await openWebhook(t)
  const { scene, server } = opened
  for (const threadId of [undefined, '1700000000.000100']) {
    server.fail('chat.postMessage', { cut: 'after' })
    const outcome = await send(scene, { chatId: general.id, text: 'once', ...(threadId ? { threadId } : {}) })
    t.match(outcome, { kind: 'sent', messageId: last(opened).ts })
  }
  t.equal(server.messages.length, 2)
  await send(scene, { chatId: general.id, text: 'twin' })
  server.fail('chat.postMessage', { cut: 'before' })
  t.match(await send(scene, { chatId: general.id, text: 'twin' }), { kind: 'unknown' }, 'another message of the same words is another one')
  server.fail('chat.postMessage', { cut: 'after' })
  server.fail('conversations.history', { status: 200, body: { ok: false, error: 'missing_scope', needed: 'channels:history' } })
  t.match(await send(scene, { chatId: general.id, text: 'x' }), { kind: 'unknown' })
})

t.test('nobody claims to know what became of a message whose answer was cut off', async t => {
  const message = { chatId: general.id, text: 'x' }
  const faults: readonly Fault[] = [
    { cut: 'before' }, { hang: true }, { status: 502, html: 'bad gateway' }, { status: 200, body: { ok: false, error: 'internal_error' } },
    { status: 200, body: { ok: false, error: 'fatal_error' } }
  ]
  await Promise.all(faults.map(async fault => {
    const { scene, server } = await openWebhook(t, { timeoutSeconds: 2 })
    server.fail('chat.postMessage', fault)
    t.match(await send(scene, message), { kind: 'unknown' }, JSON.stringify(fault))
  }))
  const { scene, server } = await openWebhook(t)
  server.fail('chat.postMessage', { status: 503, html: 'later' }, { status: 200, body: { ok: false, error: 'service_unavailable' } })
  for (let count = 0; count < 2; count++) t.match(await send(scene, message), { kind: 'later' })
  await server.close()
  t.match(await send(scene, message), { kind: 'later', reason: /ECONNREFUSED/ })
})

t.test('too many messages are obeyed: short waits are waited, long ones are told', async t => {
  const opened = await openWebhook(t)
  const { scene, server } = opened
  const limited = (seconds: string): { status: number, body: object, headers: { [name: string]: string } } =>
    ({ status: 429, body: { ok: false, error: 'ratelimited' }, headers: { 'retry-after': seconds } })
  server.fail('chat.postMessage', limited('1'))
  const beganAt = performance.now()
  t.match(await send(scene, { chatId: general.id, text: 'x' }), { kind: 'sent' })
  t.ok(performance.now() - beganAt >= 995, 'not before the time')
  server.fail('chat.postMessage', limited('30'))
  t.match(await send(scene, { chatId: general.id, text: 'x' }), { kind: 'later', retryAfterMs: 30_000 })
})

t.test('no sentence says a token, and one that is taken back ends the account', async t => {
  const { scene, server } = await openWebhook(t)
  t.match(await scene.account.probe!(patient), { ok: true, self: { id: self.userId, name: '@claw (Crew)' } })
  server.fail('chat.postMessage', { status: 200, body: { ok: false, error: `bad ${botToken}` } }, { status: 200, body: { ok: false, error: 'token_revoked' } })
  const refused = await send(scene, { chatId: general.id, text: 'x' })
  t.match(refused, { kind: 'refused', reason: 'Slack answered bad *** to chat.postMessage' })
  t.match(await send(scene, { chatId: general.id, text: 'x' }), { kind: 'later' })
  await until(() => scene.links.some(({ terminal }) => terminal === 'logged-out'))
  t.match(scene.links[0], { reason: /^Slack does not take the token any more \(token_revoked\); install the app again/ })
})
