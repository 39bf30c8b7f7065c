/** The audit log of a whole gateway: who did what stands in it, however it was done, and no secret ever does. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { AuditEntry } from '../../src/audit/act.ts'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { contractProblem } from '../contract.ts'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { admitted, closeClient, connect, startGateway, testToken, type TestClient, type TestGateway } from '../helper.ts'
import { bearer, invoke, makeKey, programClient, say } from './key-scene.ts'

const acts = async (client: TestClient, params: object = {}): Promise<AuditEntry[]> =>
  (await client.request('audit.acts', { limit: 500, ...params })).payload.entries

const textOf = ({ stateDir }: Pick<TestGateway, 'stateDir'>): string =>
  readdirSync(join(stateDir, 'audit')).map(name => readFileSync(join(stateDir, 'audit', name), 'utf8')).join('')

t.test('connects, refusals, pairing, keys, tools and runs are told, with who did them and from where', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  await connect(gateway.url, { device: false, auth: { token: 'a-wrong-token-0123456789' } })
  const key = await makeKey(admin, 'shop')
  t.equal((await invoke(gateway, bearer('another-wrong-token-0123456789'))).status, 401)
  t.equal((await invoke(gateway, bearer(key.secret))).status, 200)
  await admin.request('keys.revoke', { name: 'shop' })
  await admin.request('tools.invoke', { name: 'exec', args: { command: 'true' } })
  await say(admin, 'main', 'hello', 'told')
  const { client: reader } = await admitted(gateway.url, { scopes: ['operator.read'] })
  t.match(await reader.request('audit.acts', {}), { error: { message: 'missing scope: operator.admin' } })
  const all = await acts(admin)
  const told = (act: string, more: object = {}): void => {
    t.ok(all.some(entry => entry.act === act && Object.entries(more).every(([name, value]) => {
      return JSON.stringify((entry as unknown as { [name: string]: unknown })[name] ?? null).includes(String(value))
    })), `${act} ${JSON.stringify(more)}`)
  }
  told('gateway.started')
  told('connect', { outcome: 'ok', actor: '127.0.0.1' })
  told('connect', { outcome: 'refused', code: 'AUTH_TOKEN_MISMATCH' })
  told('http', { outcome: 'refused', code: 'AUTH_TOKEN_MISMATCH' })
  told('device.pair.resolved', { about: 'approved' })
  told('keys.create', { outcome: 'ok', about: 'shop', actor: 'device:' })
  told('keys.revoke', { kind: 'key' })
  told('tool.invoked', { kind: 'tool', outcome: 'ok' })
  told('audit.acts', { outcome: 'refused', code: 'MISSING_SCOPE' })
  t.match((await admin.request('audit.verify', {})).payload, { ok: true, problems: [] })
  await Promise.all([admin, reader].map(closeClient))
})

t.test('what runs and their tools did is listed in the words of the contract', async t => {
  const gateway = await startGateway(t)
  const { client } = await admitted(gateway.url)
  const { payload: { runId } } = await client.request('chat.send', { sessionKey: 'main', message: 'hello', idempotencyKey: 'one' })
  await client.frame(({ event, payload }) => event === 'chat' && payload.runId === runId && payload.state === 'final')
  for (const [method, name] of [['audit.activity.list', 'AuditActivityListResult'], ['audit.list', 'AuditListResult']] as const) {
    const { payload } = await client.request(method, { runId })
    t.equal(contractProblem(name, payload), undefined, JSON.stringify(payload))
    t.same(payload.events.map(({ action, status }: { action: string, status: string }) => [action, status]), [
      ['agent.run.finished', 'succeeded'], ['agent.run.started', 'started']
    ])
    t.match((await client.request(method, { runId, status: 'started', limit: 1 })).payload.events, [{ kind: 'agent_run', agentId: 'main', actor: { type: 'agent' } }])
    t.same((await client.request(method, { runId: 'nobody' })).payload, { events: [] })
  }
  const first = (await client.request('audit.list', { limit: 1 })).payload
  t.match(first.nextCursor, /^\d+$/)
  const second = (await client.request('audit.list', { limit: 1, cursor: first.nextCursor })).payload
  t.ok(second.events[0].sequence < first.events[0].sequence)
  await closeClient(client)
})

t.test('no secret gets in, through whatever door it comes', async t => {
  const gateway = await startGateway(t)
  const { client: admin, hello } = await admitted(gateway.url)
  const secrets = [testToken, gateway.adminToken, hello.auth.deviceToken]
  const identity = createDeviceIdentity()
  secrets.push(identity.privateKeyPem ?? 'none-of-this-test')
  const key = await makeKey(admin, 'shop')
  secrets.push(key.secret)
  const wrong = 'sk-proj-0123456789abcdefghijklmnopqrstuvwxyz'
  secrets.push(wrong)
  await connect(gateway.url, { device: false, auth: { token: wrong } })
  await connect(gateway.url, { device: false, auth: { password: wrong } })
  await connect(gateway.url, { client: { displayName: wrong, version: wrong } })
  await invoke(gateway, bearer(wrong))
  await fetch(`${gateway.http}/v1/models?token=${wrong}`, { headers: { 'user-agent': wrong } })
  for (const secret of [testToken, key.secret, wrong]) {
    await admin.request('keys.create', { name: secret })
    await admin.request('agents.create', { name: secret, workspace: join(gateway.stateDir, 'nowhere') })
    await admin.request('sessions.patch', { key: secret, label: secret })
    await admin.request('device.pair.approve', { requestId: secret })
    await admin.request('exec.approval.resolve', { id: secret, decision: 'deny' })
    await admin.request('tools.invoke', { name: 'exec', args: { command: `curl -H "Authorization: Bearer ${secret}"` } })
    await admin.request('chat.send', { sessionKey: 'main', message: secret, idempotencyKey: secret })
    await admin.request(secret, {})
  }
  const { client: program } = await programClient(gateway, key)
  await program.request('sessions.list', {})
  await gateway.gateway.rooms.audit.flush()
  const text = textOf(gateway)
  t.ok(text.includes('"keys.create"'), 'it was told')
  for (const secret of secrets) t.notOk(text.includes(secret), `${secret.slice(0, 12)}…`)
  await Promise.all([admin, program].map(closeClient))
})

t.test('at the command line it is listed, proved and passed on, with a gateway and without one', async t => {
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { token: testToken } } })
  const daemon = await startDaemon(t, home)
  const cli = (...argv: string[]) => runCli(['audit', ...argv], { env: home.env })
  await runCli(['keys', 'create', 'a|b=c"]'], { env: home.env })
  await runCli(['keys', 'create', 'shop'], { env: home.env })
  t.match(await cli('list', '--kind', 'key'), { code: 0, out: /^Seq +Time +Act .*\n.*keys\.create +ok .*name=shop/ })
  t.match((await cli('list', '--act', 'keys.', '--json')).json(), { entries: [{ act: 'keys.create', about: { name: 'shop' } }] })
  t.match(await cli('list', '--since', 'yesterday'), { code: 1, err: /Invalid --since/ })
  const verified = await cli('verify')
  t.match(verified, { code: 0, out: /^Whole: \d+ entries, 1 to \d+\.\nHead: \d+:[\w-]{43}\n$/ })
  const head = /Head: (\S+)/.exec(verified.out)![1]!
  t.match(await cli('verify', '--head', head), { code: 0 })
  t.match(await cli('verify', '--head', `3:${'A'.repeat(43)}`), { code: 1, out: /knows another entry 3/ })

  const exported = await cli('export')
  await daemon.stop()
  const stored = textOf(home)
  t.ok(stored.startsWith(exported.out), 'every exported line is one of the file, byte by byte')
  const offline = await cli('export', '--after', '1')
  t.match(offline, { code: 0, err: /No gateway answers here; reading its files/ })
  t.equal(offline.out, stored.slice(stored.indexOf('\n') + 1))
  const syslog = (await cli('export', '--format', 'syslog')).out.trimEnd().split('\n')
  for (const line of syslog) {
    t.match(line, /^<1(?:08|09|10|06)>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S{1,255} openclaw-gateway - [!-~]{1,32} \[openclaw@32473( [!-<>-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")+\]$/)
  }
  const cef = (await cli('export', '--format', 'cef')).out.trimEnd().split('\n')
  for (const line of cef) t.match(line, /^CEF:0\|openclaw-gateway\|gateway\|[^|]+\|[\w.-]+\|[\w. -]+\|(?:10|\d)\|rt=\d{13} externalId=\d+ cat=\w+/)
  t.ok(cef.some(line => line.includes('a|b\\=c')), 'what has a meaning there is escaped')

  const [file] = readdirSync(join(home.stateDir, 'audit'))
  const bytes = readFileSync(join(home.stateDir, 'audit', file!))
  // A letter of the first entry, which is JSON still.
  const place = bytes.indexOf('gateway.started')
  bytes[place] = bytes[place]! ^ 1
  writeFileSync(join(home.stateDir, 'audit', file!), bytes)
  t.match(await cli('verify'), { code: 1, out: /^Not whole: 1 problems in \d+ entries\.\n {2}audit-\d{12}\.jsonl entry 1: the line was changed/ })
  await startDaemon(t, home)
  t.match((await cli('verify', '--json')).json(), { ok: false, problems: [{ seq: 1 }] }, 'a start repairs no evidence')
})

t.test('switched off nothing is told but the switching, and a change while it runs takes effect', async t => {
  const gateway = await startGateway(t, { config: { logging: { audit: { enabled: false } } } })
  const { client } = await admitted(gateway.url)
  await client.request('keys.create', { name: 'shop' })
  t.same(await acts(client), [])
  await closeClient(client)
})

t.test('a restore takes nothing back of what the log says', async t => {
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { token: testToken } } })
  const cli = (...argv: string[]) => runCli(argv, { env: home.env })
  const daemon = await startDaemon(t, home)
  await cli('keys', 'create', 'before')
  const backup = join(home.stateDir, '..', 'backup.sqlite')
  t.equal((await cli('backup', '--output', backup)).code, 0)
  await cli('keys', 'create', 'after')
  await daemon.stop()
  t.equal((await cli('restore', backup)).code, 0)
  await startDaemon(t, home)
  t.match((await cli('audit', 'list', '--act', 'keys.create', '--json')).json().entries, [{ about: { name: 'after' } }, { about: { name: 'before' } }])
  t.match(await cli('audit', 'verify'), { code: 0, out: /^Whole/ })
  t.match((await cli('keys', 'list')).out, /^before /m)
})

t.test('a hook that comes with a wrong token is told, and without what it came with', async t => {
  const gateway = await startGateway(t, { config: { hooks: { enabled: true, token: 'the-token-of-the-hooks-0123456789' } } })
  const { client } = await admitted(gateway.url)
  const sent = await fetch(`${gateway.http}/hooks/wake`, {
    method: 'POST', headers: { ...bearer('a-guess-at-the-hooks-0123456789'), 'content-type': 'application/json' }, body: '{"text":"x"}'
  })
  t.equal(sent.status, 401)
  t.match((await acts(client)).filter(({ act }) => act === 'hook'), [{ kind: 'auth', outcome: 'refused', code: 'AUTH_TOKEN_MISMATCH' }])
  t.notMatch(textOf(gateway), /a-guess-at/)
  await closeClient(client)
})
