import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connectGateway, isClientError } from '../../src/cli/gateway-client.ts'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { runCli } from '../cli/run-cli.ts'
import { launcher, makeHome, runProcess, startDaemon, type Home } from '../fixtures/daemon.ts'

const token = 'flow-token-0123456789abcdef0123456789abcdef'
const working = { gateway: { mode: 'local', auth: { token } } }
/** Nobody is paired by himself, not even from this machine. */
const strict = { gateway: { ...working.gateway, nodes: { pairing: { autoApproveLocal: false } } } }

const cliOf = ({ env }: Home) => (...argv: string[]) => runCli(argv, { env })

/** A device that knocks; resolves to the id of the request that it left. */
async function knock (home: Home, displayName: string): Promise<string> {
  try {
    const client = await connectGateway({
      url: `ws://127.0.0.1:${home.port}`,
      client: { id: 'cli', mode: 'cli', version: '1', displayName },
      auth: { token },
      identity: createDeviceIdentity(),
      scopes: ['operator.read'],
      connectTimeoutMs: 5000,
      requestTimeoutMs: 5000
    })
    await client.close()
  } catch (error) {
    if (isClientError(error)) return String(error.details['requestId'])
    throw error
  }
  throw new Error('it was let in at once')
}

t.test('a newcomer starts it, looks at it and asks it, without configuring anything', async t => {
  const home = await makeHome(t)
  const cli = cliOf(home)
  t.match(await cli('status'), { code: 0, out: /unreachable: connect ECONNREFUSED/ })
  const daemon = await startDaemon(t, home)
  const status = await cli('status', '--json')
  t.equal(status.code, 0)
  t.match(status.json(), { pid: daemon.pid, gateway: { reachable: true, capability: 'admin_capable', error: null }, health: { ok: true } })
  t.match((await cli('status')).out, new RegExp(`Gateway +local · ws://127\\.0\\.0\\.1:${home.port} \\(local loopback\\) · reachable`))
  const shown = await cli('config', 'get', 'gateway.auth.token', '--show')
  t.match(shown.out, /^[0-9a-f]{48}\n$/)
  t.equal(shown.out, readFileSync(join(home.stateDir, 'gateway.token'), 'utf8'))
  t.match((await cli('devices', 'list', '--json')).json(), { pending: [], paired: [{ clientId: 'cli', roles: ['operator'], connected: true }] })
  for (const file of ['identity/device.json', 'identity/device-auth.json', 'admin.token', 'gateway.token']) {
    t.equal((statSync(join(home.stateDir, file)).mode & 0o777).toString(8), '600', file)
  }
  if (process.platform === 'linux') t.match(readFileSync(`/proc/${daemon.pid}/cmdline`, 'utf8'), /^openclaw-gateway/, 'it is found by name')
  t.equal(await daemon.stop(), 0)
})

