import t from 'tap'
import { alice, bot, channel, forum, group } from '../../../fixtures/channels/telegram-people.ts'
import { keepFile } from '../../../fixtures/channels/telegram-methods.ts'
import { openScene, patient, type Scene } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

const read = async (scene: Scene, count: number): Promise<Scene['received']> => {
  await scene.until(() => scene.received.length >= count)
  return scene.received
}

t.test('a direct message is told as it was written', async t => {
  const scene = await openScene(t)
  const { message_id: id, date } = scene.server.write({ text: 'hello 😀' })
  const [message] = await read(scene, 1)
  t.strictSame(message, {
    eventId: `501:${id}`,
    messageId: String(id),
    chat: { kind: 'direct', id: '501' },
    sender: { id: '501', name: 'Alice Adams', username: 'alice' },
    text: 'hello 😀',
    atMs: date * 1000
  })
})

t.test('groups, topics, channels and those who write in their name are told apart', async t => {
  const scene = await openScene(t)
  const { server } = scene
  server.write({ chat: group, text: 'in the group', message_thread_id: 55 })
  server.write({ chat: forum, text: 'in a topic', message_thread_id: 7, is_topic_message: true })
  server.write({ chat: forum, text: 'in the general topic' })
  server.write({ chat: channel, sender_chat: channel, text: 'news' }, 'channel_post')
  server.write({ chat: group, from: { id: 1087968824, is_bot: true, first_name: 'Group' }, sender_chat: group, text: 'anonymous' })
  const all = await read(scene, 5)
  t.match(all.map(({ chat }) => chat), [
    { kind: 'group', id: '-1001', title: 'Crew', threadId: undefined },
    { kind: 'group', id: '-1002', threadId: '7' },
    { kind: 'group', id: '-1002', threadId: '1' },
    { kind: 'channel', id: '-1003', title: 'News' },
    { kind: 'group', id: '-1001' }
  ])
  t.same(all.map(({ sender }) => sender.id), ['501', '501', '501', '-1003', '-1001'])
  t.equal(all[4]!.sender.isBot, undefined, 'the shared account behind anonymous writers is nobody')
})

t.test('we are named by a mention behind any letters, by a command with our name, by a link to us and by replies', async t => {
  const scene = await openScene(t)
  const { server } = scene
  const ours = server.write({ chat: group, from: bot, text: 'I said this' })
  const theirs = server.write({ chat: group, text: 'Alice said this' })
  const topic = { message_id: 3, date: 1, chat: forum, from: bot, forum_topic_created: { name: 'Topic' } }
  server.write({ chat: group, text: '😀😀 hey @Claw_Bot!' })
  server.write({ chat: group, text: '/status@claw_bot now' })
  server.write({ chat: group, text: '/status@other_bot now' })
  server.write({ chat: group, text: '👨‍👩‍👧 Claw', entities: [{ type: 'text_mention', offset: 9, length: 4, user: bot }] })
  server.write({ chat: group, text: 'yes', reply_to_message: ours })
  server.write({ chat: group, text: 'no', reply_to_message: theirs, quote: { text: 'Alice' } })
  server.write({ chat: forum, text: 'first', message_thread_id: 7, is_topic_message: true, reply_to_message: topic })
  const [first, ...rest] = await read(scene, 8)
  t.equal(first!.text, 'Alice said this', 'what we write ourselves is left out')
  t.same(rest.map(({ text, isMention }) => [text, isMention]), [
    ['😀😀 hey @Claw_Bot!', true], ['/status now', true], ['/status@other_bot now', false], ['👨‍👩‍👧 Claw', true], ['yes', true], ['no', false], ['first', false]
  ])
  t.strictSame(rest[4]!.replyTo, { messageId: String(ours.message_id), text: 'I said this', isOurs: true })
  t.strictSame(rest[5]!.replyTo, { messageId: String(theirs.message_id), text: 'Alice', isOurs: false })
  t.equal(rest[6]!.replyTo, undefined)
})

t.test('edits say that they are, places and contacts become words, hidden links are shown', async t => {
  const scene = await openScene(t)
  const { server } = scene
  const first = server.write({ text: 'helo' })
  server.write({ ...first, text: 'hello', edit_date: first.date + 5 }, 'edited_message')
  server.write({ ...first, text: 'hello!', edit_date: first.date + 5 }, 'edited_message')
  server.write({ location: { latitude: 52.5, longitude: 13.4 } })
  server.write({ contact: { first_name: 'Bob', phone_number: '+49123' } })
  server.write({ text: 'ä see here', entities: [{ type: 'text_link', offset: 6, length: 4, url: 'https://example.com/' }] })
  server.write({ new_chat_members: [alice] })
  const all = await read(scene, 6)
  t.same(all.map(({ text }) => text), ['helo', 'hello', 'hello!', '[location: 52.5, 13.4]', '[contact: Bob +49123]', 'ä see [here](https://example.com/)'])
  t.same(all.map(({ isEdit }) => isEdit ?? false), [false, true, true, false, false, false])
  t.equal(all[1]!.messageId, all[0]!.messageId)
  t.equal(new Set(all.map(({ eventId }) => eventId)).size, 6)
  t.equal(all[1]!.atMs, (first.date + 5) * 1000)
})

