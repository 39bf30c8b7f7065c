import t from 'tap'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'
import { closeClient } from '../helper.ts'
import { invoke, bearer, programClient, say } from './key-scene.ts'

const token = 'flow-token-0123456789abcdef0123456789abcdef'
const config = { gateway: { mode: 'local', auth: { token } } }

const cliOf = ({ env }: Home) => (...argv: string[]) => runCli(argv, { env })
const urlsOf = ({ port }: Home) => ({ url: `ws://127.0.0.1:${port}`, http: `http://127.0.0.1:${port}` })

t.test('keys are made, listed, shown, rotated and revoked at the command line', async t => {
  const home = await makeHome(t, config)
  await startDaemon(t, home)
  const cli = cliOf(home)
  t.match(await cli('keys'), { code: 0, out: /There is no API key\. Create one: openclaw keys create <name>/ })
  const created = await cli('keys', 'create', 'shop', '--scope', 'read', '--scope', 'write', '--agent', 'main', '--expires', '90d',
    '--requests-per-minute', '60', '--concurrent-runs', '2', '--tokens-per-day', '200000', '--spend-per-day', '1.5')
  t.equal(created.code, 0, created.err)
  const secret = /^ocgw_[\w-]{43}$/m.exec(created.out)![0]
  t.match(created.out, /shown this once/)
  t.match(created.out, /Limits +60 requests a minute, 2 runs at a time, 200000 tokens a day, \$1\.5 a day/)
  t.match(await invoke(urlsOf(home), bearer(secret)), { status: 200 })
  const list = await cli('keys', 'list')
  t.match(list.out, new RegExp(`^Name .*\\nshop +ocgw_…${secret.slice(-4)} +active +read, write +own `, 'm'))
  const shown = await cli('keys', 'show', 'shop')
  t.match(shown.out, /Agents +main\n(?:.*\n)*Expires +in 89d/)
  for (const { out } of [list, shown]) t.notOk(out.includes(secret))
  t.match((await cli('keys', 'list', '--json')).json(), { keys: [{ name: 'shop', scopes: ['operator.read', 'operator.write'], today: { runs: 0 } }] })
  const rotated = (await cli('keys', 'rotate', 'shop', '--grace', '1h', '--json')).json()
  t.match(rotated, { secret: /^ocgw_/, key: { name: 'shop', previousUntilMs: Number } })
  t.match(await invoke(urlsOf(home), bearer(secret)), { status: 200 })
  t.match(await cli('keys', 'revoke', 'shop'), { code: 0, out: /^Revoked API key "shop"/ })
  for (const old of [secret, rotated.secret]) t.match(await invoke(urlsOf(home), bearer(old)), { status: 401 })
  t.match(await cli('keys', 'list'), { out: /There is no API key/ })
  t.match(await cli('keys', 'list', '--all'), { out: /shop .* revoked/ })
  t.notOk(readFileSync(home.logFile, 'utf8').includes(secret), 'no log has it')
})

t.test('what is wrong is said with what to do', async t => {
  const home = await makeHome(t, config)
  await startDaemon(t, home)
  const cli = cliOf(home)
  t.match(await cli('keys', 'create'), { code: 1, err: /name/ })
  t.match(await cli('keys', 'create', 'x', '--expires', 'soon'), { code: 1, err: /Invalid --expires \(use a date/ })
  t.match(await cli('keys', 'create', 'x', '--scope', 'everything'), { code: 1, err: /scopes: "operator\.everything" is not understood/ })
  t.match(await cli('keys', 'create', 'x', '--agent', 'nobody'), { code: 1, err: /agent "nobody" not found[^]*openclaw agents list/ })
  t.match(await cli('keys', 'show', 'nobody'), { code: 1, err: /there is no API key "nobody"[^]*openclaw keys list/ })
  t.match(await cli('keys', 'rotate', 'nobody', '--grace', 'x'), { code: 1, err: /Invalid --grace/ })
  t.match(await cli('keys', '--help'), { code: 0, out: /create +Create an API key for a program; it is shown once/ })
  t.match(await cli('keys', 'create', '--help'), { code: 0, out: /--tokens-per-day/ })
})

/** What a key has used today is looked at twice: not across midnight. */
async function withinOneDay (): Promise<void> {
  const dayMs = 24 * 3_600_000
  const leftMs = dayMs - Date.now() % dayMs
  if (leftMs < 30_000) await sleep(leftMs + 1_000)
}

t.test('keys, their conversations and what they have used are there again after the gateway was killed', async t => {
  await withinOneDay()
  const home = await makeHome(t, config)
  const daemon = await startDaemon(t, home)
  const cli = cliOf(home)
  const program = (await cli('keys', 'create', 'program', '--tokens-per-day', '5', '--json')).json() as { secret: string, key: { id: string } }
  const gone = (await cli('keys', 'create', 'gone', '--json')).json() as { secret: string }
  const { client } = await programClient(urlsOf(home), program)
  t.match((await say(client, 'notes', 'one two three four five six seven', 'one')).answer, { payload: { status: 'started' } })
  await cli('keys', 'revoke', 'gone')
  const before = (await cli('keys', 'show', 'program', '--json')).json().key.today
  t.ok(before.tokens >= 5)
  await daemon.stop('SIGKILL')
  await client.close()
  await startDaemon(t, home)
  t.match(await invoke(urlsOf(home), bearer(gone.secret)), { status: 401, body: { error: { code: 'AUTH_KEY_REVOKED' } } }, 'what was revoked stays revoked')
  const { client: again } = await programClient(urlsOf(home), program)
  t.equal((await again.request('chat.history', { sessionKey: 'notes' })).payload.messages.length, 2)
  t.same((await cli('keys', 'show', 'program', '--json')).json().key.today, before)
  t.match(await again.request('chat.send', { sessionKey: 'notes', message: 'x', idempotencyKey: 'two' }), { error: { details: { code: 'KEY_BUDGET_SPENT' } } })
  t.match(await again.request('chat.send', { sessionKey: 'notes', message: 'one two three four five six seven', idempotencyKey: 'one' }), { payload: { status: 'ok' } })
  await closeClient(again)
})
