import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { startGateway, testToken } from '../helper.ts'
import { eventually, freePort } from '../process/daemon.ts'

/** Where the kernel gives nobody a port by itself. */
const ownPlace = async (): Promise<{ OPENCLAW_MDNS_ADDRESS: string }> => ({ OPENCLAW_MDNS_ADDRESS: `127.0.0.1:${await freePort()}` })

const discover = async (env: NodeJS.ProcessEnv) => await runCli(['gateway', 'discover', '--json', '--timeout', '150'], { env })
const found = async (env: NodeJS.ProcessEnv) => await eventually(() => discover(env), run => run.json().count > 0)

t.test('a gateway on loopback is found only where the configuration says so, and never says a secret', async t => {
  const env = await ownPlace()
  const silent = await startGateway(t, { env })
  t.same((await discover(env)).json(), { timeoutMs: 150, domains: ['local.'], count: 0, beacons: [] })
  t.notMatch(silent.log.join(''), /announced in the local network/)

  const gateway = await startGateway(t, { env, config: { discovery: { mdns: { mode: 'minimal' } } } })
  await eventually(async () => gateway.log.join('').includes('announced in the local network'), Boolean)
  const seen = await found(env)
  t.equal(seen.code, 0)
  t.match(seen.json(), { count: 1, beacons: [{ port: gateway.port, gatewayPort: gateway.port, role: 'gateway', gatewayTls: false, wsUrl: gateway.url }] })
  t.notMatch(seen.out, /cliPath|sshPort/, 'details of the host stay out')
  t.notMatch(seen.out, testToken)
  const { out } = await eventually(() => runCli(['gateway', 'discover', '--timeout', '150'], { env }), ({ out }) => out.includes(gateway.url))
  t.match(out, 'Found 1 gateway:')
  t.match(out, gateway.url)
  await gateway.gateway.stop()
  t.match((await discover(env)).json(), { count: 0 }, 'a gateway that has stopped is not found')
})

t.test('mode "full" tells more, and the environment switches it off', async t => {
  const env = await ownPlace()
  const config = { discovery: { mdns: { mode: 'full' } } }
  const off = await startGateway(t, { env: { ...env, OPENCLAW_DISABLE_BONJOUR: '1' }, config })
  t.match((await discover(env)).json(), { count: 0 })
  t.notMatch(off.log.join(''), /announced in the local network/)
  const full = await startGateway(t, { env, config })
  await eventually(async () => full.log.join('').includes('announced in the local network'), Boolean)
  t.match((await found(env)).json(), { beacons: [{ sshPort: 22, cliPath: String }] })
})

t.test('a gateway whose place for discovery is taken is ready all the same', async t => {
  const taken = createSocket('udp4')
  taken.bind(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => { taken.close() })
  const env = { OPENCLAW_MDNS_ADDRESS: `127.0.0.1:${taken.address().port}` }
  const gateway = await startGateway(t, { env, config: { discovery: { mdns: { mode: 'minimal' } } } })
  await eventually(async () => gateway.log.join('').includes('cannot be announced'), Boolean)
  t.equal((await fetch(`${gateway.http}/readyz`)).status, 200)
})
