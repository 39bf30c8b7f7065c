/** A gateway that has ended without a word again and again answers, and begins nothing by itself until it holds still. */
import t from 'tap'
import { createCrashLoop } from '../../src/host/crash-loop.ts'
import { contractProblem, healthProblem } from '../contract.ts'
import { startTelegram } from '../fixtures/channels/telegram-server.ts'
import { createSimulatedClock } from '../fixtures/simulated-clock.ts'
import { startGateway } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from '../plugins/plugin-folder.ts'
import { eventually, getJson } from '../process/daemon.ts'
import { openChannelScene, telegramKeys } from './channel-scene.ts'

const window = { count: 3, windowMs: 300_000, liftsInMs: 120_000 }

function heldBack () {
  const clock = createSimulatedClock()
  const said: string[] = []
  const say = (text: unknown): void => { said.push(String(text)) }
  return { clock, said, crashLoop: createCrashLoop({ found: window, clock, log: { warn: say, info: say, error: say } }) }
}

t.test('channels are not begun by themselves, everybody is told, and a person may begin one', async t => {
  const { clock, said, crashLoop } = heldBack()
  const other = await startTelegram(t)
  const accounts = { accounts: { default: {}, second: telegramKeys(other) } }
  const { call, http, log, telegram } = await openChannelScene(t, { crashLoop, keys: accounts })
  t.match(said, [/^restart-loop breaker tripped: 3 unclean boot\(s\) within 300000ms; .*channels start/])

  const { payload } = await call('channels.status')
  t.equal(contractProblem('ChannelsStatusResult', payload), undefined)
  t.match(payload, { warnings: [/^restart-loop breaker tripped/] })
  const held = { running: false, healthy: false, healthState: 'blocked', autostartSuppressed: true, lastError: /autostart suppressed by crash-loop breaker/ }
  t.match(payload.channelAccounts.telegram, [{ ...held, accountId: 'default' }, { ...held, accountId: 'second' }])
  t.ok(log.some(line => /refusing automatic start for telegram:second\. .*channels start --channel telegram --account second/.test(line)))
  const health = await eventually(async () => await call('health'), answer => answer.payload.channels.telegram)
  t.equal(healthProblem(health.payload), undefined)
  t.match(health.payload.channels.telegram, { running: false, lastError: /suppressed by crash-loop breaker/ })
  t.match((await call('status')).payload.crashLoop, { tripped: true, uncleanStarts: 3, liftsAtMs: clock.now() + 120_000, message: said[0] })
  t.match(await getJson(`${http}/readyz`), { status: 200, body: { ready: true, failing: [], suppressed: ['channels', 'cron', 'heartbeats', 'plugin-services'] } })
  t.same(telegram.calls, [], 'nobody has called the service')

  t.match((await call('channels.start', { channel: 'telegram' })).payload, { accountId: 'default', started: true })
  await eventually(async () => telegram.calls.length, calls => calls > 0)
  t.match((await call('channels.status')).payload.channelAccounts.telegram[1], held, 'it is for the one that was named')
  t.same(other.calls, [])

  await clock.pass(120_000)
  await eventually(async () => other.calls.length, calls => calls > 0)
  t.notOk('warnings' in (await call('channels.status')).payload)
  t.notOk('crashLoop' in (await call('status')).payload)
  t.notOk('suppressed' in (await getJson(`${http}/readyz`)).body)
  t.match(said[1], /^restart-loop breaker recovered/)
})

t.test('services of plugins wait as well, and begin when it is over; what else they bring is there', async t => {
  const { clock, crashLoop } = heldBack()
  const began: string[] = []
  Object.assign(globalThis, { heldServices: began })
  const path = writePlugin(pluginDirectory(t), 'lamp', registering(`
    api.registerGatewayMethod('lamp.state', { scope: 'operator.read', handle: () => ({ on: true }) })
    api.registerService({ id: 'glow', start: () => { globalThis.heldServices.push('glow') } })
  `))
  const { gateway: { rooms } } = await startGateway(t, { crashLoop, config: { plugins: { load: { paths: [path] } } } })
  await rooms.plugins.report()
  t.ok(rooms.plugins.find('lamp.state'))
  t.same(began, [])
  await clock.pass(120_000)
  await eventually(async () => began.length, count => count === 1)
})
