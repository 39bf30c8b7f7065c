/** The limiter of failed attempts over the wire: one count for both doors, and nobody pays for a neighbour. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { createDeviceIdentity, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { eventually } from '../fixtures/eventually.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { admitted, closeClient, connect, startGateway, testToken, type ConnectOptions, type Frame, type TestGateway } from '../helper.ts'
import { behindProxy, bearer, from, isLong, routesOf, socketFrom } from '../security/attacker.ts'

/** A guess over the socket; says with which code it was refused, or `ok`. */
async function knock (gateway: TestGateway, options: ConnectOptions): Promise<{ code: string, error: Frame }> {
  const { client, response } = await connect(gateway.url, { device: false, ...options })
  await closeClient(client)
  return { code: response.ok ? 'ok' : response.error.details.code, error: response.error }
}

const ask = (gateway: TestGateway, token: string, headers: { [name: string]: string } = {}): Promise<Response> =>
  fetch(`${gateway.http}/control-ui-config.json`, { headers: { ...headers, ...bearer(token) } })

/** A device of another place, paired and with its token. */
async function pairedAt (gateway: TestGateway, address: string): Promise<{ device: DeviceIdentity, deviceToken: string }> {
  const device = createDeviceIdentity()
  const first = await connect(gateway.url, { device, scopes: ['operator.read'], socket: socketFrom(address) })
  await first.client.close()
  const local = { scopes: new Set<never>(), label: 'test', admin: true, localAdministrator: true }
  await gateway.gateway.rooms.devices.approve(first.response.error.details.requestId, { caller: local })
  const { client, hello } = await admitted(gateway.url, { device, scopes: ['operator.read'], socket: socketFrom(address) })
  await closeClient(client)
  return { device, deviceToken: hello.auth.deviceToken }
}

t.test('both doors count together, lock together and say how long', async t => {
  let at = Date.now()
  const gateway = await startGateway(t, { config: behindProxy, now: () => at })
  const place = '203.0.113.30'
  for (let guess = 0; guess < 5; guess++) {
    t.equal((await knock(gateway, { auth: { token: `guess ${guess}` }, socket: socketFrom(place) })).code, 'AUTH_TOKEN_MISMATCH')
    t.equal((await ask(gateway, `guess-${guess}`, from(place))).status, 401)
  }
  const locked = await knock(gateway, { socket: socketFrom(place) })
  t.match(locked.error, {
    code: 'INVALID_REQUEST',
    message: 'unauthorized: too many failed authentication attempts (retry later)',
    retryable: true,
    retryAfterMs: 300_000,
    details: { code: 'AUTH_RATE_LIMITED', authReason: 'rate_limited', canRetryWithDeviceToken: false, recommendedNextStep: 'wait_then_retry' }
  }, 'the right token too')
  const overHttp = await ask(gateway, testToken, from(place))
  t.equal(overHttp.status, 429)
  t.equal(overHttp.headers.get('retry-after'), '300')
  t.match(await overHttp.json(), { error: { message: 'Too many failed authentication attempts. Please try again later.', type: 'rate_limited', retryAfterMs: Number } })
  t.equal((await ask(gateway, testToken, from('203.0.113.31'))).status, 200, 'the neighbour is not touched')

  for (let minutes = 1; minutes < 5; minutes++) {
    at += 60_000
    for (let i = 0; i < 20; i++) await ask(gateway, `knock-${i}`, from(place))
    t.equal((await knock(gateway, { socket: socketFrom(place) })).error.retryAfterMs, 300_000 - minutes * 60_000, 'knocking does not lengthen it')
  }
  at += 60_000
  t.equal((await knock(gateway, { socket: socketFrom(place) })).code, 'ok', 'and then it is over')
  for (let guess = 0; guess < 9; guess++) await ask(gateway, 'again', from(place))
  t.equal((await ask(gateway, testToken, from(place))).status, 200, 'with a fresh count')
})

