import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { canListen, freePort, PortNotFreedError, type FreePortOptions } from '../../src/lib/free-port.ts'
import { freePort as unusedPort } from '../fixtures/free-port.ts'
import { isAlive } from '../fixtures/is-alive.ts'

/** tap has every Node below it write to a folder that only we may write to; `env` comes between. */
const nodeWithoutTap = ['-u', 'NODE_OPTIONS', process.execPath, '--disable-warning=ExperimentalWarning']
const listener = fileURLToPath(new URL('../fixtures/listen.ts', import.meta.url))
const flags = ['--disable-warning=ExperimentalWarning']

async function listen (t: Test, manner = 'polite') {
  const port = await unusedPort()
  const child = spawn(process.execPath, [...flags, listener, String(port), '127.0.0.1', manner], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  await once(createInterface(child.stdout), 'line')
  return { child, port }
}

const options = (port: number, log: string[] = []): FreePortOptions =>
  ({ port, log: line => { log.push(line) }, interactive: true, isGatewayHealthy: async () => false, now: Date.now })

/** What the HTTP probe of a caller would do. */
const answersHealth = async (port: number): Promise<boolean> => {
  const answer = await fetch(`http://127.0.0.1:${port}/health`).then(response => response.json(), () => ({})) as { status?: string }
  return answer.status === 'live'
}

t.test('a listener that obeys SIGTERM is ended, and the port can be used at once', async t => {
  const { child, port } = await listen(t)
  const log: string[] = []
  const exited = once(child, 'exit')
  await freePort(options(port, log))
  t.ok(await canListen(port))
  t.same(await exited, [null, 'SIGTERM'])
  t.equal(log.length, 2)
  t.match(log[0], new RegExp(`^force: killed pid ${child.pid} \\(.*listen\\.ts.*\\) on port ${port}$`))
  t.match(log[1], new RegExp(`^force: waited \\d+ms for port ${port} to free$`))
})

t.test('a listener that ignores SIGTERM is killed', async t => {
  const { child, port } = await listen(t, 'stubborn')
  const log: string[] = []
  const exited = once(child, 'exit')
  await freePort(options(port, log))
  t.same(await exited, [null, 'SIGKILL'])
  t.ok(log.includes(`force: escalated to SIGKILL while freeing port ${port}`))
  t.ok(await canListen(port))
})

t.test('every process that shares the socket is ended', async t => {
  const { child: first, port } = await listen(t)
  const second = await listen(t)
  const sharing = spawn(process.execPath, ['-e', `
    const server = require('net').createServer().listen(${await unusedPort()}, '127.0.0.1', () => {
      const child = require('child_process').spawn('sleep', ['60'], { stdio: ['ignore', 'ignore', 'ignore', server._handle] })
      console.log(server.address().port, child.pid)
    })`], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { sharing.kill('SIGKILL') })
  const [line] = await once(createInterface(sharing.stdout), 'line') as [string]
  const [sharedPort, heir] = line.split(' ').map(Number)
  t.teardown(async () => { if (await isAlive(heir!)) process.kill(heir!, 'SIGKILL') })
  await freePort(options(sharedPort!))
  t.ok(await canListen(sharedPort!))
  t.same([first.exitCode, second.child.exitCode, first.signalCode], [null, null, null], 'others are left alone')
  t.notOk(await canListen(port))
})

t.test('nothing listening is no error and nothing to tell', async t => {
  const port = await unusedPort()
  const log: string[] = []
  await freePort(options(port, log))
  t.same(log, [])
})

t.test('it never ends itself or what it runs under', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => { server.close() })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await t.rejects(freePort(options(port)), { name: 'PortNotFreedError', message: `Could not free port ${port}: it is held by a process that this process itself runs under` })
  const inChild = `
    const { freePort } = await import(${JSON.stringify(new URL('../../src/lib/free-port.ts', import.meta.url).href)})
    await freePort({ port: ${port}, log: () => {}, interactive: true, isGatewayHealthy: async () => false, now: Date.now })
      .catch(error => console.log(error.message))`
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', inChild], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface(child.stdout), 'line') as [string]
  t.match(line, `Could not free port ${port}`, 'a child refuses too, and this process is still here to read it')
})

t.test('without a person at a terminal a healthy gateway is left alone', async t => {
  const { child, port } = await listen(t)
  const refused = { ...options(port), interactive: false, isGatewayHealthy: answersHealth }
  await t.rejects(freePort(refused), { name: 'PortNotFreedError', message: /a healthy gateway is listening there .*Run openclaw gateway status --deep to inspect the listener\.$/ })
  t.equal(child.signalCode, null)
  t.ok(await answersHealth(port), 'it still serves')
})

t.test('without a person at a terminal anything but a healthy gateway is ended', async t => {
  const { child, port } = await listen(t)
  const exited = once(child, 'exit')
  await freePort({ ...options(port), interactive: false })
  t.same(await exited, [null, 'SIGTERM'])
})

t.test('the gateway is asked again before every signal', async t => {
  const { child, port } = await listen(t, 'stubborn')
  let asked = 0
  const recovering = { ...options(port), interactive: false, isGatewayHealthy: async () => ++asked > 1 }
  await t.rejects(freePort(recovering), PortNotFreedError)
  t.equal(asked, 2)
  t.equal(child.signalCode, null, 'no SIGKILL for one that has become healthy')
})

t.test('a holder that cannot be signalled is named', {
  skip: (process.platform !== 'linux' || process.getuid?.() !== 0) && 'needs root to become somebody else'
}, async t => {
  const { child, port } = await listen(t)
  const asNobody = `
    process.setgid(65534); process.setuid(65534)
    const { freePort } = await import(${JSON.stringify(new URL('../../src/lib/free-port.ts', import.meta.url).href)})
    await freePort({ port: ${port}, log: () => {}, interactive: true, isGatewayHealthy: async () => false, now: Date.now })
      .catch(error => console.log(error.message))`
  const other = spawn('env', [...nodeWithoutTap, '--input-type=module', '-e', asNobody], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface(other.stdout), 'line') as [string]
  t.match(line, `Could not free port ${port}: it is held by a process that this user may not end`)
  t.equal(child.signalCode, null)
})
