/**
 * Published attacks by guessing, by measuring and by lying about the place, each as the attack.
 *
 * Here:   PR #57647, GHSA-5847-rm3g-23mw (also test/flows/limiter.test.ts), CVE-2026-35656, GHSA-cjv3-m589-v3rx, CVE-2026-41403,
 *         CVE-2026-32029 / GHSA-2rgf-hm63-5qph, CVE-2026-32045, #50630, CVE-2026-28475 / GHSA-47q7-97xp-m272,
 *         CVE-2026-28464 / GHSA-jmm5-fvh5-gf4p, CVE-2026-41407 / GHSA-jj6q-rrrf-h66h, CVE-2026-32897 / GHSA-v6x2-2qvm-6gv8,
 *         of CVE-2026-29613, CVE-2026-26316, CVE-2026-32896 / GHSA-5mx2-2mgw-x8rm that forwarding ends locality, on every route there is;
 *         GHSA-6rmx-gvvg-vh6j stands in test/flows/limiter.test.ts
 * Later:  CVE-2026-34505 / GHSA-5m9r-p9g7-679c, CVE-2026-35623 / GHSA-xq8g-hgh6-87hv, CVE-2026-33580   limiter on webhook routes (channels)
 *         CVE-2026-29613 and its siblings                                             webhooks without a secret (channels)
 */
import t from 'tap'
import { checkAuthRules } from '../../src/auth/auth-rules.ts'
import { secretsEqual } from '../../src/auth/secret.ts'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { eventually } from '../fixtures/eventually.ts'
import { read, sourceFiles } from '../boundaries/source-tree.ts'
import { admitted, closeClient, connect, startGateway, testToken, type ConnectOptions, type TestGateway } from '../helper.ts'
import { behindProxy, bearer, from, isLong, rawAnswer, rawSocket, routesOf, seeded, socketFrom, upgradeHeaders } from './attacker.ts'

const status = async (gateway: TestGateway, headers: { [name: string]: string }): Promise<number> =>
  (await fetch(`${gateway.http}/control-ui-config.json`, { headers })).status

t.test('PR #57647: no field beside a wrong secret keeps it from being counted', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const extras: Array<{ [field: string]: string }> = [{}]
  for (const field of ['deviceToken', 'bootstrapToken', 'approvalRuntimeToken', 'agentRuntimeIdentityToken']) {
    for (const known of [...extras]) extras.push({ ...known, [field]: 'bogus' })
  }
  let place = 0
  for (const secretField of ['token', 'password']) {
    for (const extra of extras) {
      for (const withDevice of [true, false]) {
        const address = `203.0.${113 + (place >> 8)}.${++place & 255}`
        const name = `${secretField} with ${Object.keys(extra).join('+') || 'nothing else'}, ${withDevice ? 'signed' : 'bare'}`
        const guesses = isLong ? 100 : 11
        const codes: string[] = []
        for (let guess = 0; guess < guesses; guess++) {
          const { client, response } = await connect(gateway.url, { device: withDevice ? undefined : false, auth: { ...extra, [secretField]: `guess ${guess}` }, socket: socketFrom(address) })
          codes.push(response.error.details.code)
          await client.close()
        }
        t.equal(await status(gateway, { ...from(address), ...bearer(testToken) }), 429, name)
      }
    }
  }
})

t.test('PR #57647: a device that is let in by its own token may not guess at the secret beside it', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const options: ConnectOptions = { device, scopes: ['operator.read'], socket: socketFrom('203.0.113.80') }
  const refused = await connect(gateway.url, options)
  await admin.client.request('device.pair.approve', { requestId: refused.response.error.details.requestId })
  const first = await admitted(gateway.url, options)
  const { deviceToken } = first.hello.auth
  for (let guess = 0; guess < 10; guess++) {
    const { client } = await admitted(gateway.url, { ...options, auth: { deviceToken, token: `guess ${guess}` } })
    await closeClient(client)
  }
  const right = await connect(gateway.url, { ...options, auth: { token: testToken } })
  t.equal(right.response.error.details.code, 'AUTH_RATE_LIMITED', 'the eleventh learns nothing, although it is right')
  const both = await connect(gateway.url, { ...options, auth: { deviceToken, token: testToken } })
  t.ok(both.response.ok, 'its own token goes on working')
  for (let i = 0; i < 15; i++) {
    const { client } = await admitted(gateway.url, { ...options, auth: { token: deviceToken } })
    await closeClient(client)
  }
  t.equal(await status(gateway, { ...from('203.0.113.80'), ...bearer(testToken) }), 200, 'its neighbours have nothing to do with it')
  for (const { client } of [admin, refused, first, right, both]) await closeClient(client)
})

