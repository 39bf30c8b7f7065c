import t from 'tap'
import { discord } from '../../../../src/channels/builtin/discord/discord.ts'
import type { InboundMessage } from '../../../../src/channels/define-channel.ts'
import { patient, until, type AccountScene } from '../../../fixtures/channels/account-scene.ts'
import { alice, direct, general, guildId, otherBot, ourRole, self, thread } from '../../../fixtures/channels/discord-people.ts'
import { openConnected } from './scene.ts'

const next = async ({ received }: AccountScene, act: () => unknown): Promise<InboundMessage> => {
  const { length } = received
  act()
  await until(() => received.length > length)
  return received.at(-1)!
}

t.test('messages come in with who wrote them, where, and to whom', async t => {
  const { server, scene } = await openConnected(t)
  const private_ = await next(scene, () => server.write({ content: 'hi <@100000000000000001> :)', mentions: [self] }))
  t.match(private_, {
    text: 'hi @claw :)', chat: { kind: 'direct', id: alice.id, threadId: undefined }, sender: { id: alice.id, name: 'Alice', username: 'alice' }, isMention: undefined
  })
  t.ok(Math.abs(private_.atMs - Date.now()) < 60_000)
  const public_ = await next(scene, () => server.writeInGuild({ content: 'look at <#300000000000000001> <:wave:123456789012345678>' }))
  t.match(public_, {
    text: 'look at #general :wave:', chat: { kind: 'channel', id: general.id, spaceId: guildId, title: 'Guild #general' }, isMention: false, sender: { name: 'Ally' }
  })
  t.match(public_.sender.roles, ['200000000000000801'])
  t.match(await next(scene, () => server.writeInGuild({ content: 'in a thread', channel_id: thread.id })), {
    chat: { kind: 'channel', id: general.id, threadId: thread.id }
  })
  t.equal((await next(scene, () => server.writeInGuild({ content: '<@!100000000000000001> hi', mentions: [self] }))).isMention, true)
  t.equal((await next(scene, () => server.writeInGuild({ content: `<@&${ourRole}> hi`, mention_roles: [ourRole] }))).isMention, true)
  t.equal((await next(scene, () => server.writeInGuild({ content: '<@&1> hi', mention_roles: ['200000000000000999'] }))).isMention, false)
})

t.test('a channel that was not heard of is asked for once', async t => {
  const { server, scene } = await openConnected(t)
  server.tell('THREAD_DELETE', { id: thread.id })
  for (const content of ['one', 'two']) t.equal((await next(scene, () => server.writeInGuild({ content, channel_id: thread.id }))).chat.threadId, thread.id)
  t.equal(server.calls.filter(({ path }) => path === `/channels/${thread.id}`).length, 1)
  server.fail('GET /channels', { status: 403, body: { message: 'Missing Access', code: 50001 } })
  t.match(await next(scene, () => server.writeInGuild({ content: 'hidden', channel_id: '300000000000000009' })), { chat: { id: '300000000000000009' } })
})

t.test('replies, files, stickers and what was passed on are read', async t => {
  const { server, scene } = await openConnected(t)
  const earlier = server.write({ author: self, content: 'what I said' })
  const reply = await next(scene, () => server.write({
    type: 19, content: 'yes', message_reference: { type: 0, message_id: earlier.id }, referenced_message: earlier
  }))
  t.match(reply.replyTo, { messageId: earlier.id, text: 'what I said', isOurs: true })
  server.rest.files.set('/attachments/1/a.png', { name: 'a.png', type: 'image/png', bytes: Buffer.from('png bytes') })
  const file = { filename: 'a.png', size: 9, content_type: 'image/png', url: `${server.url}/attachments/1/a.png?ex=1` }
  const { attachments: [attachment] = [] } = await next(scene, () => server.write({ attachments: [file] }))
  t.match(attachment, { kind: 'image', mimeType: 'image/png', name: 'a.png', sizeBytes: 9 })
  t.equal(Buffer.from(await attachment!.fetch(100, patient)).toString(), 'png bytes')
  await t.rejects(attachment!.fetch(5, patient), { message: 'the attachment has 9 bytes, and 5 are allowed' })
  const { attachments: [stranger] = [] } = await next(scene, () => server.write({ attachments: [{ ...file, url: 'http://169.254.169.254/latest' }] }))
  await t.rejects(stranger!.fetch(100, patient), { message: '169.254.169.254 keeps no files of Discord' })
  t.equal((await next(scene, () => server.write({ sticker_items: [{ id: '1', name: 'Wave', format_type: 1 }] }))).text, '[sticker Wave]')
  const passedOn = { message_reference: { type: 1, message_id: '1' }, message_snapshots: [{ message: { content: 'from elsewhere', attachments: [file] } }] }
  t.match(await next(scene, () => server.write(passedOn)), { text: '[forwarded] from elsewhere', replyTo: undefined, attachments: [{ kind: 'image' }] })
})

