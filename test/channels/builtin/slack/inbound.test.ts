import t from 'tap'
import { slack } from '../../../../src/channels/builtin/slack/slack.ts'
import type { InboundMessage } from '../../../../src/channels/define-channel.ts'
import { patient, send, until, type AccountScene } from '../../../fixtures/channels/account-scene.ts'
import { alice, direct, general, many, self, teamId } from '../../../fixtures/channels/slack-people.ts'
import { openConnected } from './scene.ts'

const next = async ({ received }: AccountScene, act: () => unknown): Promise<InboundMessage> => {
  const { length } = received
  act()
  await until(() => received.length > length)
  return received.at(-1)!
}
const inGeneral = { channel: general.id, channel_type: 'channel' }

t.test('messages come in with who wrote them, where, and to whom', async t => {
  const { server, scene } = await openConnected(t)
  t.match(await next(scene, () => server.write({ text: 'hi' })), {
    text: 'hi', chat: { kind: 'direct', id: alice.id, spaceId: teamId, threadId: undefined }, sender: { id: alice.id, name: 'Alice' }, isMention: undefined
  })
  t.match(await next(scene, () => server.write({ ...inGeneral, text: 'hi all' })), {
    chat: { kind: 'channel', id: general.id, title: '#general' }, isMention: false
  })
  t.equal((await next(scene, () => server.write({ ...inGeneral, text: `<@${self.userId}> hi` }))).isMention, true)
  t.match(await next(scene, () => server.write({ channel: many, channel_type: 'mpim', text: 'together' })), { chat: { kind: 'group', id: many } })
  t.match(await next(scene, () => server.write({ ...inGeneral, text: 'below', thread_ts: '1700000000.000001', parent_user_id: alice.id })), {
    chat: { threadId: '1700000000.000001' }, replyTo: { messageId: '1700000000.000001', isOurs: false }, isMention: false
  })
  t.match(await next(scene, () => server.write({ ...inGeneral, text: 'below ours', thread_ts: '1700000000.000002', parent_user_id: self.userId })), {
    replyTo: { isOurs: true }, isMention: true
  })
  await send(scene, { chatId: general.id, threadId: '1700000000.000003', text: 'I take part' })
  t.equal((await next(scene, () => server.write({ ...inGeneral, text: 'go on', thread_ts: '1700000000.000003', parent_user_id: alice.id }))).isMention, true)
  t.equal(server.calls.filter(({ method }) => method === 'users.info').length, 1, 'names are asked for once')
})

t.test('the two events of one mention are the same message', async t => {
  const { server, scene } = await openConnected(t)
  const one = await next(scene, () => server.write({ ...inGeneral, text: `<@${self.userId}> hi`, ts: '1700000000.000100' }))
  const two = await next(scene, () => server.tell({
    type: 'app_mention', user: alice.id, channel: general.id, text: `<@${self.userId}> hi`, ts: '1700000000.000100', event_ts: '1700000000.000100'
  }))
  t.equal(one.eventId, two.eventId)
  t.match([one, two], [{ isMention: true }, { isMention: true }])
})

t.test('marks are read as people see them', async t => {
  const { server, scene } = await openConnected(t)
  const texts: ReadonlyArray<readonly [string, string]> = [
    [`<@${alice.id}> &amp; <@U0NOBODY> &lt;3`, '@Alice & @U0NOBODY <3'],
    ['<#C1|general> <!here> <!subteam^S1|@crew> <!date^1392734382^{date}|Feb 18>', '#general @here @crew Feb 18'],
    ['<https://a.example/x?a=1&amp;b=2|docs> <https://a.example> <https://a.example|a.example> <mailto:a@b.example|a@b.example>',
      '[docs](https://a.example/x?a=1&b=2) https://a.example https://a.example a@b.example'],
    [`<@${self.userId}> 5 &lt; 6 &gt; 4`, '@claw 5 < 6 > 4']
  ]
  for (const [text, expected] of texts) t.equal((await next(scene, () => server.write({ text }))).text, expected)
})

