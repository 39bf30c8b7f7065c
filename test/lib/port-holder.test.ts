import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { describeHolder, findPortHolder } from '../../src/lib/port-holder.ts'
import { thisMachine } from '../../src/lib/process-info.ts'
import { freePort } from '../fixtures/free-port.ts'

/** tap has every Node below it write to a folder that only we may write to; `env` comes between. */
const nodeWithoutTap = ['-u', 'NODE_OPTIONS', process.execPath, '--disable-warning=ExperimentalWarning']
const listener = fileURLToPath(new URL('../fixtures/listen.ts', import.meta.url))
const hasLsof = spawnSync('lsof', ['-v']).error === undefined
const roads = [thisMachine, ...(process.platform === 'linux' && hasLsof ? [{ ...thisMachine, platform: 'darwin' as const }] : [])]

async function listen (t: Test, host: string, given?: number): Promise<{ pid: number, port: number }> {
  const port = given ?? await freePort()
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', listener, String(port), host], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  await once(createInterface(child.stdout), 'line')
  return { pid: child.pid!, port }
}

for (const source of roads) {
  t.test(`a listener is found with pid, command, user and address (${source.platform})`, async t => {
    const { pid, port } = await listen(t, '127.0.0.1')
    const [holder, ...others] = await findPortHolder(port, source)
    t.same(others, [])
    t.match(holder, { pid, user: userInfo().username, address: `127.0.0.1:${port}`, command: new RegExp(`listen\\.ts ${port} 127\\.0\\.0\\.1$`) })
  })

  t.test(`listeners of several addresses on one port are all found (${source.platform})`, async t => {
    const first = await listen(t, '127.0.0.1')
    const second = await listen(t, '::1', first.port)
    const third = await listen(t, '127.0.0.2', first.port)
    const holders = await findPortHolder(first.port, source)
    t.same(new Set(holders.map(({ pid, address }) => `${pid} ${address}`)), new Set([
      `${first.pid} 127.0.0.1:${first.port}`, `${second.pid} [::1]:${first.port}`, `${third.pid} 127.0.0.2:${first.port}`
    ]))
  })

  t.test(`nobody listens, nobody is found (${source.platform})`, async t => {
    const port = await freePort()
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    t.match(await findPortHolder(port, source), [{ pid: process.pid }])
    server.close()
    await once(server, 'close')
    t.same(await findPortHolder(port, source), [])
  })

  t.test(`a connection to the port is no listener (${source.platform})`, async t => {
    const { pid, port } = await listen(t, '127.0.0.1')
    const client = spawn(process.execPath, ['-e', `require('net').connect(${port}, '127.0.0.1', () => console.log('on'))`], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => { client.kill('SIGKILL') })
    await once(client.stdout, 'data')
    t.same((await findPortHolder(port, source)).map(holder => holder.pid), [pid])
  })
}

t.test('a socket whose owner is hidden is still reported, with its user', {
  skip: (process.platform !== 'linux' || process.getuid?.() !== 0) && 'needs root to become somebody else'
}, async t => {
  const { port } = await listen(t, '127.0.0.1')
  const asNobody = `
    process.setgid(65534); process.setuid(65534)
    const { findPortHolder } = await import(${JSON.stringify(new URL('../../src/lib/port-holder.ts', import.meta.url).href)})
    console.log(JSON.stringify(await findPortHolder(${port})))`
  const { stdout } = spawnSync('env', [...nodeWithoutTap, '--input-type=module', '-e', asNobody], { encoding: 'utf8' })
  const [holder] = JSON.parse(stdout)
  t.match(holder, { user: userInfo().username, address: `127.0.0.1:${port}`, command: /cannot see/ })
  t.notOk('pid' in holder)
})

t.test('a holder reads as one line', async t => {
  t.equal(describeHolder({ pid: 4711, user: 'alice', command: 'node server.js', address: '[::1]:80' }), 'pid 4711 alice: node server.js ([::1]:80)')
  t.equal(describeHolder({ command: 'x', address: '0.0.0.0:80' }), 'pid unknown: x (0.0.0.0:80)')
})

t.test('Windows is asked through netstat, whatever its language', async t => {
  const printed = [
    '  Proto  Lokale Adresse         Remoteadresse          Status           PID',
    '  TCP    127.0.0.1:18789        0.0.0.0:0              ABHÖREN         4711',
    '  TCP    127.0.0.1:18789        127.0.0.1:50123        HERGESTELLT     4711',
    '  TCP    127.0.0.1:8789         0.0.0.0:0              ABHÖREN         4712'
  ].join('\r\n')
  const run = async (file: string, args: readonly string[]) =>
    file === 'netstat' ? (args.includes('TCP') ? printed : '  TCP    [::]:18789   [::]:0   ABHÖREN  4711\r\n') : '1 5 node.exe server.js'
  t.same(await findPortHolder(18789, { platform: 'win32', run }), [
    { pid: 4711, command: 'node.exe server.js', address: '127.0.0.1:18789' },
    { pid: 4711, command: 'node.exe server.js', address: '[::]:18789' }
  ])
})