t.test('edits are told as edits; what nobody wrote is not told at all', async t => {
  const { server, scene } = await openConnected(t)
  const message = server.write({ content: 'teh' })
  server.tell('MESSAGE_UPDATE', { ...message, embeds: [{ type: 'link' }] })
  server.tell('MESSAGE_UPDATE', { id: message.id, channel_id: direct.id, embeds: [] })
  server.write({ author: self, content: 'ours' })
  server.write({ type: 7, content: '' })
  server.write({ type: 7, content: 'joined' })
  server.write({ content: '' })
  server.tell('MESSAGE_UPDATE', { ...message, content: 'the', edited_timestamp: '2026-11-21T10:00:00.000000+00:00' })
  await until(() => scene.received.length === 2)
  t.match(scene.received, [{ text: 'teh' }, { text: 'the', isEdit: true, messageId: message.id, atMs: Date.parse('2026-11-21T10:00:00Z') }])
  t.not(scene.received[0]!.eventId, scene.received[1]!.eventId)
  t.equal((await next(scene, () => server.write({ author: otherBot, content: 'beep' }))).sender.isBot, true)
  t.equal((await next(scene, () => server.writeInGuild({ webhook_id: '1', content: 'hook' }))).sender.isBot, true)
})

t.test('servers, channels, people and roles are listed as the settings say', async t => {
  const message = (chat: object, roles: string[] = []): InboundMessage => ({
    eventId: 'e', text: 'x', atMs: 0, chat: { kind: 'channel', id: '10', spaceId: '1', ...chat }, sender: { id: '7', roles }
  })
  const rules = (guilds: object | undefined, chat = {}, roles?: string[]): unknown =>
    discord.groupRules!(guilds === undefined ? {} : { guilds } as never, message(chat, roles))
  t.equal(rules(undefined), undefined)
  t.same(rules({}), { isListed: false })
  t.same(rules({ 2: {} }), { isListed: false })
  t.same(rules({ 1: {} }), { isListed: true })
  t.same(rules({ '*': { requireMention: false } }), { isListed: true, requireMention: false })
  t.same(rules({ 1: { channels: { 11: {} } } }), { isListed: false })
  t.same(rules({ 1: { channels: { 11: {}, '*': { enabled: false } } } }), { isListed: true, enabled: false })
  t.same(rules({ 1: { requireMention: true, channels: { 10: { requireMention: false } } } }), { isListed: true, requireMention: false })
  t.same(rules({ 1: { channels: { 12: { requireMention: false } } } }, { threadId: '12' }), { isListed: true, requireMention: false })
  t.same(rules({ 1: { roles: ['5'] } }), { isListed: true, allowFrom: [] }, 'nobody but members of the role')
  t.same(rules({ 1: { roles: ['5'], users: ['8'] } }, {}, ['5']), { isListed: true, allowFrom: ['8', '7'] })
})

const interaction = (fields: object = {}, data: object = { name: 'new', options: [{ type: 3, name: 'text', value: 'about cats' }] }): any => ({
  id: '1573819944443838499',
  application_id: self.id,
  type: 2,
  version: 1,
  token: 'aW50ZXJhY3Rpb246Zm9y',
  channel_id: direct.id,
  user: alice,
  data: { id: '1', type: 1, ...data },
  ...fields
})

t.test('commands are shown to whoever types a slash, once for each bot and unless the settings say no', async t => {
  const { server, scene } = await openConnected(t)
  await until(() => scene.memory['commands'] !== undefined)
  t.same(server.rest.commands.map(({ name }) => name), ['new', 'stop', 'status', 'help'])
  await scene.again()
  await until(() => scene.links.filter(({ up }) => up).length === 2)
  t.equal(server.calls.filter(({ path }) => path.endsWith('/commands')).length, 4)
  const silent = await openConnected(t, { commands: { native: false } })
  t.same(silent.server.rest.commands, [])
})

t.test('a command that was given is a message to us, and whoever gave it sees at once that it was heard', async t => {
  const { server, scene } = await openConnected(t)
  let isDurable = false
  scene.receive = async () => {
    await until(() => server.rest.responses.length >= 1)
    isDurable = true
  }
  const message = await next(scene, () => server.tell('INTERACTION_CREATE', interaction()))
  t.ok(isDurable, 'the answer did not wait for the store')
  t.match(message, { text: '/new about cats', chat: { kind: 'direct', id: alice.id }, sender: { id: alice.id }, messageId: undefined })
  await until(() => server.rest.responses.length === 2)
  t.match(server.rest.responses, [{ what: 'interactions', body: { type: 5, data: { flags: 64 } } }, { what: 'webhooks', body: { content: '/new ✓' } }])
  const { user: _user, ...inGuild } = interaction({ id: '1573819944443838500', channel_id: general.id, guild_id: guildId, member: { user: alice, roles: [] } }, { name: 'stop' })
  t.match(await next(scene, () => server.tell('INTERACTION_CREATE', inGuild)), { text: '/stop', isMention: true, chat: { id: general.id, spaceId: guildId } })
  for (const odd of [null, {}, interaction({ type: 3 }), interaction({ token: '../..' }), interaction({}, { name: 5 })]) server.tell('INTERACTION_CREATE', odd)
  t.match(await next(scene, () => server.write({ content: 'still here' })), { text: 'still here' })
  t.notMatch(scene.logged.join('\n'), /aW50ZXJ/, 'no credential')
})
