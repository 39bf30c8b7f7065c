import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createDeviceIdentity, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { admitted, closeClient, connect } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, freePort, getJson, longRun, serve, startDaemon, stop, type Daemon } from './daemon.ts'

const config = { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } } }
const auth = { token: daemonToken }
const seed = Number(process.env.OPENCLAW_TEST_SEED ?? 20_260_906)

/** The same sequence for the same seed, so that a failure can be had again. */
function createRandom (state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Paired { readonly device: DeviceIdentity, readonly deviceToken: string }

/** Pairs one device after the other until the gateway is gone; what was acknowledged counts. */
async function pairUntilGone (daemon: Daemon, paired: Paired[]): Promise<void> {
  for (;;) {
    const device = createDeviceIdentity()
    const outcome = await connect(daemon.url, { auth, device }).catch(() => undefined)
    if (!outcome?.response.ok) return
    paired.push({ device, deviceToken: outcome.response.payload.auth.deviceToken })
    outcome.client.socket.terminate()
  }
}

/** The refusals of devices that were told that they are paired. No more at once than one address may introduce. */
async function lostOf (daemon: Daemon, paired: readonly Paired[]): Promise<unknown[]> {
  const atOnce = 50
  const lost: unknown[] = []
  for (let start = 0; start < paired.length; start += atOnce) {
    await Promise.all(paired.slice(start, start + atOnce).map(async ({ device, deviceToken }) => {
      const { client, response } = await connect(daemon.url, { auth: { deviceToken }, device })
      if (!response.ok) lost.push(response.error)
      await closeClient(client)
    }))
  }
  return lost
}

t.test('kill -9 at any moment, also of a start, leaves nothing that hinders the next start', { timeout: longRun ? 900_000 : 120_000 }, async t => {
  const random = createRandom(seed)
  const home = createHome(t, config)
  const port = await freePort()
  const paired: Paired[] = []
  const rounds = longRun ? 300 : 16
  const startedAt = performance.now()
  await stop(await serve(t, { home, port }))
  const usualMs = performance.now() - startedAt
  let duringStart = 0

  for (let round = 0; round < rounds; round++) {
    const daemon = await startDaemon(t, { home, port })
    if (round % 2 === 0) {
      // Somewhere in the start, or just after it.
      await sleep(random() * usualMs)
      if (!/ready in/.test(daemon.output())) duringStart++
      daemon.kill('SIGKILL')
    } else {
      await daemon.ready()
      const before = paired.length
      const pairing = pairUntilGone(daemon, paired)
      await eventually(async () => paired.length, count => count > before)
      await sleep(random() * 60)
      daemon.kill('SIGKILL')
      await pairing
    }
    const { code, stderr } = await daemon.exit()
    t.equal(code, null, stderr)
  }

  t.comment(`seed ${seed}: ${rounds} kills, ${duringStart} of them during the start, ${paired.length} devices paired`)
  t.ok(duringStart > 0 && paired.length > 0, 'the kills hit what they were meant for')
  const daemon = await serve(t, { home, port })
  t.equal((await getJson(`${daemon.http}/readyz`)).status, 200)
  t.same(await lostOf(daemon, paired), [], 'and every device that was told so is paired')
  t.notMatch(daemon.output(), /quarantine|unreadable/, 'nothing was damaged')
  t.equal((await stop(daemon)).code, 0)
})

t.test('a gateway that was killed leaves its clients a port that answers again at once', async t => {
  const home = createHome(t, config)
  const first = await serve(t, { home })
  const { client } = await admitted(first.url, { auth })
  first.kill('SIGKILL')
  t.equal((await client.close()).code, 1006)
  await first.exit()
  const second = await serve(t, { home, port: first.port })
  t.ok((await connect(second.url, { auth })).response.ok)
  t.equal(JSON.parse(readFileSync(join(home.stateDir, 'tmp', `openclaw-${process.getuid?.() ?? 'user'}`, 'gateway.state.lock'), 'utf8')).pid, second.pid)
  await stop(second)
  t.notOk(existsSync(join(home.stateDir, 'tmp', `openclaw-${process.getuid?.() ?? 'user'}`, 'gateway.state.lock')), 'an orderly end takes the lock away')
})
