import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { runCli } from '../cli/run-cli.ts'
import { launcher, makeHome, runProcess, startDaemon, type Home } from '../fixtures/daemon.ts'
import { eventually } from '../fixtures/eventually.ts'

const token = 'flow-token-0123456789abcdef0123456789abcdef'
const working = { gateway: { mode: 'local', auth: { token } } }

const cliOf = ({ env }: Home) => (...argv: string[]) => runCli(argv, { env })

t.test('a newcomer starts it, looks at it and asks it, without configuring anything', async t => {
  const home = await makeHome(t)
  const cli = cliOf(home)
  t.match(await cli('status'), { code: 0, out: /unreachable: connect ECONNREFUSED/ })
  const daemon = await startDaemon(t, home)
  const status = await cli('status', '--json')
  t.equal(status.code, 0)
  t.match(status.json(), { pid: daemon.pid, gateway: { reachable: true, capability: 'admin_capable', error: null }, health: { ok: true } })
  t.match((await cli('status')).out, new RegExp(`Gateway +local · ws://127\\.0\\.0\\.1:${home.port} \\(local loopback\\) · reachable .* · auth token \\(\\w+, fingerprint [0-9a-f]{8}\\)`))
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
  t.match(await cli('health'), { code: 0, out: /^Gateway event loop: (ok|degraded) .*\n.*\nAgents: main \(default\)/ })
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

t.test('logs come from the gateway, and from its file when it is gone', async t => {
  const home = await makeHome(t, working)
  const daemon = await startDaemon(t, home)
  const cli = cliOf(home)
  const printed = async (): Promise<any[]> => (await cli('logs', '--json')).out.trim().split('\n').map(line => JSON.parse(line))
  const records = await eventually(printed, all => all.some(record => record.type === 'log' && record.level === 'info' && /ready in/.test(record.message)))
  t.match(records[0], { type: 'meta', file: home.logFile, sourceKind: 'file' })
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
  const cli = cliOf(home)
  t.match(await cli('gateway', '--port', '99999'), { code: 1, err: /^Invalid --port/ })
  t.match(await cli('gateway', '--bind', 'somewhere'), { code: 1, err: /^Invalid --bind/ })
  t.match(await cli('gateway', '--reset'), { code: 1, err: /only for the dev profile/ })
  t.match(await cli('gateway', '--password', 'a', '--password-file', 'b'), { code: 1, err: /either/ })
  t.match(await cli('--log-level', 'loud', 'gateway'), { code: 1, err: /^Invalid --log-level/ })
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