t.test('CVE-2026-35656, CVE-2026-41403: a loopback hop in the header makes nobody local, on no route', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const open = new Set(['/', '/health', '/healthz', '/ready', '/readyz', '/startup', '/startupz', '/api/device/nonce'])
  for (const hops of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.8.8.8', '127.0.0.1, 127.0.0.1', '203.0.113.90, 127.0.0.1', '127.0.0.1, 203.0.113.90', 'localhost', '0.0.0.0']) {
    for (const { path } of routesOf(gateway)) {
      const answer = await rawAnswer(gateway.port, `GET ${path.replace('*', 'x')} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: ${hops}\r\nconnection: close\r\n\r\n`)
      t.notMatch(answer, /uptimeMs|failing|eventLoop|version/i, `${path} from ${hops} tells nothing that only this machine may know`)
      t.match(answer, open.has(path) ? /^HTTP\/1\.1 (200|403) / : /^HTTP\/1\.1 (401|403|404|405) /, `${path} from ${hops}`)
    }
    const knock = await rawSocket(gateway.port, `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: ${hops}\r\n${upgradeHeaders}\r\n`)
    const answered = await eventually(() => knock.answer, answer => answer.includes('\r\n'))
    knock.socket.destroy()
    if (answered.startsWith('HTTP/1.1 101 ')) {
      const { client, response } = await connect(gateway.url, { socket: socketFrom(hops) })
      t.equal(response.error.details.code, 'PAIRING_REQUIRED', `a device from ${hops}`)
      await client.close()
    } else t.match(answered, /^HTTP\/1\.1 403 /)
  }
})

t.test('GHSA-cjv3-m589-v3rx: that somebody of the same address is connected opens nothing', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const place = '203.0.113.91'
  const admin = await admitted(gateway.url)
  const sockets = []
  for (const options of [{ scopes: ['operator.admin'] }, { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } }] as ConnectOptions[]) {
    const device = createDeviceIdentity()
    const refused = await connect(gateway.url, { ...options, device, socket: socketFrom(place) })
    await admin.client.request('device.pair.approve', { requestId: refused.response.error.details.requestId })
    sockets.push(refused, await admitted(gateway.url, { ...options, device, socket: socketFrom(place) }))
  }
  t.equal(gateway.gateway.rooms.connections.counts().connected, 3)
  for (const headers of [from(place), {}, { ...from(place), cookie: 'token=x' }, { ...from(place), authorization: '' }] as Array<{ [name: string]: string }>) t.equal(await status(gateway, headers), 401)
  for (const { client } of [admin, ...sockets]) await closeClient(client)
})

t.test('CVE-2026-32029: who is counted is the last hop that no proxy of ours is, never the first word of the header', async t => {
  const random = seeded(11)
  const octet = (): number => Math.floor(random() * 256)
  const invented = (): string => `${octet()}.${octet()}.${octet()}.${octet()}`
  const gateway = await startGateway(t, { config: { gateway: { trustedProxies: ['127.0.0.1', '192.0.2.0/24'] } } })
  for (let guess = 0; guess < 10; guess++) {
    const hops = [invented(), invented(), '203.0.113.92', ...(guess % 2 ? ['192.0.2.7'] : [])].join(', ')
    t.equal(await status(gateway, { ...from(hops), ...bearer(`guess-${guess}`) }), 401)
  }
  for (let i = 0; i < 5; i++) t.equal(await status(gateway, { ...from(`${invented()}, 203.0.113.92`), ...bearer(testToken) }), 429)
  t.equal(await status(gateway, { ...from('203.0.113.92, 203.0.113.93'), ...bearer(testToken) }), 200)
  const untrusting = await startGateway(t)
  for (let i = 0; i < 5; i++) t.equal(await status(untrusting, { ...from(invented()), ...bearer(testToken) }), 403, 'from a peer that is no proxy the header is a reason to refuse')
})