t.test('failures that are old do not count, and a success forgets its own scope only', async t => {
  let at = Date.now()
  const gateway = await startGateway(t, { config: behindProxy, now: () => at })
  const place = '203.0.113.32'
  for (let guess = 0; guess < 30; guess++) {
    at += 7_000
    t.equal((await ask(gateway, 'wrong', from(place))).status, 401, `guess ${guess} of a slow hand`)
  }
  at += 60_000
  for (let round = 0; round < 4; round++) {
    for (let guess = 0; guess < 9; guess++) await ask(gateway, 'wrong', from(place))
    t.equal((await ask(gateway, testToken, from(place))).status, 200)
  }
  const setup: ConnectOptions = { device: createDeviceIdentity(), auth: { bootstrapToken: 'wrong' }, socket: socketFrom(place) }
  for (let guess = 0; guess < 9; guess++) t.equal((await knock(gateway, setup)).code, 'AUTH_BOOTSTRAP_TOKEN_INVALID')
  t.equal((await ask(gateway, testToken, from(place))).status, 200)
  t.equal((await knock(gateway, setup)).code, 'AUTH_BOOTSTRAP_TOKEN_INVALID', 'the tenth of its scope')
  t.equal((await knock(gateway, setup)).code, 'AUTH_RATE_LIMITED')
  t.equal((await ask(gateway, testToken, from(place))).status, 200, 'the lock of one scope is not that of another')
})

t.test('behind a locked address a paired device, a device token and a fresh setup code still get in; a bare secret does not', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const place = '203.0.113.33'
  const { device, deviceToken } = await pairedAt(gateway, place)
  const admin = await admitted(gateway.url)
  for (let guess = 0; guess < 40; guess++) await knock(gateway, { auth: { token: `guess ${guess}` }, socket: socketFrom(place) })
  for (let guess = 0; guess < 12; guess++) {
    await knock(gateway, { device: createDeviceIdentity(), auth: { bootstrapToken: `guess ${guess}` }, socket: socketFrom(place) })
    await knock(gateway, { device: createDeviceIdentity(), auth: { deviceToken: `guess ${guess}` }, socket: socketFrom(place) })
  }
  t.equal((await knock(gateway, { socket: socketFrom(place) })).code, 'AUTH_RATE_LIMITED')
  t.equal((await knock(gateway, { device: createDeviceIdentity(), socket: socketFrom(place) })).code, 'AUTH_RATE_LIMITED', 'nor with a device that nobody knows')
  t.equal((await ask(gateway, testToken, from(place))).status, 429)

  const own = { device, scopes: ['operator.read'], socket: socketFrom(place) }
  t.equal((await knock(gateway, own)).code, 'ok', 'a signed, paired device with the shared secret')
  t.equal((await knock(gateway, { ...own, auth: { deviceToken } })).code, 'ok', 'the same with its token')
  t.equal((await ask(gateway, deviceToken, from(place))).status, 200, 'its token over HTTP')
  const { setupCode } = (await admin.client.request('device.pair.setupCode', { bootstrapProfile: 'limited' })).payload
  const { bootstrapToken } = JSON.parse(Buffer.from(setupCode, 'base64url').toString())
  t.equal((await knock(gateway, { device: createDeviceIdentity(), scopes: ['operator.read'], client: { id: 'openclaw-ios', mode: 'ui', platform: 'ios' }, auth: { bootstrapToken }, socket: socketFrom(place) })).code, 'ok')

  for (let guess = 0; guess < 10; guess++) t.equal((await knock(gateway, { ...own, auth: { token: `guess ${guess}` } })).code, 'AUTH_TOKEN_MISMATCH')
  t.equal((await knock(gateway, own)).code, 'AUTH_RATE_LIMITED', 'a paired device that guesses locks itself out of the secret')
  t.equal((await knock(gateway, { ...own, auth: { deviceToken } })).code, 'ok', 'not out of its own token')
  await closeClient(admin.client)
})

