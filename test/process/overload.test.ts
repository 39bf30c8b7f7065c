import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { admitted, closeClient } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, startDaemon } from './daemon.ts'

const configOf = (overload: object): object => ({
  gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, overload },
  agents: { defaults: { model: 'echo/echo' } }
})
const auth = { token: daemonToken }

t.test('above the soft limit new runs are refused for a while, everything else goes on, and room is all it takes', async t => {
  const home = createHome(t, configOf({ softRssMb: 1 }))
  const daemon = await (await startDaemon(t, { home })).ready()
  const { client } = await admitted(daemon.url, { auth })
  let sent = 0
  const send = () => client.request('chat.send', { sessionKey: 'main', message: 'Hi', idempotencyKey: `message-${sent++}` })
  const refused = await eventually(send, ({ ok }) => !ok, 30_000)
  t.match(refused.error, { code: 'UNAVAILABLE', retryable: true, retryAfterMs: 5000, message: /^gateway overloaded: memory: \d+ MB of 1 MB/, details: { overload: 'memory-pressure' } })
  t.ok((await client.request('sessions.list', {})).ok)
  const ready = await fetch(`${daemon.http}/readyz`)
  t.equal(ready.status, 503)
  t.match(await ready.json(), { ready: false, failing: ['memory-pressure'] })
  t.equal((await fetch(`${daemon.http}/healthz`)).status, 200, 'it lives all the same')
  const { payload } = await client.request('diagnostics.stability', {})
  t.match(payload.summary.byType, { 'diagnostic.memory.pressure': 1, 'diagnostic.overload.shed': 1 })

  writeFileSync(home.configPath, JSON.stringify(configOf({ softRssMb: 1_000_000 })))
  t.ok((await client.request('gateway.reload', {})).ok)
  t.ok((await eventually(send, ({ ok }) => ok, 30_000)).ok)
  t.equal((await fetch(`${daemon.http}/readyz`)).status, 200)
  await closeClient(client)
})

t.test('above the hard limit it ends in good order, with the code that has a supervisor begin it anew', async t => {
  const home = createHome(t, configOf({ softRssMb: 1 }))
  const daemon = await (await startDaemon(t, { home })).ready()
  const { client } = await admitted(daemon.url, { auth })
  // Not before there is somebody whom it tells.
  writeFileSync(home.configPath, JSON.stringify(configOf({ softRssMb: 1, hardRssMb: 2 })))
  t.ok((await client.request('gateway.reload', {})).ok)
  const { code, signal } = await daemon.exit()
  t.equal(code, 75)
  t.equal(signal, null)
  t.match(daemon.output(), /overloaded beyond the hard limit[\s\S]*leaving with 75 \(memory: \d+ MB of 2 MB\)[\s\S]*completed cleanly/)
  t.match(await client.close(), { code: 1012 })
  const unit = readFileSync(new URL('../../src/service/unit-text.ts', import.meta.url), 'utf8')
  t.match(unit, /RestartPreventExitStatus=69 78'/, 'which systemd is not told to take for a last word')
})
