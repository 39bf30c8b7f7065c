import t from 'tap'
import { bot, group } from '../fixtures/channels/telegram-people.ts'
import { keepFile } from '../fixtures/channels/telegram-methods.ts'
import type { TelegramServer } from '../fixtures/channels/telegram-server.ts'
import { eventually, stop } from '../process/daemon.ts'
import { openScene } from './telegram-scene.ts'

// Each has a service and a home of its own, and waits in real time: they wait together.
t.jobs = 3

t.test('a stranger is told once how to be let in, and is answered when somebody has done so', async t => {
  const scene = await openScene(t)
  scene.server.write({ text: 'hello' })
  const [told] = await scene.hears(1)
  const [, code] = /Pairing code: ([A-Z2-9]{8})/.exec(told!)!
  t.match(told, `openclaw pairing approve telegram ${code}`)
  t.match(told, 'Your Telegram user id: 501')
  scene.server.write({ text: 'hello again' })
  await eventually(() => scene.server.updates.length, count => count === 0)
  const approved = await scene.client.request('channels.pairing.list', {})
  t.equal(approved.payload.requests.length, 1)
  await scene.client.request('channels.pairing.approve', { channel: 'telegram', requestId: approved.payload.requests[0].requestId })
  scene.server.write({ text: 'let in now' })
  const heard = await eventually(() => scene.said(), texts => texts.some(text => text.includes('let in now')), 15_000)
  t.equal(heard.filter(text => text.includes('Pairing code')).length, 1)
  t.equal((await stop(scene.daemon)).code, 0)
})

t.test('in a group the agent answers who speaks to it, and knows what was said before', async t => {
  const scene = await openScene(t, { keys: { groups: { '-1001': {} }, streaming: 'off' } })
  const { server } = scene
  server.write({ chat: group, text: 'the meeting is at noon', from: { id: 502, is_bot: false, first_name: 'Bob' } })
  const asked = server.write({ chat: group, text: '@claw_bot when is it?' })
  const [answer] = await scene.hears(1, group)
  t.match(answer, /Bob: the meeting is at noon/)
  t.match(answer, /Alice Adams: @claw_bot when is it\?/)
  const row = await eventually(async () => (await scene.client.request('sessions.list', {})).payload.sessions
    .find(({ key }: { key: string }) => key === 'agent:main:telegram:group:-1001'), found => found?.lastTo)
  t.match(row, {
    lastChannel: 'telegram', lastTo: '-1001', chatType: 'group', deliveryContext: { channel: 'telegram', to: '-1001', accountId: 'default' }
  })
  const reaction = await eventually(async () => server.reactions[0], found => found !== undefined)
  t.match(reaction, { message_id: asked.message_id })

  const first = server.messages.find(({ from }) => from?.id === bot.id)
  server.write({ chat: group, text: 'thanks, and who comes?', reply_to_message: first })
  t.match((await scene.hears(2, group)).at(-1), /who comes\?/, 'an answer to the agent speaks to it')
  t.equal(scene.said(group).at(-1)!.split('Bob: the meeting').length, 2, 'what it knows already is not told again, only what is quoted')

  const late = server.write({ chat: group, text: 'is it raining?' })
  server.write({ ...late, text: '@claw_bot is it raining?', edit_date: late.date + 1 }, 'edited_message')
  t.match((await scene.hears(3, group)).at(-1), /is it raining\?/, 'a message that speaks to it after all is answered')
  server.write({ ...asked, text: '@claw_bot when is it, exactly?', edit_date: asked.date + 1 }, 'edited_message')
  server.write({ chat: group, text: '@claw_bot and now?' })
  const answers = await scene.hears(4, group)
  t.equal(answers.length, 4, 'one that was answered is not answered again')
  t.match(answers.at(-1), /changed an earlier message\): @claw_bot when is it, exactly\?/, 'how it reads now is known')
})

