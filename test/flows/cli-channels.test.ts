/** Channels at the command line: against a gateway that runs, and without one. */
import t from 'tap'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCli } from '../cli/run-cli.ts'
import { builtinChannels } from '../../src/channels/builtin/index.ts'
import { knownChannels } from '../../src/cli/channel-config.ts'
import { botToken } from '../fixtures/channels/telegram-people.ts'
import { startTelegram } from '../fixtures/channels/telegram-server.ts'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'
import { eventually } from '../process/daemon.ts'
import { telegramKeys } from './channel-scene.ts'

const gateway = { mode: 'local', auth: { token: 'flow-token-0123456789abcdef0123456789abcdef' } }

const cliOf = ({ env }: Home, more: NodeJS.ProcessEnv = {}) => (...argv: string[]) => runCli(argv, { env: { ...env, ...more } })
const fileOf = ({ stateDir }: Home): string => join(stateDir, 'openclaw.json')
const textOf = (home: Home): string => readFileSync(fileOf(home), 'utf8')

t.test('every channel that comes with the gateway can be added by name', async t => {
  for (const id of Object.keys(builtinChannels)) t.ok(id in knownChannels, id)
})

t.test('without a gateway accounts are written, listed, switched off and deleted, and the status says what it is', async t => {
  const home = await makeHome(t, { gateway })
  writeFileSync(fileOf(home), `// mine\n{\n  gateway: ${JSON.stringify(gateway)}, // stays\n}\n`)
  const cli = cliOf(home)
  t.match(await cli('channels', 'status'), { code: 0, out: /Gateway not reachable; showing config-only status\.\nConfig: .*openclaw\.json\nMode: local\n\n- no configured/ })
  t.match(await cli('channels', 'add'), { code: 1, err: /Which channel\?.*telegram\|discord/ })
  t.match(await cli('channels', 'add', 'constructor', '--token', 'x'), { code: 1, err: /--token is no setting of constructor/ })
  t.match(await cli('channels', 'add', 'telegram'), { code: 1, err: /What is the account signed in with\? Telegram takes --token, --token-file.*--use-env/ })
  t.match(await cli('channels', 'add', 'telegram', '--homeserver', 'x'), { code: 1, err: /--homeserver is no setting of telegram/ })
  t.match(await cli('channels', 'add', 'telegram', '--use-env'), { code: 1, err: /--use-env needs TELEGRAM_BOT_TOKEN/ })
  const added = await cli('channels', 'add', '--channel', 'telegram', '--token', botToken, '--set', 'dmPolicy=allowlist', '--set', 'allowFrom=[501]')
  t.match(added, { code: 0, out: 'Saved Telegram account default. The gateway does not run here; it takes this up when it starts.\n' })
  t.match(textOf(home), /^\/\/ mine[^]*\/\/ stays/)
  t.match(textOf(home), new RegExp(`"?botToken"?: "${botToken}"`))
  t.notMatch(added.out + added.err, botToken)
  const second = await cliOf(home, { TELEGRAM_BOT_TOKEN: 'secret-of-env' })('channels', 'add', 'telegram', '--account', 'work', '--use-env', '--name', 'At work')
  t.equal(second.code, 0, second.err)
  t.match(textOf(home), /\$\{TELEGRAM_BOT_TOKEN\}/)
  t.notMatch(textOf(home), /secret-of-env/)
  t.match(await cli('channels', 'list'), { code: 0, out: /- Telegram default: installed, configured, enabled\n- Telegram work \(At work\): installed/ })
  t.match((await cli('channels', 'list', '--json')).json(), { chat: { telegram: { accounts: ['default', 'work'], label: 'Telegram', installed: true } } })
  t.match(await cli('channels', 'list', '--all'), { out: /- Discord: installed, not configured/ })
  const status = (await cli('channels', 'status', '--json')).json()
  t.match(status, { gatewayReachable: false, configOnly: true, gatewayAuthUnavailable: false, config: { mode: 'local' }, configuredChannels: ['telegram'] })
  t.match(await cli('channels', 'remove', '--account', 'work'), { code: 0, out: /^Switched off Telegram account work\./ })
  t.match(await cli('channels', 'status'), { out: /Telegram default: enabled, dm:allowlist\n- Telegram work: disabled/ })
  t.match(await cli('channels', 'remove', '--account', 'work', '--delete'), { code: 0, out: /^Deleted Telegram account work\./ })
  t.match(await cli('channels', 'remove', '--account', ''), { code: 1, err: /--account must not be blank/ })
  t.match(await cli('channels', 'remove', '--channel', 'slack'), { code: 1, err: /There is no channel slack in/ })
  t.match(await cli('channels', 'remove', 'telegram', '--delete'), { code: 0 })
  t.notMatch(textOf(home), /telegram/)
  t.match(textOf(home), /^\/\/ mine[^]*\/\/ stays/)
  for (const command of [['channels', 'start', 'telegram'], ['pairing', 'list'], ['channels', 'queue']]) {
    t.match(await cli(...command), { code: 1, err: /Gateway not reachable|ECONNREFUSED/ }, command.join(' '))
  }
})

