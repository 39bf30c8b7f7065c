import { existsSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { stateLockPath } from '../../src/lib/state-lock.ts'
import { createHome, daemonToken, eventually, freePort, getJson, refusal, runCommand, startDaemon, stop } from './daemon.ts'

const config = { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } } }

/** The status of one answer, or why there was none. */
function ask (port: number, path: string): Promise<number | string> {
  return new Promise(resolve => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false, timeout: 30_000 }, response => {
      response.resume().on('end', () => resolve(response.statusCode!))
    })
    asked.on('timeout', () => resolve('silence')).on('error', (error: NodeJS.ErrnoException) => resolve(error.code!)).end()
  })
}

t.test('from the first moment a port is refused, starting or serving, and never silent', async t => {
  const home = createHome(t, config)
  const port = await freePort()
  const daemon = await startDaemon(t, { home, port })
  const seen: Array<number | string> = []
  while (seen.at(-1) !== 200) {
    seen.push(await ask(port, '/startupz'))
    if (seen.length > 100_000) break
    await sleep(1)
  }
  t.same([...new Set(seen)].filter(answer => !['ECONNREFUSED', 'ECONNRESET', 503, 200].includes(answer)), [])
  t.equal(seen.indexOf(200), seen.length - 1, 'and once it serves it is ready')
  t.equal(await ask(port, '/readyz'), 200)
  await daemon.ready()
  await stop(daemon)
})

/** A disk that takes its time with the last file that is written before the gateway is built: until the test has had its look. */
function slowDisk (directory: string): { env: NodeJS.ProcessEnv, goOn: () => void } {
  const path = join(directory, 'slow.cjs')
  const isQuick = join(directory, 'quick')
  writeFileSync(path, `const files = require('fs/promises')
    const { rename } = files
    files.rename = async (from, to) => {
      while (to.endsWith('admin.token') && !require('fs').existsSync(${JSON.stringify(isQuick)})) await new Promise(resolve => setTimeout(resolve, 20))
      return rename(from, to)
    }
    require('module').syncBuiltinESMExports()`)
  return { env: { NODE_OPTIONS: `--require=${path}` }, goOn: () => writeFileSync(isQuick, '') }
}

t.test('while it starts the port is its own, the probes say how far it is, and commands wait for it', async t => {
  const home = createHome(t, config)
  const { env, goOn } = slowDisk(home.directory)
  const daemon = await startDaemon(t, { home, env })
  const starting = await eventually(() => getJson(`${daemon.http}/startupz`).catch(() => ({ status: 0, body: {} })), ({ status }) => status !== 0)
  t.match(starting, { status: 503, body: { ok: false, status: 'starting' } })
  t.match(await getJson(`${daemon.http}/healthz`), { status: 200, body: { ok: true, status: 'live' } })
  t.match(await getJson(`${daemon.http}/control-ui-config.json`), { status: 503, body: { error: { code: 'STARTING' } } })

  const second = await refusal(t, { home: createHome(t, config, 'second'), port: daemon.port })
  t.equal(second.code, 69)
  t.match(second.stderr, `- pid ${daemon.pid} `)
  const asked = runCommand(t, home, ['gateway', 'health', '--port', String(daemon.port), '--json'])
  // For as long as a command usually takes to ask for the first time.
  await sleep(700)
  goOn()
  const health = await asked
  t.equal(health.code, 0, health.stderr)
  await daemon.ready()
  t.equal((await getJson(`${daemon.http}/startupz`)).body.status, 'started')
  await stop(daemon)
})

t.test('a stop while it starts is obeyed as soon as there is something to stop', { skip: process.platform === 'win32' && 'sends signals' }, async t => {
  const home = createHome(t, config)
  const { env, goOn } = slowDisk(home.directory)
  const daemon = await startDaemon(t, { home, env })
  await eventually(() => ask(daemon.port, '/startupz'), answer => answer === 503)
  daemon.kill('SIGTERM')
  await daemon.said(/received SIGTERM; shutting down/)
  daemon.kill('SIGTERM')
  await daemon.said(/received SIGTERM during shutdown; ignoring/)
  goOn()
  const { code, stdout } = await daemon.exit()
  t.equal(code, 0)
  t.match(stdout, /received SIGTERM; shutting down[^]*received SIGTERM during shutdown; ignoring/)
  t.notMatch(stdout, /ready in/, 'it never said that it serves')
  t.notOk(existsSync(stateLockPath(home.stateDir)))
})