t.test('CVE-2026-32045, #50630: the word of tailscale is not believed over HTTP, and serving without authentication does not start', async t => {
  const headers = { 'tailscale-user-login': 'alice@example.com', 'tailscale-user-name': 'Alice' }
  const plain = await startGateway(t)
  t.equal(await status(plain, headers), 403)
  const behind = await startGateway(t, { config: behindProxy })
  t.equal(await status(behind, { ...headers, ...from('100.64.0.7'), 'x-forwarded-proto': 'https', 'x-forwarded-host': 'box.tailnet.ts.net' }), 401)
  const { client, response } = await connect(behind.url, { device: false, auth: false, socket: socketFrom('100.64.0.7', headers) })
  t.equal(response.error.details.code, 'DEVICE_IDENTITY_REQUIRED')
  await client.close()
  for (const mode of ['serve', 'funnel']) {
    const config = { auth: { mode: 'none' as const }, tailscale: { mode } }
    const problems = checkAuthRules({ auth: { mode: 'none', modeSource: 'config', problems: [] }, config, env: {}, bindHosts: ['127.0.0.1'] })
    t.ok(problems.some(({ text }) => /tailscale/.test(text)), mode)
  }
})

type Pair = readonly [candidate: string, secret: string]

/** What it takes to compare each of the two, again and again in turns, so that whatever disturbs one disturbs the other. */
function ratioOf (one: Pair, other: Pair): number {
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < (isLong ? 50_000 : 1_000); round++) {
    for (const [index, [candidate, secret]] of [one, other].entries()) {
      const startedAt = process.hrtime.bigint()
      for (let call = 0; call < 20; call++) secretsEqual(candidate, secret)
      times[index]!.push(Number(process.hrtime.bigint() - startedAt))
    }
  }
  const [first, second] = times.map(measured => measured.sort((a, b) => a - b)[measured.length >> 1]!) as [number, number]
  return second / first
}

/** A disturbance passes and a difference stays: one measurement without it is enough. */
function isLevel (t: { comment (text: string): unknown }, one: Pair, other: Pair, tolerance: number): boolean {
  return Array.from({ length: 5 }).some(() => {
    const ratio = ratioOf(one, other)
    t.comment(`${ratio.toFixed(3)} of the time`)
    return Math.abs(ratio - 1) < tolerance
  })
}

t.test('CVE-2026-28475, CVE-2026-28464, CVE-2026-41407: secrets are compared in one place, whose time says nothing', async t => {
  t.same(sourceFiles().filter(path => read(path).includes('timingSafeEqual')), ['src/auth/secret.ts'])

  const secret = testToken
  const [nothing, nearly] = ['X'.repeat(secret.length), `${secret.slice(0, -1)}X`]
  t.ok(isLevel(t, [nothing, secret], [nearly, secret], isLong ? 0.05 : 0.5), 'a common beginning')
  // The time to hash what the caller sent is his own business: it grows with his text, not with ours.
  const guess = 'X'.repeat(40)
  t.ok(isLevel(t, [guess, 'Y'.repeat(20)], [guess, 'Y'.repeat(40)], isLong ? 0.25 : 1), 'the length of the secret, within one block of the hash')
})

t.test('CVE-2026-32897: the secret of the gateway makes no other secret', async t => {
  const device = createDeviceIdentity()
  const tokens = []
  for (let i = 0; i < 2; i++) {
    const gateway = await startGateway(t)
    const { client, hello } = await admitted(gateway.url, { device })
    tokens.push(hello.auth.deviceToken)
    gateway.gateway.replaceAuth({ mode: 'token', modeSource: 'config', token: 'another-token-0123456789abcdef', problems: [] })
    await client.close()
    const again = await admitted(gateway.url, { device, auth: { deviceToken: hello.auth.deviceToken } })
    t.equal(again.hello.auth.deviceToken, hello.auth.deviceToken, 'it does not change with it')
    await closeClient(again.client)
  }
  t.not(tokens[0], tokens[1], 'nor does it follow from it')
})