t.test('every way of asking whether it is well gives the same answer', async t => {
  const home = await makeHome(t, working)
  const daemon = await startDaemon(t, home)
  const cli = cliOf(home)
  const gatewayStatus = await cli('gateway', 'status', '--require-rpc', '--json')
  t.equal(gatewayStatus.code, 0)
  t.match(gatewayStatus.json(), {
    service: { runtime: { status: 'running', pid: daemon.pid } },
    gateway: { port: home.port, bindMode: 'loopback', portSource: 'env/config' },
    port: { status: 'busy', listeners: [{ pid: daemon.pid }] },
    rpc: { ok: true, kind: 'read', capability: 'admin_capable', url: `ws://127.0.0.1:${home.port}` },
    logFile: home.logFile
  })
  t.match((await cli('gateway', 'status')).out, new RegExp(`Runtime: running \\(pid ${daemon.pid}\\)\nConnectivity probe: ok\nCapability: admin-capable`))
  t.notOk('rpc' in (await cli('gateway', 'status', '--no-probe', '--json')).json())
  const probe = await cli('gateway', 'probe', '--json')
  t.match(probe.json(), {
    ok: true, degraded: false, primaryTargetId: 'localLoopback', warnings: [],
    targets: [{ connect: { ok: true, rpcOk: true, error: null, close: null }, health: { ok: true }, config: { valid: true } }]
  })
  const health = (await cli('gateway', 'call', 'health', '--json')).json()
  t.match(health, { ok: true, agents: [{ agentId: 'main' }] })
  t.same(Object.keys((await cli('health', '--json')).json()), Object.keys(health))
  t.match(await cli('health'), { code: 0, out: /^Gateway event loop: ok .*\n.*\nAgents: main \(default\)/ })
  t.match(await cli('gateway', 'health'), { code: 0, out: /^Gateway Health\nOK \(\d+/ })
  t.match(await cli('gateway', 'call', 'health'), { code: 0, out: /^Gateway call: health\n\{/ })
})

t.test('what the gateway refuses is told with its code, and exits 1', async t => {
  const home = await makeHome(t, working)
  await startDaemon(t, home)
  const cli = cliOf(home)
  const words = await cli('gateway', 'call', 'no.such.method')
  t.match(words, { code: 1, out: '', err: /^Gateway call failed: unknown method: no\.such\.method\n/ })
  const document = await cli('gateway', 'call', 'logs.tail', '--params', '{"limit":0}', '--json')
  t.equal(document.code, 1)
  t.match(document.json(), { ok: false, error: { type: 'gateway_request_error', code: 'INVALID_REQUEST', retryable: false, details: {} } })
  t.match(await cli('gateway', 'call', 'health', '--params', 'nonsense'), { code: 1, err: /^Gateway call failed: --params must be valid JSON/ })
  const inAgentShell = { env: { ...home.env, OPENCLAW_SHELL: 'exec' } }
  t.match(await runCli(['gateway', 'call', 'chat.send'], inAgentShell), { code: 1, err: /refused inside the shell of an agent/ })
  t.equal((await runCli(['gateway', 'call', 'health'], inAgentShell)).code, 0)
  t.match(await cli('gateway', 'call', 'health', '--expect-url', 'ws://127.0.0.1:1'), { code: 1, err: /not ws:\/\/127\.0\.0\.1:1/ })
  const wrong = await cli('gateway', 'call', 'status', '--token', 'wrong-token', '--json')
  t.match(wrong.json(), { ok: false, error: { type: 'gateway_request_error', details: { code: 'AUTH_TOKEN_MISMATCH', nextStep: /token/ } } })
  t.match(await cli('status', '--token', 'wrong-token'), { code: 0, out: /refuses this client: unauthorized: gateway token mismatch/ })
})

t.test('a gateway that is not there is told with where we looked, and exits 1', async t => {
  const home = await makeHome(t, working)
  const cli = cliOf(home)
  const url = `ws://127.0.0.1:${home.port}`
  const words = await cli('health')
  t.equal(words.code, 1)
  t.equal(words.err, [
    `Gateway not reachable at ${url} (ECONNREFUSED).`,
    'Start it with `openclaw gateway run` or check `openclaw gateway status`.',
    `Gateway target: ${url}`,
    'Source: local loopback',
    `Config: ${join(home.stateDir, 'openclaw.json')}`,
    'Bind: loopback',
    ''
  ].join('\n'))
  const document = await cli('gateway', 'call', 'health', '--json')
  t.equal(document.code, 1)
  t.same(document.json(), {
    ok: false,
    error: {
      type: 'gateway_transport_error',
      kind: 'closed',
      message: `Gateway not reachable at ${url} (ECONNREFUSED).`,
      reason: `connect ECONNREFUSED 127.0.0.1:${home.port}`
    },
    gateway: { url, urlSource: 'local loopback', bindDetail: 'Bind: loopback' }
  })
  t.match(await cli('devices', 'approve', 'some-id'), { code: 1, err: /Pairing is decided by the running gateway: start it/ })
  t.match((await cli('gateway', 'probe', '--json')).json(), { ok: false, warnings: [{ code: 'no_gateway_reachable' }] })
  t.equal((await cli('gateway', 'probe')).code, 1)
  t.match(await cli('gateway', 'status'), { code: 0, out: /Runtime: stopped\nConnectivity probe: failed/ })
  t.equal((await cli('gateway', 'status', '--require-rpc')).code, 1)
  t.match((await cli('status', '--json')).json(), { gateway: { reachable: false, error: /ECONNREFUSED/ } })
})

t.test('the person at the machine can always approve, even when nothing is paired and nobody may pair by himself', async t => {
  const home = await makeHome(t, strict)
  await startDaemon(t, home)
  const cli = cliOf(home)
  const requestId = await knock(home, 'Kitchen tablet')
  t.match(await cli('status', '--json').then(run => run.json()), { gateway: { reachable: false, errorCode: 'PAIRING_REQUIRED' } })
  const list = (await cli('devices', 'list', '--json')).json()
  t.same(list.pending.map((device: { displayName: string }) => device.displayName).includes('Kitchen tablet'), true)
  const preview = await cli('devices', 'approve')
  t.equal(preview.code, 1, 'nothing is approved without its id')
  t.match(preview.err, /To approve it: openclaw devices approve [0-9a-f-]{36}/)
  const approved = await cli('devices', 'approve', requestId, '--json')
  t.equal(approved.code, 0)
  t.match(approved.json(), { requestId, device: { displayName: 'Kitchen tablet', roles: ['operator'], scopes: ['operator.read'] } })
  t.match(await cli('devices', 'approve', requestId), { code: 1, err: /unknown requestId/ })
  const own = list.pending.find((device: { displayName: string }) => device.displayName !== 'Kitchen tablet')
  t.match(await cli('devices', 'approve', own.requestId), { code: 0, out: /^Approved .* as operator with operator\.admin/ })
  t.match((await cli('status', '--json')).json(), { gateway: { reachable: true, capability: 'admin_capable' } })
})

t.test('without the credential of its user the command line has no such right', async t => {
  const home = await makeHome(t, strict)
  await startDaemon(t, home)
  const requestId = await knock(home, 'Stranger')
  rmSync(join(home.stateDir, 'admin.token'))
  t.match((await cliOf(home)('devices', 'approve', requestId, '--json')).json(), { ok: false, error: { code: 'NOT_PAIRED' } })
  writeFileSync(join(home.stateDir, 'admin.token'), 'guessed')
  t.equal((await cliOf(home)('devices', 'approve', requestId)).code, 1)
})

t.test('devices are rejected, renamed, narrowed, revoked and removed', async t => {
  const home = await makeHome(t, strict)
  await startDaemon(t, home)
  const cli = cliOf(home)
  const rejected = await knock(home, 'Not this one')
  t.match(await cli('devices', 'reject', rejected), { code: 0, out: /^Rejected the request of [0-9a-f]{64}/ })
  const requestId = await knock(home, 'Tablet')
  const { device: { deviceId } } = (await cli('devices', 'approve', requestId, '--json')).json()
  t.match(await cli('devices', 'rename', '--device', deviceId, '--name', 'Kitchen'), { code: 0, out: /"Kitchen"/ })
  t.match((await cli('devices', 'list')).out, /Paired \(1\)\nDevice +Device ID.*\nKitchen +[0-9a-f]{12}/)
  const rotated = await cli('devices', 'rotate', '--device', deviceId, '--role', 'operator', '--json')
  t.match(rotated.json(), { deviceId, role: 'operator', scopes: ['operator.read'], tokenDelivery: 'withheld-cross-device' })
  t.notOk('token' in rotated.json())
  t.match(await cli('devices', 'revoke', '--device', deviceId, '--role', 'operator'), { code: 0, out: /^Revoked/ })
  t.match((await cli('devices', 'list')).out, /operator \(revoked\)/)
  t.match(await cli('devices', 'remove', deviceId), { code: 0, out: `Removed ${deviceId}.\n` })
  t.match(await cli('devices', 'remove', deviceId), { code: 1 })
  t.match(await cli('devices', 'rotate', '--role', 'operator'), { code: 1, err: /--device is missing/ })
})

t.test('clearing all devices needs a second word and begins anew', async t => {
  const home = await makeHome(t, strict)
  await startDaemon(t, home)
  const cli = cliOf(home)
  const first = await knock(home, 'One')
  await cli('devices', 'approve', first)
  await knock(home, 'Two')
  t.match(await cli('devices', 'clear'), { code: 1, err: /Repeat the command with --yes/ })
  t.match((await cli('devices', 'clear', '--yes', '--pending', '--json')).json(), { ok: true, removed: { length: 1 } })
  t.match((await cli('devices', 'list', '--json')).json(), { paired: [] })
})

t.test('once paired, the command line gets in without the shared secret', async t => {
  const home = await makeHome(t, working)
  await startDaemon(t, home)
  const cli = cliOf(home)
  t.equal((await cli('gateway', 'call', 'status')).code, 0)
  const withoutSecret = { gateway: { mode: 'local' }, logging: { file: home.logFile } }
  writeFileSync(join(home.stateDir, 'openclaw.json'), JSON.stringify(withoutSecret))
  t.match((await cli('status', '--json')).json(), { gateway: { reachable: true, capability: 'admin_capable' } })
  const stale = await runCli(['gateway', 'call', 'status'], { env: { ...home.env, OPENCLAW_GATEWAY_TOKEN: 'rotated-away' } })
  t.equal(stale.code, 0, 'nor does a secret that was rotated away keep it out')
})

t.test('setup codes are made for phones and nodes, and the dashboard opens signed in', async t => {
  const home = await makeHome(t, working)
  await startDaemon(t, home)
  const cli = cliOf(home)
  t.match(await cli('qr'), { code: 1, err: /loopback only, so a phone cannot reach it/ })
  const code = await cli('qr', '--public-url', 'wss://gateway.example.com', '--json')
  t.match(code.json(), { gatewayUrl: 'wss://gateway.example.com', access: 'full', setupCode: /^[\w-]+$/ })
  t.match((await cli('qr', '--public-url', 'wss://gateway.example.com', '--setup-code-only')).out, /^[\w-]+\n$/)
  t.match((await cli('qr', '--public-url', 'wss://gateway.example.com')).out, /[▀▄█]{9}[^]*Setup code: [\w-]+\n/)
  t.match((await cli('devices', 'join-code', '--json')).json(), { access: 'node' })
  const dashboard = (await cli('dashboard', '--json')).json()
  t.match(dashboard, { ok: true, port: home.port, tokenIncluded: true, url: `http://127.0.0.1:${home.port}/#token=${token}` })
  t.match(dashboard.browserUrl, /#bootstrapToken=[\w-]{43}&bootstrapProfile=owner&gatewayUrl=ws%3A/)
  t.notMatch(new URL(dashboard.browserUrl).search, /./, 'no secret is ever sent to a server in a URL')
})

t.test('logs come from the gateway, and from its file when it is gone', async t => {
  const home = await makeHome(t, working)
  const daemon = await startDaemon(t, home)
  const cli = cliOf(home)
  const records = (await cli('logs', '--json')).out.trim().split('\n').map(line => JSON.parse(line))
  t.match(records[0], { type: 'meta', file: home.logFile, sourceKind: 'file' })
  t.ok(records.some(record => record.type === 'log' && record.level === 'info' && /ready in/.test(record.message)))
  const text = await cli('logs', '--limit', '1')
  t.match(text.out, new RegExp(`^Log file: ${home.logFile}\n\\S+ info gateway `))
  t.match(text.err, /Older lines are left out/)
  await daemon.stop()
  const offline = await cli('logs')
  t.equal(offline.code, 0)
  t.match(offline.out, /completed cleanly/)
  t.match(offline.err, /^Reading the log file directly: Gateway not reachable/)
  t.match(await cli('logs', '--url', `ws://127.0.0.1:${home.port}`, '--token', 'x'), { code: 1, out: '' })
  const json = await cli('logs', '--json', '--url', `ws://127.0.0.1:${home.port}`, '--token', 'x')
  t.match(JSON.parse(json.err), { type: 'error', kind: 'transport' })
})

t.test('a log that is followed goes on across a restart', async t => {
  const home = await makeHome(t, working)
  const first = await startDaemon(t, home)
  const follower = spawn(process.execPath, [launcher, 'logs', '--follow', '--interval', '50', '--json'], { env: home.env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { follower.kill() })
  const lines = createInterface(follower.stdout)[Symbol.asyncIterator]()
  const until = async (matches: (record: any) => boolean): Promise<any> => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done) throw new Error('the follower ended')
      const record = JSON.parse(value)
      if (matches(record)) return record
    }
  }
  await until(record => record.type === 'log' && /ready in/.test(record.message))
  await first.stop()
  const second = await startDaemon(t, home)
  t.ok(await until(record => record.type === 'notice' && /Reconnected/.test(record.message)))
  t.ok(await until(record => record.type === 'log' && /ready in/.test(record.message)), 'nothing of the second start is missing')
  follower.kill()
  await once(follower, 'exit')
  await second.stop()
})

t.test('two gateways are told apart', async t => {
  const one = await makeHome(t, working)
  await startDaemon(t, one)
  await t.test('the second one', async t => {
    const two = await makeHome(t, working)
    const { pid } = await startDaemon(t, two)
    const deep = (await cliOf(one)('gateway', 'status', '--deep', '--json')).json()
    if (process.platform === 'linux') t.ok(deep.extraServices.some((service: { label: string }) => service.label === `pid ${pid}`))
    const both = await cliOf(one)('gateway', 'probe', '--url', `ws://127.0.0.1:${two.port}`, '--token', token, '--json')
    t.match(both.json(), { ok: true, warnings: [{ code: 'multiple_gateways', targetIds: ['explicit', 'localLoopback'] }] })
    const same = await cliOf(one)('gateway', 'probe', '--url', `ws://localhost:${one.port}`, '--token', token, '--json')
    const codes = same.json().warnings.map((warning: { code: string }) => warning.code)
    t.notOk(codes.includes('multiple_gateways'), 'one gateway under two names is one')
    t.same(codes, ['probe_scope_limited'], 'and a look at another address pairs nothing there')
  })
})

t.test('a start that cannot succeed says why and ends with the code for it', async t => {
  const home = await makeHome(t, working)
  const daemon = await startDaemon(t, home)
  const again = await runProcess(['gateway', 'run'], home.env)
  t.equal(again.code, 69)
  t.match(again.err, new RegExp(`already running \\(pid ${daemon.pid}`))
  t.match(await runProcess(['gateway', '--port', '99999'], home.env), { code: 1, err: /^Invalid --port/ })
  t.match(await runProcess(['gateway', '--bind', 'somewhere'], home.env), { code: 1, err: /^Invalid --bind/ })
  t.match(await runProcess(['gateway', '--reset'], home.env), { code: 1, err: /only for the dev profile/ })
  t.match(await runProcess(['gateway', '--password', 'a', '--password-file', 'b'], home.env), { code: 1, err: /either/ })
  t.match(await runProcess(['--log-level', 'loud', 'gateway'], home.env), { code: 1, err: /^Invalid --log-level/ })
  const other = await makeHome(t, { gateway: { mode: 'remote' } })
  t.match(await runProcess(['gateway'], other.env), { code: 78, err: /^Gateway start blocked: set gateway\.mode=local \(current: remote\)/ })
})

t.test('a reader that has seen enough ends no command with a crash', async t => {
  const home = await makeHome(t, working)
  const child = spawn('sh', ['-c', '"$0" "$1" config schema | head -c 20; exit 0', process.execPath, launcher], { env: home.env, stdio: ['ignore', 'pipe', 'pipe'] })
  let err = ''
  child.stderr.on('data', chunk => { err += chunk })
  let out = ''
  child.stdout.on('data', chunk => { out += chunk })
  await once(child, 'close')
  t.equal(out.length, 20)
  t.equal(err, '')
})
