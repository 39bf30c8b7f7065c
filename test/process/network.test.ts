import { spawnSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { createHome, daemonToken, eventually, freePort, refusal, runCommand, serve, stop, type Daemon, type Home } from './daemon.ts'
import {
  clientAddresses, clientIpv6, createLonelyMachine, createNetwork, gatewayAddress, gatewayIpv6, gatewayIpv6InOtherNet, missingNetwork, type Network
} from './network.ts'

const skip = missingNetwork()
const auth = { token: daemonToken }
const wrong = { token: 'a guess that is wrong but long enough' }
const [first, second, third, proxy] = clientAddresses

interface Machines {
  readonly network: Network
  readonly daemon: Daemon
  readonly home: Home
  /** An order to the clients' machine, at the gateway's IPv4 address unless it says otherwise. */
  client (order: Partial<Parameters<Network['client']>[0]> & Pick<Parameters<Network['client']>[0], 'what'>): Promise<any>
}

async function machines (t: Test, gateway: object): Promise<Machines> {
  const network = createNetwork(t)
  const home = createHome(t, { gateway: { mode: 'local', bind: 'lan', auth: { mode: 'token', token: daemonToken }, ...gateway } })
  const daemon = await serve(t, { home, within: network.gateway })
  return { network, daemon, home, client: order => network.client({ host: gatewayAddress, port: daemon.port, ...order }) }
}

/** Ten wrong guesses from the addresses in turn; the code of the last refusal. */
async function guess ({ client }: Machines, from: readonly string[], more: object = {}): Promise<string> {
  let last: any
  for (let round = 0; round < 10; round++) last = await client({ what: 'connect', from: from[round % from.length], auth: wrong, device: false, ...more })
  return last.error.details.code
}

/** How each of these kept sockets stands now. A close may still be on its way, so who expects one asks again. */
async function fates ({ client }: Machines, names: readonly string[]): Promise<Array<number | 'open'>> {
  return await Promise.all(names.map(async keep => (await client({ what: 'closed', keep })).closed?.code ?? 'open'))
}

const codeOf = (answer: any): string => answer.ok ? 'ok' : answer.error.details?.code ?? answer.error

/** Lets a device of the clients' machine in, the way an administrator of the gateway's machine does. */
async function pair (t: Test, { client, home, network, daemon }: Machines, order: object): Promise<string> {
  const asked = await client({ what: 'connect', auth, ...order })
  t.equal(codeOf(asked), 'PAIRING_REQUIRED')
  const { requestId } = asked.error.details
  const approved = await runCommand(t, home, ['devices', 'approve', requestId, '--port', String(daemon.port)], {}, network.gateway)
  t.equal(approved.code, 0, approved.stderr)
  const letIn = await client({ what: 'connect', auth, ...order })
  t.ok(letIn.ok, JSON.stringify(letIn.error))
  return letIn.payload.auth.deviceToken
}

t.test('on loopback nobody from outside gets as far as a refusal', { skip }, async t => {
  const all = await machines(t, { bind: 'loopback' })
  t.same(await all.client({ what: 'http', path: '/health' }), { error: 'ECONNREFUSED' })
})

t.test('on the network it is reached from outside: health by all, details and everything else by those who may', { skip }, async t => {
  const all = await machines(t, {})
  t.match(await all.client({ what: 'http', path: '/health' }), { status: 200, body: '{"ok":true,"status":"live"}' })
  t.match(await all.client({ what: 'http', path: '/readyz' }), { status: 200, body: '{"ready":true}' })
  t.match(await all.client({ what: 'http', path: '/readyz', headers: { authorization: `Bearer ${daemonToken}` } }), { status: 200, body: /"failing":\[\]/ })
  t.equal((await all.client({ what: 'http', path: '/control-ui-config.json' })).status, 401)
  const token = await pair(t, all, { device: 'phone', from: first })
  const connected = await all.client({ what: 'connect', device: 'phone', from: second, auth: { deviceToken: token }, keep: 'phone' })
  t.ok(connected.ok)
  t.match(await all.client({ what: 'request', keep: 'phone', method: 'health' }), { ok: true, payload: { ok: true } })
  await stop(all.daemon)
})

t.test('an address that guesses is locked out, its neighbours and devices that are known are not', { skip }, async t => {
  const all = await machines(t, {})
  const token = await pair(t, all, { device: 'phone', from: first })
  t.equal(await guess(all, [first]), 'AUTH_TOKEN_MISMATCH')
  const locked = await all.client({ what: 'connect', from: first, device: false, auth })
  t.match(locked.error, { retryable: true, details: { code: 'AUTH_RATE_LIMITED' } })
  t.ok(locked.error.retryAfterMs > 0)
  const overHttp = await all.client({ what: 'http', from: first, path: '/control-ui-config.json', headers: { authorization: `Bearer ${daemonToken}` } })
  t.equal(overHttp.status, 429, 'a bare shared secret behind a locked address')
  t.ok(Number(overHttp.headers['retry-after']) > 0)
  t.ok((await all.client({ what: 'connect', from: first, device: 'phone', auth: { deviceToken: token } })).ok, 'the paired device gets in')
  t.equal((await all.client({ what: 'http', from: second, path: '/control-ui-config.json', headers: { authorization: `Bearer ${daemonToken}` } })).status, 200)
  await stop(all.daemon)
})

t.test('every IPv6 address of one /64 is one guesser, and the next /64 is another', { skip }, async t => {
  const all = await machines(t, { bind: '::' })
  const [a, b, c] = clientIpv6.same
  const order = { host: gatewayIpv6 }
  t.equal(await guess(all, [a, b], order), 'AUTH_TOKEN_MISMATCH')
  for (const from of [a, b, c]) t.equal(codeOf(await all.client({ what: 'connect', from, device: false, auth, ...order })), 'AUTH_RATE_LIMITED', from)
  const bearer = { what: 'http' as const, path: '/control-ui-config.json', headers: { authorization: `Bearer ${daemonToken}` } }
  t.equal((await all.client({ ...bearer, ...order, from: c })).status, 429)
  t.equal((await all.client({ ...bearer, host: gatewayIpv6InOtherNet, from: clientIpv6.other })).status, 200)
  await stop(all.daemon)
})

t.test('an IPv4 client of an IPv6 listener is the client of that IPv4 address', { skip }, async t => {
  const all = await machines(t, { bind: '::', trustedProxies: [proxy] })
  t.equal(await guess(all, [first]), 'AUTH_TOKEN_MISMATCH')
  t.equal(codeOf(await all.client({ what: 'connect', from: first, device: false, auth })), 'AUTH_RATE_LIMITED')
  t.equal(codeOf(await all.client({ what: 'connect', from: second, device: 'other', auth })), 'PAIRING_REQUIRED')
  const forwarded = await all.client({ what: 'http', from: proxy, path: '/readyz', headers: { 'x-forwarded-for': '198.51.100.7' } })
  t.equal(forwarded.status, 200, 'and a trusted proxy of that address is recognised')
  await stop(all.daemon)
})

t.test('behind a trusted proxy the client is the last address that no proxy of ours added', { skip }, async t => {
  const all = await machines(t, { trustedProxies: [`${proxy}/32`, '192.0.2.0/24'] })
  const through = (chain: string) => ({ from: proxy, headers: { 'x-forwarded-for': chain } })
  for (let round = 0; round < 10; round++) {
    await all.client({ what: 'connect', device: false, auth: wrong, ...through(`203.0.113.${round}, 198.51.100.7, 192.0.2.3`) })
  }
  const asks = async (chain: string): Promise<number> =>
    (await all.client({ what: 'http', path: '/control-ui-config.json', from: proxy, headers: { 'x-forwarded-for': chain, authorization: `Bearer ${daemonToken}` } })).status
  t.equal(await asks('198.51.100.7'), 429, 'what the client claimed in front of it changed nothing')
  t.equal(await asks('198.51.100.7, 198.51.100.8'), 200, 'and pins nothing on somebody else')
  t.equal(await asks('203.0.113.1, 198.51.100.7:4711, 192.0.2.9'), 429)
  await stop(all.daemon)
})

t.test('forwarding headers from an address that nobody listed open nothing', { skip }, async t => {
  const all = await machines(t, { trustedProxies: [proxy] })
  const order = { what: 'http' as const, from: first, path: '/control-ui-config.json', headers: { authorization: `Bearer ${daemonToken}`, 'x-forwarded-for': '127.0.0.1' } }
  const refused = await all.client(order)
  t.equal(refused.status, 403)
  t.match(refused.body, `The peer ${first} sends forwarding headers but is not in gateway.trustedProxies`)
  t.equal((await all.client({ ...order, headers: { authorization: `Bearer ${daemonToken}` } })).status, 200, 'without them it is an ordinary client')
  await stop(all.daemon)
})

t.test('silent sockets of one address give way to each other and to nobody else', { skip }, async t => {
  const all = await machines(t, { limits: { preauthPerAddress: 3 } })
  const names = ['one', 'two', 'three', 'four', 'five']
  await all.client({ what: 'knock', from: second, keep: 'neighbour' })
  for (const keep of names) t.match(await all.client({ what: 'knock', from: first, keep }), { open: true })
  const states = await eventually(() => fates(all, names), ([one, two]) => one !== 'open' && two !== 'open')
  t.same(states, [1008, 1008, 'open', 'open', 'open'])
  t.same(await all.client({ what: 'closed', keep: 'neighbour' }), { closed: null })
  await stop(all.daemon)
})

t.test('silent sockets of one IPv6 /64 count together', { skip }, async t => {
  const all = await machines(t, { bind: '::', limits: { preauthPerAddress: 2 } })
  for (const from of clientIpv6.same) await all.client({ what: 'knock', host: gatewayIpv6, from, keep: from })
  await all.client({ what: 'knock', host: gatewayIpv6InOtherNet, from: clientIpv6.other, keep: clientIpv6.other })
  const states = await eventually(() => fates(all, [...clientIpv6.same, clientIpv6.other]), ([oldest]) => oldest !== 'open')
  t.same(states, [1008, 'open', 'open', 'open'])
  await stop(all.daemon)
})

t.test('when all addresses together have too many silent sockets, the oldest of all gives way', { skip }, async t => {
  const all = await machines(t, { limits: { preauthTotal: 3 } })
  const knocks: Array<[string, string]> = [['one', first], ['two', second], ['three', third], ['four', third]]
  for (const [keep, from] of knocks) await all.client({ what: 'knock', from, keep })
  const states = await eventually(() => fates(all, knocks.map(([keep]) => keep)), ([oldest]) => oldest !== 'open')
  t.same(states, [1008, 'open', 'open', 'open'])
  t.ok(codeOf(await all.client({ what: 'connect', from: second, device: 'new', auth })) === 'PAIRING_REQUIRED', 'a newcomer is heard')
  await stop(all.daemon)
})

for (const [title, gateway] of Object.entries({
  'an address as the bind is listened on, with loopback for the tools of that machine': { bind: gatewayAddress },
  'a custom bind does the same': { bind: 'custom', customBindHost: gatewayAddress }
})) {
  t.test(title, { skip }, async t => {
    const all = await machines(t, gateway)
    t.match(all.daemon.output(), `http server listening on ${gatewayAddress}:${all.daemon.port}, 127.0.0.1:${all.daemon.port} `)
    t.equal((await all.client({ what: 'http', path: '/health' })).status, 200)
    t.same(await all.client({ what: 'http', path: '/health', host: gatewayIpv6 }), { error: 'ECONNREFUSED' })
    const status = await runCommand(t, all.home, ['gateway', 'health', '--port', String(all.daemon.port)], {}, all.network.gateway)
    t.equal(status.code, 0, status.stderr)
    await stop(all.daemon)
  })
}

t.test('an address that another machine has is refused with the setting to correct, and trying again is allowed', { skip }, async t => {
  const network = createNetwork(t)
  const home = createHome(t, { gateway: { mode: 'local', bind: first, auth: { mode: 'token', token: daemonToken } } })
  const { code, stderr } = await refusal(t, { home, within: network.gateway })
  t.equal(code, 1)
  t.match(stderr, `Gateway failed to start: ${first} is not an address of this machine (EADDRNOTAVAIL).\nCorrect --bind, gateway.bind or gateway.customBindHost`)
})

t.test('the loopback half of a specific address is not optional', { skip }, async t => {
  const network = createNetwork(t)
  const port = await freePort()
  const config = { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } } }
  const other = await serve(t, { home: createHome(t, config, 'other'), port, within: network.gateway })
  const { code, stderr } = await refusal(t, { home: createHome(t, config), port, args: ['--bind', gatewayAddress], within: network.gateway })
  t.equal(code, 69)
  t.match(stderr, `- pid ${other.pid} `)
  t.same(await network.client({ what: 'http', path: '/health', host: gatewayAddress, port }), { error: 'ECONNREFUSED' }, 'and nothing of it is left listening')
  await stop(other)
})

