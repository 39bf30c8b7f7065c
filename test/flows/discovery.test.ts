import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { startGateway, testToken } from '../helper.ts'
import { eventually } from '../process/daemon.ts'

async function ownPlace (): Promise<{ OPENCLAW_MDNS_ADDRESS: string }> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return { OPENCLAW_MDNS_ADDRESS: `127.0.0.1:${port}` }
}

const discover = async (env: NodeJS.ProcessEnv, timeout = '300') => await runCli(['gateway', 'discover', '--json', '--timeout', timeout], { env })

t.test('a gateway on loopback is found only where the configuration says so, and never says a secret', async t => {
  const env = await ownPlace()
  const silent = await startGateway(t, { env })
  t.same((await discover(env)).json(), { timeoutMs: 300, domains: ['local.'], count: 0, beacons: [] })
  t.notMatch(silent.log.join(''), /announced in the local network/)

  const gateway = await startGateway(t, { env, config: { discovery: { mdns: { mode: 'minimal' } } } })
  await eventually(async () => gateway.log.join('').includes('announced in the local network'), Boolean)
  const found = await discover(env)
  t.equal(found.code, 0)
  t.match(found.json(), { count: 1, beacons: [{ port: gateway.port, gatewayPort: gateway.port, role: 'gateway', gatewayTls: false, wsUrl: gateway.url }] })
  t.notMatch(found.out, /cliPath|sshPort/, 'details of the host stay out')
  t.notMatch(found.out, testToken)
  const { out } = await runCli(['gateway', 'discover', '--timeout', '300'], { env })
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
  t.match((await discover(env)).json(), { beacons: [{ sshPort: 22, cliPath: String }] })
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
