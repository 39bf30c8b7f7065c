/** Somebody sets the clock of the machine by hours, forward or back, while a gateway runs: nothing is lost, and nothing waits for hours. */
import t, { type Test } from 'tap'
import { admitted, closeClient, challenged, connect, startGateway, testToken, type TestGateway } from '../helper.ts'
import { bearer } from './key-scene.ts'

const hour = 3_600_000

/** Time passes by itself unless it is held, and when a test says so. */
async function scene (t: Test, { isHeld = false } = {}): Promise<{ gateway: TestGateway, set (ms: number): void, pass (ms: number): void }> {
  let offset = 0
  let passed = 0
  const began = Date.now()
  const real = (): number => isHeld ? 0 : Date.now() - began
  const steadily = (): number => isHeld ? 0 : Math.floor(performance.now())
  const gateway = await startGateway(t, {
    now: () => began + real() + offset + passed,
    steady: () => began + steadily() + passed,
    config: { gateway: { auth: { rateLimit: { exemptLoopback: false } } } }
  })
  return { gateway, set (ms) { offset += ms }, pass (ms) { passed += ms } }
}

const tries = async ({ http }: TestGateway, token: string): Promise<number> => {
  const response = await fetch(`${http}/tools/invoke`, {
    method: 'POST', headers: { ...bearer(token), 'content-type': 'application/json' }, body: JSON.stringify({ tool: 'session_status' })
  })
  await response.text()
  return response.status
}

for (const [way, jump] of [['forward', 5 * hour], ['back', -5 * hour]] as const) {
  t.test(`clients stay and may introduce themselves when the clock goes ${way}`, async t => {
    const { gateway, set } = await scene(t)
    const { client } = await admitted(gateway.url)
    const { client: newcomer } = await challenged(gateway.url)
    set(jump)
    // Several rounds of the one who looks for silent sockets.
    await new Promise(resolve => setTimeout(resolve, 700))
    t.match(await client.request('health', {}), { ok: true })
    t.equal(newcomer.socket.readyState, 1, 'it has not had its time yet')
    const { client: late } = await admitted(gateway.url)
    const { payload } = await client.request('status', {})
    t.ok(payload.uptimeMs >= 0 && payload.uptimeMs < hour, `${payload.uptimeMs}`)
    await Promise.all([client, late, newcomer].map(closeClient))
  })

  t.test(`a lockout lasts as long as it lasts when the clock goes ${way}`, async t => {
    const { gateway, set, pass } = await scene(t, { isHeld: true })
    for (let guess = 0; guess < 10; guess++) t.equal(await tries(gateway, `guess-${guess}`), 401)
    t.equal(await tries(gateway, testToken), 429)
    set(jump)
    t.equal(await tries(gateway, testToken), 429, 'still')
    pass(300_000)
    t.equal(await tries(gateway, testToken), 200)
  })

  t.test(`a repeated request has its one effect, and budgets fill again, when the clock goes ${way}`, async t => {
    const { gateway, set, pass } = await scene(t, { isHeld: true })
    const { client } = await admitted(gateway.url)
    const spend = async () => await client.request('gateway.reload', {})
    for (let count = 0; count < 30; count++) t.match(await spend(), { ok: true })
    set(jump)
    t.match(await spend(), { error: { retryable: true } })
    pass(60_000)
    t.match(await spend(), { ok: true })
    await closeClient(client)
  })

  t.test(`what is measured stays a span of time when the clock goes ${way} meanwhile`, async t => {
    const { gateway, set } = await scene(t)
    const { client } = await admitted(gateway.url)
    const running = client.request('chat.send', { sessionKey: 'main', message: `/slow 20\n${'word '.repeat(20)}`, idempotencyKey: 'one' })
    set(jump)
    await running
    await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'final')
    const page = await fetch(`${gateway.http}/metrics`, { headers: bearer(testToken) }).then(async answer => await answer.text())
    const sums = [...page.matchAll(/^(openclaw_\w+_seconds_sum)\S* (\S+)$/gm)].map(([, name, value]) => [name, Number(value)] as const)
    t.ok(sums.length > 0)
    for (const [name, value] of sums) t.ok(value >= 0 && value < 60, `${name} ${value}`)
    await closeClient(client)
  })
}

t.test('a nonce is good as long as it is new, wherever the clock goes', async t => {
  const { gateway, set } = await scene(t)
  const { client, challenge } = await challenged(gateway.url)
  t.ok(Math.abs(challenge.ts - Date.now()) < hour)
  set(5 * hour)
  const { response } = await connect(gateway.url)
  t.match(response, { ok: true })
  await closeClient(client)
})
