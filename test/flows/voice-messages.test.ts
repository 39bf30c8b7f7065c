/** Somebody speaks to the bot, and the agent reads what was said. */
import t from 'tap'
import { keepFile } from '../fixtures/channels/telegram-methods.ts'
import { openScene } from './telegram-scene.ts'

t.test('a voice message is read as it was heard, and kept; one that nobody can hear is kept as well', async t => {
  const code = 'const said = require("fs").readFileSync(process.argv[1], "utf8"); if (/mumble/.test(said)) process.exit(1); console.log(said)'
  const audio = { models: [{ type: 'cli', command: process.execPath, args: ['-e', code, '{{MediaPath}}'] }] }
  const { server, hears } = await openScene(t, { keys: { dmPolicy: 'open', allowFrom: ['*'] }, config: { tools: { media: { audio } } } })
  const say = (words: string): void => {
    const { file_id, file_unique_id, file_size } = keepFile(server, 'voice.oga', Buffer.from(words), 'voice') // eslint-disable-line camelcase
    server.write({ voice: { file_id, file_unique_id, file_size, duration: 2, mime_type: 'audio/ogg' } }) // eslint-disable-line camelcase
  }
  say('call me back')
  t.match((await hears(1))[0], /^\[voice message, as it was heard\] call me back\n\[file uploads\/.+ \(audio\/ogg, 12 bytes\)\]$/)
  say('mumble')
  t.match((await hears(2))[1], /^\[file uploads\/.+ \(audio\/ogg, 6 bytes\)\]$/)
})
