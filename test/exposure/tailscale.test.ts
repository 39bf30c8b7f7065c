/** Tailscale in front: whom its headers name is let in when tailscaled confirms it, and its program is run and taken back. */
import { request } from 'node:http'
import t, { type Test } from 'tap'
import { createWhois } from '../../src/host/tailscale-whois.ts'
import { closeClient, connect, startGateway, testToken, type ConnectOptions, type TestGateway } from '../helper.ts'
import { createHome, daemonToken, eventually, serve, stop } from '../process/daemon.ts'
import { createProgram, startTailscaled, type Tailscaled } from './tailscaled.ts'

const alice = '100.64.0.7'
const bob = '100.64.0.8'
const users = { [alice]: 'Alice@example.com', [bob]: 'bob@example.com', '100.64.0.9': 'tagged-devices' }

const through = (address: string, login?: string, more: object = {}) => ({
  host: 'box.tailnet.ts.net',
  'x-forwarded-for': address,
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'box.tailnet.ts.net',
  ...(login === undefined ? {} : { 'tailscale-user-login': login, 'tailscale-user-name': 'Somebody' }),
  ...more
})

interface Scene extends TestGateway {
  readonly tailscaled: Tailscaled
}

async function startBehind (t: Test, gateway: object = {}): Promise<Scene> {
  const tailscaled = await startTailscaled(t, users)
  const started = await startGateway(t, {
    config: { gateway: { tailscale: { mode: 'serve' }, auth: { identityScopes: { 'alice@example.com': ['operator.read'] } }, ...gateway } },
    env: { OPENCLAW_TAILSCALE_SOCKET: tailscaled.socketPath }
  })
  return { ...started, tailscaled }
}

/** What becomes of somebody without a credential: how he was let in, or the code of the refusal. */
async function outcome ({ url }: TestGateway, headers: { [name: string]: string }, options: ConnectOptions = {}): Promise<string> {
  const { client, response } = await connect(url, { device: false, auth: false, socket: { headers }, ...options })
  await closeClient(client)
  return response.ok ? `let in with ${response.payload.auth.scopes.join()}` : response.error.details.code
}

const get = (port: number, path: string, headers: { [name: string]: string }): Promise<number> => new Promise((resolve, reject) => {
  request({ host: '127.0.0.1', port, path, headers, agent: false }, response => {
    response.resume()
    resolve(response.statusCode!)
  }).on('error', reject).end()
})

t.test('whom tailscaled confirms is let in, with what the gateway gives that user', async t => {
  const scene = await startBehind(t)
  t.equal(await outcome(scene, through(alice, 'alice@example.com')), 'let in with operator.read')
  t.equal(await outcome(scene, through(alice, 'alice@example.com', { 'x-openclaw-scopes': '' })), 'let in with ')
  t.equal(await outcome(scene, through(bob, 'bob@example.com')), 'let in with ', 'a name alone gives no right')
  t.equal(await outcome(scene, through(bob, 'bob@example.com'), { device: undefined }), 'PAIRING_REQUIRED', 'a device has to be approved as ever')
  t.same(scene.tailscaled.asked, [alice, bob], 'each was asked about once')
})

t.test('what is only claimed opens nothing', async t => {
  const scene = await startBehind(t)
  t.equal(await outcome(scene, through(bob, 'alice@example.com')), 'AUTH_TAILSCALE_IDENTITY_MISMATCH')
  t.equal(await outcome(scene, through('203.0.113.5', 'alice@example.com')), 'AUTH_TAILSCALE_WHOIS_FAILED', 'an address that is nobody\'s')
  t.equal(await outcome(scene, through('100.64.0.9', 'tagged-devices')), 'AUTH_TAILSCALE_IDENTITY_MISSING')
  t.equal(await outcome(scene, through(alice)), 'AUTH_TAILSCALE_IDENTITY_MISSING')
  for (const forged of [
    through('127.0.0.1', 'alice@example.com'), through(`${bob}, ${alice}`, 'alice@example.com'), { 'tailscale-user-login': 'alice@example.com' },
    through(alice, 'alice@example.com', { 'tailscale-funnel-request': '?1' })
  ]) t.equal(await get(scene.port, '/control-ui-config.json', { ...forged, 'sec-fetch-site': 'same-origin' }), 403, JSON.stringify(forged))
  t.equal(await outcome(scene, through(alice, 'alice@example.com'), { auth: { token: 'wrong' } }), 'AUTH_TOKEN_MISMATCH', 'who presents something is judged by it')
})

t.test('pages may read what they need before they connect, and nothing else is opened without a token', async t => {
  const scene = await startBehind(t)
  const headers = through(alice, 'alice@example.com')
  const page = { ...headers, 'sec-fetch-site': 'same-origin' }
  t.equal(await get(scene.port, '/control-ui-config.json', page), 200)
  t.equal(await get(scene.port, '/control-ui-config.json', headers), 403, 'without the word of a browser')
  t.equal(await get(scene.port, '/control-ui-config.json', { ...page, origin: 'https://evil.example' }), 403)
  t.equal(await get(scene.port, '/control-ui-config.json', { ...page, host: 'evil.example' }), 403)
  t.equal(await get(scene.port, '/metrics', page), 401)
  t.equal(await get(scene.port, '/metrics', { ...page, authorization: `Bearer ${testToken}` }), 200, 'the token is good through tailscale too')
})