t.test('files are fetched with the token, and only from Slack', async t => {
  const { server, scene } = await openConnected(t)
  server.files.set('F1', { name: 'a.png', bytes: Buffer.from('png bytes') })
  const file = { id: 'F1', name: 'a.png', mimetype: 'image/png', size: 9, url_private_download: `${server.fileUrl}/files/F1/a.png` }
  const { attachments: [attachment] = [] } = await next(scene, () => server.write({ subtype: 'file_share', files: [file] }))
  t.match(attachment, { kind: 'image', mimeType: 'image/png', name: 'a.png', sizeBytes: 9 })
  t.equal(Buffer.from(await attachment!.fetch(100, patient)).toString(), 'png bytes')
  await t.rejects(attachment!.fetch(5, patient), { message: /5 are allowed/ })
  const hidden = { ...file, id: 'F2', url_private_download: `${server.fileUrl}/files/F2/a.png` }
  const elsewhere = { ...file, url_private_download: 'https://slack.com.evil.example/x' }
  const { attachments: [second, third] = [] } = await next(scene, () => server.write({ files: [hidden, elsewhere] }))
  await t.rejects(second!.fetch(100, patient), { message: /add the scope files:read/ })
  await t.rejects(third!.fetch(100, patient), { message: 'slack.com.evil.example keeps no files of Slack' })
})

t.test('edits are told as edits; what nobody wrote, and what we wrote, is not told', async t => {
  const { server, scene } = await openConnected(t)
  const edited = { type: 'message', user: alice.id, text: 'the', ts: '1700000000.000100', edited: { user: alice.id, ts: '1700000009.000000' } }
  server.tell({ type: 'message', subtype: 'message_changed', channel: direct, channel_type: 'im', message: { ...edited, edited: undefined }, ts: '1700000001.000000' })
  server.tell({ type: 'message', subtype: 'message_deleted', channel: direct, channel_type: 'im', ts: '1700000001.000000' })
  server.tell({ type: 'message', subtype: 'channel_join', user: alice.id, channel: general.id, text: 'joined', ts: '1700000001.000000' })
  server.tell({ type: 'reaction_added', user: alice.id, reaction: 'eyes', item: {} })
  server.write({ user: self.userId, text: 'ours' })
  const others = { type: 'message', user: alice.id, channel: direct, channel_type: 'im', text: 'of others', ts: '1700000001.000000' }
  server.tell({ ...server.eventOf(others), authorizations: [{ team_id: 'T0OTHER' }] })
  server.write({ user: undefined, bot_id: self.botId, subtype: 'bot_message', text: 'ours, too' })
  server.tell({ type: 'message', subtype: 'message_changed', channel: direct, channel_type: 'im', message: edited, ts: '1700000001.000000' })
  await until(() => scene.received.length === 1)
  t.match(scene.received, [{ text: 'the', isEdit: true, messageId: '1700000000.000100', atMs: 1_700_000_009_000, chat: { kind: 'direct', id: alice.id } }])
  t.match(await next(scene, () => server.write({ user: undefined, bot_id: 'B0OTHER', subtype: 'bot_message', username: 'Beep', text: 'beep' })), {
    sender: { id: 'B0OTHER', name: 'Beep', isBot: true }
  })
})

t.test('a directory that does not answer delays nobody', async t => {
  const { server, scene } = await openConnected(t, {}, server => server.fail('users.info', { hang: true }))
  t.match(await next(scene, () => server.write({ text: 'hi' })), { sender: { id: alice.id, name: undefined } })
  await next(scene, () => server.write({ text: 'again' }))
  t.equal(server.calls.filter(({ method }) => method === 'users.info').length, 1)
})

t.test('conversations are listed as the settings say', async t => {
  const message = (chat: object): InboundMessage => ({
    eventId: 'e', text: 'x', atMs: 0, chat: { kind: 'channel', id: 'C1', ...chat }, sender: { id: 'U7' }
  })
  const rules = (keys: object, chat = {}): unknown => slack.groupRules!(keys as never, message(chat))
  t.equal(rules({}), undefined)
  t.same(rules({ channels: {} }), { isListed: false })
  t.same(rules({ channels: { C1: {} } }), { isListed: true })
  t.same(rules({ channels: { '*': { requireMention: false }, C1: { users: ['U8'] } } }), { isListed: true, requireMention: false, allowFrom: ['U8'] })
  t.same(rules({ channels: { C1: { enabled: false } } }), { isListed: true, enabled: false })
  t.same(rules({}, { kind: 'group' }), { isListed: true, enabled: false }, 'several people at once only on request')
  t.match(rules({ dm: { groupEnabled: true, groupChannels: ['G1'] } }, { kind: 'group', id: 'G1' }), { isListed: true, enabled: true })
  t.match(rules({ dm: { groupEnabled: true, groupChannels: ['G1'] } }, { kind: 'group', id: 'G2' }), { isListed: false, enabled: false })
})
