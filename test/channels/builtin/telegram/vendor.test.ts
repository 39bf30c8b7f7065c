/** The stand-in for Telegram, seen by a client that others wrote for the real one. */
import { Bot, GrammyError, InputFile, type Context } from 'grammy'
import t from 'tap'
import { botToken, direct, forum, group } from '../../../fixtures/channels/telegram-people.ts'
import { startTelegram, type TelegramServer } from '../../../fixtures/channels/telegram-server.ts'

const open = async (t: { teardown (fn: () => unknown): unknown }): Promise<{ server: TelegramServer, bot: Bot }> => {
  const server = await startTelegram(t)
  return { server, bot: new Bot(botToken, { client: { apiRoot: server.url } }) }
}

const refusal = async (work: Promise<unknown>): Promise<GrammyError | undefined> => await work.then(() => undefined, error => error as GrammyError)

t.test('a bot of grammY reads, answers and edits', async t => {
  const { server, bot } = await open(t)
  const seen: string[] = []
  const { promise: done, resolve } = Promise.withResolvers<Context>()
  bot.command('start', async context => {
    seen.push(`command ${context.match}`)
    const answer = await context.reply('<b>hello</b> &amp; welcome', { parse_mode: 'HTML' })
    t.match(answer, { text: 'hello & welcome', entities: [{ type: 'bold', offset: 0, length: 5 }] })
    await context.api.editMessageText(answer.chat.id, answer.message_id, 'changed')
    resolve(context)
  })
  bot.on('message:text', context => { seen.push(context.message.text) })
  server.write({ text: 'before' })
  server.write({ text: '/start@claw_bot now' })
  const running = bot.start({ timeout: 1 })
  await done
  await bot.stop()
  await running
  t.same(seen, ['before', 'command now'])
  t.same(server.messages.map(({ text }) => text), ['before', '/start@claw_bot now', 'changed'])
  t.same(server.updates, [], 'what was read is confirmed')
})

t.test('grammY is told what is wrong in the words of the service', async t => {
  const { server, bot } = await open(t)
  const { api } = bot
  t.match(await refusal(api.sendMessage(direct.id, '<b>x', { parse_mode: 'HTML' })), { error_code: 400, description: /can't parse entities: Can't find end tag/ })
  t.match(await refusal(api.sendMessage(direct.id, '😀'.repeat(2049))), { error_code: 400, description: 'Bad Request: message is too long' })
  t.match(await refusal(api.sendMessage(99, 'x')), { error_code: 400, description: 'Bad Request: chat not found' })
  t.match(await refusal(api.sendMessage(forum.id, 'x', { message_thread_id: 1 })), { description: 'Bad Request: message thread not found' })
  t.match(await refusal(api.sendMessage(group.id, 'x', { reply_parameters: { message_id: 99 } })), { description: 'Bad Request: message to be replied not found' })
  const { message_id: id } = await api.sendMessage(direct.id, 'same')
  t.match(await refusal(api.editMessageText(direct.id, id, 'same')), { description: /message is not modified/ })
  server.fail('sendMessage', { status: 429, description: 'retry after 3', parameters: { retry_after: 3 } })
  t.match(await refusal(api.sendMessage(direct.id, 'x')), { error_code: 429, parameters: { retry_after: 3 } })
  const stranger = new Bot('123456:other', { client: { apiRoot: server.url } })
  t.match(await refusal(stranger.api.getMe()), { error_code: 401, description: 'Unauthorized' })
})

t.test('grammY sends and fetches files, and a second reader is told of the first', async t => {
  const { server, bot } = await open(t)
  const sent = await bot.api.sendDocument(direct.id, new InputFile(Buffer.from('content'), 'notes.txt'), { caption: 'read *this*' })
  t.match(sent, { caption: 'read *this*', document: { file_name: 'notes.txt', file_size: 7 } })
  const { file_path: path } = await bot.api.getFile(sent.document.file_id)
  t.equal(await (await fetch(`${server.url}/file/bot${botToken}/${path}`)).text(), 'content')
  const first = refusal(bot.api.getUpdates({ timeout: 30 }))
  await server.called('getUpdates')
  await bot.api.getUpdates({ timeout: 0 })
  t.match(await first, { error_code: 409, description: /terminated by other getUpdates request/ })
  await bot.api.setWebhook('http://127.0.0.1:1/hook', { secret_token: 'abc' })
  t.match(await refusal(bot.api.getUpdates()), { error_code: 409, description: /webhook is active/ })
})