t.test('tailnet is the address that the tailnet gave this machine, or loopback with a remark', { skip }, async t => {
  const network = createNetwork(t)
  const home = createHome(t, { gateway: { mode: 'local', bind: 'tailnet', auth: { mode: 'token', token: daemonToken } } })
  const without = await serve(t, { home, within: network.gateway })
  t.match(without.output(), 'this machine has no tailnet address: listening on loopback only')
  t.match(without.output(), `listening on 127.0.0.1:${without.port}`)
  await stop(without)
  const [ip, ...args] = [...network.gateway, 'ip', 'address', 'add', '100.101.102.103/32', 'dev', 'cable']
  t.equal(spawnSync(ip!, args).status, 0)
  const daemon = await serve(t, { home, within: network.gateway })
  t.match(daemon.output(), `listening on 100.101.102.103:${daemon.port}, 127.0.0.1:${daemon.port} `)
  await stop(daemon)
})

t.test('a machine without IPv6 serves on IPv4 alone and thinks nothing of it', { skip }, async t => {
  const within = createLonelyMachine(t)
  const home = createHome(t, { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } } })
  const daemon = await serve(t, { home, within })
  t.match(daemon.output(), `listening on 127.0.0.1:${daemon.port} (bind=loopback`)
  t.notMatch(daemon.output(), '::1')
  t.equal((await stop(daemon)).code, 0)
})