t.test('an album is one message, its pictures are seen and its files lie where the agent can read them', async t => {
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
  const written = (server: TelegramServer): void => {
    const photo = (): object[] => [{ ...keepFile(server, 'photo.png', png, 'photos'), width: 1, height: 1 }]
    server.write({ media_group_id: 'g', caption: 'three of them', photo: photo() })
    server.write({ media_group_id: 'g', photo: photo() })
    server.write({ media_group_id: 'g', document: { ...keepFile(server, 'notes.txt', Buffer.from('some notes')), file_name: 'notes.txt', mime_type: 'text/plain' } })
  }
  const scene = await openScene(t, { keys: { allowFrom: ['501'] }, written })
  const { server } = scene
  const [answer] = await scene.hears(1)
  t.match(answer, /three of them/)
  const [, path] = /\[file (uploads\/\S+notes\.txt) \(text\/plain, 10 bytes\)\]/.exec(answer!) ?? []
  t.ok(path)
  const { payload } = await scene.client.request('chat.history', { sessionKey: 'main', limit: 10 })
  const asked = payload.messages.filter(({ role }: { role: string }) => role === 'user')
  t.equal(asked.length, 1)
  t.equal(asked[0].content.filter(({ type }: { type: string }) => type === 'image').length, 2)

  server.write({ text: `here it is\nMEDIA: ${path}\nMEDIA: ../secret.txt` })
  const file = await eventually(async () => server.messages.find(({ from, document }) => from?.id === bot.id && document), found => found !== undefined)
  t.match(file.document, { file_name: /notes\.txt$/, file_size: 10 })
  const texts = await eventually(() => scene.said().filter(Boolean), all => all.some(text => text.startsWith('here it is')))
  t.match(texts.at(-1), /^here it is\n\[file \.\.\/secret\.txt could not be sent: /, 'what lies elsewhere stays there')
})

t.test('a reply can be read while it is written, and is one message in the end', async t => {
  const scene = await openScene(t, { keys: { allowFrom: ['501'] } })
  const { server } = scene
  server.write({ text: '/slow 40\n/words 80\nlong' })
  const [beginning] = await scene.hears(1)
  t.ok(beginning!.length >= 30)
  const [typed] = await eventually(() => server.actions, actions => actions.length > 0)
  t.match(typed, { chat_id: 501, action: 'typing' })
  const whole = await eventually(async () => scene.said()[0]!, text => text.split(/\s+/).length >= 80, 15_000)
  t.ok(whole.startsWith(beginning!.slice(0, 20)))
  t.equal(scene.said().length, 1)
})

t.test('orders are obeyed, errors are told, and silence is none of the chat', async t => {
  const scene = await openScene(t, { keys: { allowFrom: ['501'], streaming: 'off' } })
  const { server } = scene
  server.write({ text: '/fail refusal' })
  t.match((await scene.hears(1)).at(-1), /^⚠️ /)
  server.write({ text: '/slow 500\n/words 500\nnever' })
  await eventually(async () => (await scene.client.request('sessions.list', {})).payload.sessions[0]?.status, status => status === 'running')
  server.write({ text: '/stop' })
  t.equal((await scene.hears(2)).at(-1), 'Stopped.')
  server.write({ text: '/new' })
  t.equal((await scene.hears(3)).at(-1), 'The conversation begins anew.')
  server.write({ text: 'NO_REPLY' })
  server.write({ text: 'said aloud' })
  const texts = await scene.hears(4)
  t.equal(texts.length, 4)
  t.match(texts.at(-1), /said aloud/)
  await eventually(async () => (await scene.client.request('sessions.list', {})).payload.sessions[0]?.status, status => status === 'done')
  server.write({ text: '/status' })
  t.match((await scene.hears(5)).at(-1), /^Gateway [^]*\nSession agent:main:main, [1-9]\d* messages, status done\nModel echo\//)
  server.write({ text: '/help' })
  t.match((await scene.hears(6)).at(-1), /^\/stop – [^]*\n\/new – [^]*\n\/status – /)
  server.write({ text: '/whoami' })
  t.equal((await scene.hears(7)).at(-1), 'You are 501 (@alice), an owner of this gateway.\nThis chat is 501; agent main answers here.')
})