t.test('it is off where it is not wanted', async t => {
  const headers = through(alice, 'alice@example.com')
  const unwanted = await startBehind(t, { auth: { allowTailscale: false } })
  t.equal(await outcome(unwanted, headers), 'AUTH_TOKEN_MISSING')
  t.same(unwanted.tailscaled.asked, [])
  const withPassword = await startBehind(t, { auth: { mode: 'password', password: 'a password of some length' } })
  t.equal(await outcome(withPassword, headers), 'AUTH_PASSWORD_MISSING', 'a password stands above it unless somebody says otherwise')
  const funnel = await startBehind(t, { auth: { mode: 'password', password: 'a password of some length', allowTailscale: true }, tailscale: { mode: 'funnel' } })
  t.equal(await outcome(funnel, through(alice, undefined, { 'tailscale-funnel-request': '?1' })), 'DEVICE_IDENTITY_REQUIRED')
  const auth = { password: 'a password of some length' }
  t.equal(await outcome(funnel, through('203.0.113.5', undefined, { 'tailscale-funnel-request': '?1' }), { auth, device: undefined }), 'PAIRING_REQUIRED')
})

t.test('a tailscaled that is away, talks nonsense or falls silent is a refusal, and is asked again later', async t => {
  const tailscaled = await startTailscaled(t, users)
  const { answer } = tailscaled
  let now = 0
  const whois = createWhois({ socketPath: tailscaled.socketPath, now: () => now })
  for (const trouble of [
    (_: string, response: Parameters<typeof answer>[1]): void => { response.destroy() },
    (_: string, response: Parameters<typeof answer>[1]): void => { response.end('{"UserProfile":') },
    (_: string, response: Parameters<typeof answer>[1]): void => { response.writeHead(500).end() },
    (_: string, response: Parameters<typeof answer>[1]): void => { response.end('x'.repeat(1024 * 1024)) }
  ]) {
    tailscaled.answer = trouble
    await t.rejects(whois(alice))
    tailscaled.answer = answer
    await t.rejects(whois(alice), 'for a moment the failure is remembered')
    now += 5_000
    t.equal(await whois(alice), 'Alice@example.com')
    now += 60_000
  }
  tailscaled.answer = () => {}
  await t.rejects(createWhois({ socketPath: tailscaled.socketPath, now: () => now, timeoutMs: 50 })(alice), { name: 'AbortError' })
  await t.rejects(createWhois({ socketPath: `${tailscaled.socketPath}.none`, now: () => now })(alice))
})

t.test('however many addresses are forged, few are remembered and few are asked about at once', async t => {
  const tailscaled = await startTailscaled(t, users)
  const whois = createWhois({ socketPath: tailscaled.socketPath, now: () => 0 })
  t.equal(await whois(alice), 'Alice@example.com')
  for (let i = 0; i < 300; i++) await whois(`198.51.${i >> 8}.${i & 255}`)
  t.equal(tailscaled.asked.length, 301)
  await whois('198.51.1.43')
  t.equal(tailscaled.asked.length, 301, 'the last ones are known')
  await whois(alice)
  t.equal(tailscaled.asked.length, 302, 'the first one was forgotten')
  const flood = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => whois(`203.0.113.${i}`)))
  t.equal(flood.filter(({ status }) => status === 'fulfilled').length, 16)
})

const gateway = (tailscale: object) => ({ gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, tailscale } })

t.test('serve is begun when the gateway is ready and taken back when it leaves', async t => {
  const home = createHome(t, gateway({ mode: 'serve', resetOnExit: true }))
  const program = createProgram(home.directory)
  const daemon = await serve(t, { home, env: { OPENCLAW_TAILSCALE_BIN: program.file } })
  await eventually(async () => daemon.output(), output => output.includes('tailscale serve stands in front of port'))
  t.same(program.calls(), [`serve --bg --yes ${daemon.port}`])
  t.equal((await stop(daemon)).code, 0)
  t.same(program.calls(), [`serve --bg --yes ${daemon.port}`, 'serve reset'])
})

t.test('a program that fails or hangs is named with the next step, and the gateway goes on and leaves in time', async t => {
  const home = createHome(t, gateway({ mode: 'serve' }))
  const failing = createProgram(home.directory, 'echo "Access denied: serve config denied" >&2', 'exit 1')
  const daemon = await serve(t, { home, env: { OPENCLAW_TAILSCALE_BIN: failing.file } })
  await eventually(async () => daemon.output(), output => /exit 1: Access denied: serve config denied\).*sudo tailscale set --operator/.test(output))
  t.equal((await fetch(`${daemon.http}/health`)).status, 200)
  t.equal((await stop(daemon)).code, 0)
  t.equal(failing.calls().length, 1, 'without resetOnExit nothing is taken back')
  const hanging = createProgram(home.directory, 'exec sleep 30')
  const again = await serve(t, { home, env: { OPENCLAW_TAILSCALE_BIN: hanging.file } })
  await eventually(async () => hanging.calls().length, length => length === 2)
  t.equal((await stop(again)).code, 0)
})

t.test('a funnel that is there already is left alone', async t => {
  const home = createHome(t, gateway({ mode: 'serve', preserveFunnel: true, resetOnExit: true }))
  const program = createProgram(home.directory, 'echo \'{"AllowFunnel":{"box.tailnet.ts.net:443":true}}\'')
  const daemon = await serve(t, { home, env: { OPENCLAW_TAILSCALE_BIN: program.file } })
  await eventually(async () => daemon.output(), output => output.includes('is left alone'))
  await stop(daemon)
  t.same(program.calls(), ['funnel status --json'])
})