t.test('this machine is slowed down instead of locked out, more with every failure, and forgiven by one success', async t => {
  const gateway = await startGateway(t)
  /** Timers come late on a busy machine, and never early. */
  const tookAtLeast = async (ms: number, work: () => Promise<unknown>, what: string): Promise<void> => {
    const startedAt = performance.now()
    await work()
    const took = performance.now() - startedAt
    t.ok(took > ms - 2, `${what}: ${Math.round(took)} ms`)
  }
  const wrong = async (): Promise<void> => { t.equal((await ask(gateway, 'wrong')).status, 401) }
  t.equal((await ask(gateway, testToken)).status, 200)
  await tookAtLeast(250, wrong, 'a wrong one waits')
  await tookAtLeast(500, () => knock(gateway, { auth: { token: 'wrong' } }), 'the other door goes on where this one was')
  t.equal((await ask(gateway, testToken)).status, 200)
  await tookAtLeast(250, () => Promise.all(Array.from({ length: 10 }, wrong)), 'the count has begun anew')
  // The next one waits for five seconds.
  const leaves = new AbortController()
  const eleventh = fetch(`${gateway.http}/control-ui-config.json`, { headers: bearer('wrong'), signal: leaves.signal }).then(() => 'wrong', () => 'gone')
  t.equal(await Promise.race([eleventh, ask(gateway, testToken).then(({ status }) => `right: ${status}`)]), 'right: 200', 'a right one is not kept waiting')
  leaves.abort()
  t.equal(await eleventh, 'gone')
})

t.test('who asks for it gets no exemption for this machine', async t => {
  const gateway = await startGateway(t, { config: { gateway: { auth: { rateLimit: { exemptLoopback: false, maxAttempts: 3 } } } } })
  for (let guess = 0; guess < 3; guess++) t.equal((await ask(gateway, 'wrong')).status, 401)
  t.equal((await ask(gateway, testToken)).status, 429)
  t.match(await knock(gateway, {}), { code: 'AUTH_RATE_LIMITED', error: { retryable: true, retryAfterMs: Number } })
  const administrator = await admitted(gateway.url, { device: false, auth: { token: gateway.adminToken } })
  t.match(await administrator.client.request('status', {}), { ok: true }, 'local administration is never locked out')
  await closeClient(administrator.client)
})

t.test('pages are counted one by one, and never exempt', async t => {
  const [a, b] = ['https://a.example', 'https://b.example']
  const gateway = await startGateway(t, { config: { gateway: { controlUi: { allowedOrigins: [a, b] }, auth: { rateLimit: { maxAttempts: 3 } } } } })
  const page = (origin: string, token = testToken) => knock(gateway, { device: createDeviceIdentity(), auth: { token }, socket: { origin } })
  for (let guess = 0; guess < 3; guess++) t.equal((await page(a, 'wrong')).code, 'AUTH_TOKEN_MISMATCH')
  t.equal((await page(a)).code, 'AUTH_RATE_LIMITED')
  for (const spelling of ['https://A.example', 'HTTPS://A.EXAMPLE', 'https://a.example:443']) t.equal((await page(spelling)).code, 'AUTH_RATE_LIMITED', spelling)
  t.equal((await page(b)).code, 'PAIRING_REQUIRED', 'another page is not locked')
  t.equal((await knock(gateway, {})).code, 'ok', 'nor is a program')
  t.equal((await ask(gateway, testToken, { origin: a })).status, 429, 'over HTTP it is the same page')
  t.equal((await ask(gateway, testToken)).status, 200)
})

t.test('an address is one address however it is written, and a /64 is one network', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const same = ['203.0.113.40', '::ffff:203.0.113.40', '::FFFF:CB00:7128', '[::ffff:203.0.113.40]:4711', '203.0.113.40:99', ' 203.0.113.40 ', '0:0:0:0:0:ffff:cb00:7128']
  for (let guess = 0; guess < 10; guess++) t.equal((await ask(gateway, 'wrong', from(same[guess % same.length]!))).status, 401)
  for (const spelling of same) t.equal((await ask(gateway, testToken, from(spelling))).status, 429, spelling)
  for (let guess = 0; guess < 10; guess++) t.equal((await ask(gateway, 'wrong', from(`2001:db8:5:6:${guess}::${guess}`))).status, 401)
  t.equal((await ask(gateway, testToken, from('2001:db8:5:6:ffff:eeee:dddd:cccc'))).status, 429)
  t.equal((await ask(gateway, testToken, from('2001:db8:5:7::1'))).status, 200)
})