t.test('a gateway that runs takes up at once what is added and removed', async t => {
  const telegram = await startTelegram(t)
  const home = await makeHome(t, { gateway })
  await startDaemon(t, home)
  const cli = cliOf(home)
  t.match(await cli('channels', 'status'), { code: 0, out: /Gateway reachable\.\n- no configured chat channels/ })
  const added = await cli('channels', 'add', 'telegram', '--token', botToken, '--set', `apiRoot=${telegram.url}`, '--set', 'pollingTimeoutSeconds=1')
  t.match(added, { code: 0, out: 'Saved Telegram account default. The gateway has taken it up.\n' })
  const probed = await eventually(() => cli('channels', 'status', '--probe'), ({ out }) => /connected, .*works/.test(out))
  t.match(probed, { code: 0, out: /- Telegram default: enabled, configured, running, connected, .*bot:@claw_bot, dm:pairing, health:healthy, works/ })
  t.match((await cli('channels', 'status', '--json')).json(), { channelOrder: ['telegram'], channelAccounts: { telegram: [{ running: true }] } })
  t.match(await cli('channels', 'capabilities'), { code: 0, out: /Telegram +default +send, edit, delete, react, poll +polling +4000 utf16 +50 MB/ })
  t.match(await cli('channels', 'login'), { code: 0, out: /is signed in as @claw_bot/ })
  t.match(await cli('channels', 'stop'), { code: 0, out: 'Stopped telegram account default.\n' })
  t.match(await cli('doctor'), { out: /channels\.account: telegram default: stopped by hand\n +It stays so until somebody says: openclaw channels start --channel telegram/ })
  t.match(await cli('channels', 'status'), { out: /stopped by hand/ })
  t.match(await cli('message', 'send', '-t', '501', '-m', 'x'), { code: 1, err: /does not run: it was stopped by hand[^]*openclaw channels start/ })
  t.match(await cli('channels', 'start'), { code: 0, out: 'Started telegram account default.\n' })
  t.match(await cli('channels', 'logs'), { code: 0 })
  t.match(await cli('channels', 'remove'), { code: 0, out: 'Switched off Telegram account default. The gateway has taken it up.\n' })
  t.match(await cli('channels', 'status'), { out: /- Telegram default: disabled, configured, stopped/ })
  t.match(await cli('channels', 'start'), { code: 1, out: /it is switched off in the configuration/ })
})

t.test('messages are sent, changed, reacted to and deleted, and what has no end is decided by a person', async t => {
  const telegram = await startTelegram(t)
  const home = await makeHome(t, { gateway, channels: { telegram: telegramKeys(telegram) } })
  await startDaemon(t, home)
  const cli = cliOf(home)
  const send = (...argv: string[]) => cli('message', 'send', '-t', 'telegram:501', ...argv)
  t.match(await send('-m', 'hello'), { code: 0, out: /^Sent via telegram\. Message ID: 1\n$/ })
  t.match((await send('-m', 'hello', '--json')).json(), { action: 'send', channel: 'telegram', dryRun: false, messageId: '2', payload: { ok: true, status: 'sent' } })
  t.match(await send('-m', 'two files', '--media', fileOf(home), '--media', fileOf(home)), { code: 0, out: /Message ID: 3\nSent via telegram\. Message ID: 4/ })
  t.match(telegram.calls.filter(({ method }) => method === 'sendDocument'), [{ params: { caption: 'two files' } }, { params: { caption: undefined } }])
  t.match(await send('-m', 'x', '--dry-run'), { code: 0, out: /^Would send by way of telegram: \{"message":"x"/ })
  t.match(await cli('message', 'edit', '-t', '501', '--message-id', '1', '-m', 'changed'), { code: 0, out: /Changed message 1/ })
  t.match(await cli('message', 'react', '-t', '501', '--message-id', '1', '--emoji', '👍'), { code: 0, out: /Reacted with 👍 to message 1/ })
  t.match(await cli('message', 'poll', '-t', '501', '--poll-question', 'Q?', '--poll-option', 'a', '--poll-option', 'b'), { code: 0, out: /Poll sent/ })
  t.match(await cli('message', 'delete', '-t', '501', '--message-id', '1'), { code: 0, out: /Deleted message 1/ })
  t.match(await send(), { code: 1, err: /--message or --media is missing/ })
  t.match(await send('--media', '/no/such/file'), { code: 1, err: /\/no\/such\/file cannot be read/ })
  t.match(await cli('message', 'send', '-m', 'x'), { code: 1, err: /--target is missing/ })
  t.match(await cli('message', 'send', '-t', '77', '-m', 'x'), { code: 1, err: /chat not found[^]*nothing of it is kept/ })
  t.match(await cliOf(home, { OPENCLAW_SHELL: 'exec' })('message', 'send', '-t', '501', '-m', 'x'), { code: 1, err: /refused inside the shell of an agent/ })
  telegram.fail('sendMessage', { cut: 'after' })
  t.match(await send('-m', 'lost?'), { code: 1, err: /nobody knows whether it arrived[^]*It is kept/ })
  const queue = (await cli('channels', 'queue', '--json')).json()
  t.match(queue, { counts: { parked: 1 }, items: [{ state: 'parked', preview: 'lost?' }] })
  t.match(await cli('channels', 'queue'), { code: 0, out: /0 queued, 1 parked, 0 dead\nId +State/ })
  t.match(await cli('channels', 'queue', '--discard', queue.items[0].id), { code: 0, out: /^Thrown away: / })
  t.match(await cli('channels', 'queue', '--retry', 'nothing'), { code: 1, err: /no parked or dead message/ })
  t.match(await cli('channels', 'queue'), { code: 0, out: /Nothing waits here/ })
})
