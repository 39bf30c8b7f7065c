import t from 'tap'
import { keepFile } from '../fixtures/channels/telegram-methods.ts'
import { group } from '../fixtures/channels/telegram-people.ts'
import type { TelegramServer } from '../fixtures/channels/telegram-server.ts'
import { eventually, serve } from '../process/daemon.ts'
import { openScene } from './telegram-scene.ts'

// Each has a service and a home of its own, and waits in real time: they wait together.
t.jobs = 2

const keys = { allowFrom: ['501'], streaming: 'off' }

t.test('what one person says in several messages is one message, and whoever else speaks is another', async t => {
  const inbound = { debounceMs: 60_000, byChannel: { telegram: 1500 } }
  const written = (server: TelegramServer): void => {
    for (const text of ['first this', 'then that', 'and one more']) server.write({ text })
    for (const [text, id] of [['one', 501], ['two', 501], ['three', 502]] as const) {
      server.write({ chat: group, text, from: { id, is_bot: false, first_name: `P${id}` } })
    }
  }
  const scene = await openScene(t, {
    keys: { ...keys, groupPolicy: 'open', groupAllowFrom: ['*'], groups: { '*': { requireMention: false } } },
    config: { messages: { inbound, queue: { mode: 'followup' } } },
    written
  })
  t.same(await scene.hears(1), ['first this\nthen that\nand one more'])
  const answers = await scene.hears(2, group)
  t.match(answers[0], /P501: one\nP501: two/)
  t.notMatch(answers[0], /three/)
  t.match(answers[1], /P502: three/)
  t.equal(scene.said().length, 1)
})

t.test('a file and an order end the waiting, and a gateway that is killed while it waits loses nothing', async t => {
  const scene = await openScene(t, { keys, config: { messages: { inbound: { debounceMs: 60_000 } } } })
  const { server, home } = scene
  server.write({ text: 'look at this' })
  server.write({ caption: 'these are my notes', document: { ...keepFile(server, 'notes.txt', Buffer.from('some notes')), file_name: 'notes.txt' } })
  t.match(await scene.hears(1), [/^look at this\nthese are my notes\n\[file /])
  server.write({ text: '/whoami' })
  t.match((await scene.hears(2)).at(-1), /^You are 501/)
  server.write({ text: 'never mind' })
  server.write({ text: '/new go on' })
  t.same((await scene.hears(3)).slice(2), ['go on'], 'a new conversation begins without what waited')

  server.write({ text: 'nobody must lose' })
  server.write({ text: 'any of this' })
  await eventually(async () => server.updates.length, count => count === 0)
  scene.daemon.kill('SIGKILL')
  await scene.daemon.exit()
  t.equal(scene.said().length, 3, 'it was waiting')
  await serve(t, { home })
  const after = await eventually(async () => scene.said().slice(3).join('\n'), said => /nobody must lose[^]*any of this/.test(said), 20_000)
  t.equal(after.match(/nobody must lose|any of this/g)?.length, 2, 'and nothing is answered twice')
})