t.test('what is missing, malformed or of a wrong origin is no attempt', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, auth: { rateLimit: { maxAttempts: 2 } } } } })
  const place = '203.0.113.50'
  for (let i = 0; i < 5; i++) {
    await fetch(`${gateway.http}/control-ui-config.json`, { headers: from(place) })
    await fetch(`${gateway.http}/control-ui-config.json`, { headers: { ...from(place), authorization: 'Basic eDp5' } })
    await knock(gateway, { auth: false, socket: socketFrom(place) })
    await knock(gateway, { auth: { token: ' ' }, socket: socketFrom(place) })
    await knock(gateway, { auth: { token: 'wrong' }, socket: { ...socketFrom(place), origin: 'https://evil.example' } })
    await knock(gateway, { device: createDeviceIdentity(), auth: { token: 'wrong' }, socket: socketFrom(place), adjust: params => ({ ...params, scopes: ['operator.read'] }) })
    await knock(gateway, { adjust: params => ({ ...params, auth: { token: 7 } }), socket: socketFrom(place) })
  }
  t.equal((await ask(gateway, testToken, from(place))).status, 200)
})

t.test('GHSA-6rmx-gvvg-vh6j: a wrong token at a door that is not there counts nothing', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, auth: { rateLimit: { maxAttempts: 2 } } } } })
  const place = from('203.0.113.51')
  const headers = { ...place, ...bearer('wrong') }
  for (let i = 0; i < (isLong ? 1000 : 20); i++) {
    t.equal((await fetch(`${gateway.http}/health`, { method: 'POST', headers })).status, 405)
    t.equal((await fetch(`${gateway.http}/nosuch`, { headers })).status, 404)
    t.equal((await fetch(`${gateway.http}/control-ui-config.json`, { method: 'DELETE', headers })).status, 404)
  }
  t.equal((await ask(gateway, testToken, place)).status, 200)
  const guarded = routesOf(gateway).filter(({ path }) => path === '/control-ui-config.json')
  t.equal(guarded.length, 1)
})

t.test('settings that would lock everybody out are not accepted', async t => {
  const stateDir = ownDirectory(t)
  const env = { HOME: stateDir, OPENCLAW_STATE_DIR: stateDir }
  const issuesOf = async (rateLimit: object): Promise<string[]> => {
    const loaded = await loadConfig({ paths: resolvePaths({ env }), env, text: JSON.stringify({ gateway: { mode: 'local', auth: { rateLimit } } }) })
    return loaded.issues.map(({ path }) => path)
  }
  t.same(await issuesOf({ maxAttempts: 10, windowMs: 60_000, lockoutMs: 300_000 }), [])
  for (const name of ['maxAttempts', 'windowMs', 'lockoutMs']) {
    for (const value of [-1, -300_000, 1.5, '10', null, true, ...(name === 'lockoutMs' ? [] : [0])]) t.same(await issuesOf({ [name]: value }), [`gateway.auth.rateLimit.${name}`], `${name}: ${value}`)
  }
})

t.test('a storm of guesses: whoever is known goes on, and whoever has the right credential gets in', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const place = '203.0.113.60'
  const { device, deviceToken } = await pairedAt(gateway, place)
  const known = await admitted(gateway.url)
  const weather = { raging: true }
  let guesses = 0
  const storm = async (options: ConnectOptions): Promise<void> => {
    while (weather.raging) {
      await knock(gateway, { auth: { token: `guess ${guesses++}` }, ...options }).catch(() => undefined)
      if (options.socket) await sleep(5)
    }
  }
  const attackers = Array.from({ length: 64 }, (_nothing, index) => storm(index % 2 ? { socket: socketFrom(place) } : { device: index % 4 ? false : createDeviceIdentity() }))
  await eventually(() => guesses, count => count > 200, 30_000)
  const own = { device, scopes: ['operator.read'], socket: socketFrom(place) }
  for (let i = 0; i < (isLong ? 200 : 6); i++) {
    t.match(await known.client.request('health', undefined, 20_000), { ok: true })
    for (const options of [{}, { device: false as const }, own, { ...own, auth: { deviceToken } }]) await closeClient((await admitted(gateway.url, options)).client)
    t.equal((await ask(gateway, testToken)).status, 200)
  }
  weather.raging = false
  await Promise.all(attackers)
  t.equal((await knock(gateway, { socket: socketFrom(place) })).code, 'AUTH_RATE_LIMITED')
  await closeClient(known.client)
})