t.test('files are fetched when asked for, within a limit', async t => {
  const scene = await openScene(t)
  const { server } = scene
  const small = keepFile(server, 'small.jpg', Buffer.from('small'))
  const large = keepFile(server, 'large photo.jpg', Buffer.from('large picture'))
  const huge = keepFile(server, 'huge.bin', Buffer.alloc(21 * 1024 * 1024))
  const { file_size: _size, ...unsized } = large
  server.write({ caption: 'look', photo: [{ ...large, width: 800, height: 600 }, { ...small, width: 80, height: 60 }] })
  server.write({ document: { ...huge, file_name: 'huge.bin', mime_type: 'application/zip' } })
  server.write({ voice: { ...unsized, mime_type: 'audio/ogg', duration: 1 } })
  server.write({ document: { file_id: 'gone', file_name: 'gone.pdf', mime_type: 'application/pdf' } })
  const [photo, zip, voice, gone] = (await read(scene, 4)).map(({ attachments }) => attachments![0]!)
  t.same((await scene.server.called('getMe')).length, 1)
  t.equal(server.calls.filter(({ method }) => method === 'getFile').length, 0, 'nothing is fetched before')
  t.match(photo, { kind: 'image', mimeType: 'image/jpeg', sizeBytes: 13 })
  t.equal(Buffer.from(await photo!.fetch(100, patient)).toString(), 'large picture')
  await t.rejects(photo!.fetch(12, patient), { message: 'the attachment has 13 bytes, and 12 are allowed' })
  t.match(zip, { kind: 'file', name: 'huge.bin', mimeType: 'application/zip' })
  await t.rejects(zip!.fetch(1e9, patient), { message: /larger than bots may fetch \(20 MB\).*apiRoot/ })
  t.match(voice, { kind: 'audio', mimeType: 'audio/ogg', name: 'voice.ogg' })
  await t.rejects(voice!.fetch(12, patient), { message: /13 bytes, and 12 are allowed/ })
  await t.rejects(gone!.fetch(1000, patient), { message: 'Telegram answered 400 to getFile: Bad Request: invalid file_id' })
})

t.test('a path of a file leads nowhere but to files', async t => {
  const scene = await openScene(t)
  const { server } = scene
  for (const path of ['../../bot/getMe', '/var/lib/telegram/file', 'a//b']) {
    const file = keepFile(server, 'x', Buffer.from('x'))
    server.files.set(file.file_id, { path, bytes: Buffer.from('x'), name: 'x' })
    server.write({ document: file })
  }
  const all = await read(scene, 3)
  for (const { attachments } of all) await t.rejects(attachments![0]!.fetch(100, patient), { message: /a path of a file that is none|--local/ })
})

t.test('the pictures of an album are one message, before what was written after them', async t => {
  const scene = await openScene(t)
  const { server } = scene
  const picture = (name: string): { [field: string]: unknown } => ({ media_group_id: 'g1', photo: [{ ...keepFile(server, name, Buffer.from(name)), width: 1, height: 1 }] })
  server.write({ ...picture('one'), caption: 'three of them' })
  server.write(picture('two'))
  await scene.until(() => Object.keys((scene.memory as { albums?: object }).albums ?? {}).length > 0)
  server.write({ text: 'elsewhere', chat: group })
  server.write(picture('three'))
  server.write({ text: 'and now this' })
  server.write({ media_group_id: 'g2', document: keepFile(server, 'late', Buffer.from('late')), caption: 'an album of one' })
  const all = await read(scene, 4)
  t.same(all.map(({ text, attachments = [] }) => [text, attachments.length]), [
    ['elsewhere', 0], ['three of them', 3], ['and now this', 0], ['an album of one', 1]
  ])
  t.match(all[1]!.eventId, /^album:501:/)
  await scene.until(() => Object.keys((scene.memory as { albums: object }).albums).length === 0)
})

t.test('an album that was not complete when the gateway ended is told by the next one, once', async t => {
  const scene = await openScene(t)
  const { server } = scene
  scene.receive = async () => { throw new Error('the store is full') }
  const picture = (name: string): { [field: string]: unknown } => ({ media_group_id: 'g1', photo: [{ ...keepFile(server, name, Buffer.from(name)), width: 1, height: 1 }] })
  server.write(picture('one'))
  server.write({ ...picture('two'), caption: 'both' })
  await scene.until(() => server.updates.length === 0 && scene.logged.some(line => line.includes('an album could not be taken in')))
  scene.receive = async () => {}
  await scene.again()
  const [album] = await read(scene, 1)
  t.match(album, { text: 'both', attachments: [{}, {}] })
  await scene.again()
  server.write({ text: 'later' })
  t.equal((await read(scene, 2))[1]!.text, 'later')
})
