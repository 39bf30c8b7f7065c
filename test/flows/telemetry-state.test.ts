/** Numbers that outlive the moment: what waits to go out, how large the state is, how often it was begun, and whether the audit log is whole. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { metricTable } from '../../src/telemetry/names.ts'
import { daemonToken, createHome, runCommand, serve, stop, type Daemon } from '../process/daemon.ts'
import { admitted, closeClient, testToken } from '../helper.ts'
import { openChannelScene } from './channel-scene.ts'
import { bearer } from './key-scene.ts'
import { parsePage, type Page } from './telemetry-page.ts'

const dashboard = readFileSync(new URL('../../config/grafana-dashboard.json', import.meta.url), 'utf8')

const pageOf = async (http: string, token: string): Promise<Page> => {
  const response = await fetch(`${http}/metrics`, { headers: { ...bearer(token), connection: 'close' } })
  return parsePage(await response.text())
}

t.test('messages on their way out are counted by channel and state, and there are numbers before the first', async t => {
  const scene = await openChannelScene(t)
  await scene.connected()
  const waiting = async (): Promise<Array<number | undefined>> => {
    const page = await pageOf(scene.http, testToken)
    return ['queued', 'parked', 'dead'].map(state => page.value('openclaw_channel_outbound_messages', { channel: 'telegram', state }))
  }
  t.same(await waiting(), [0, 0, 0])
  scene.telegram.fail('sendMessage', { cut: 'after' })
  t.match(await scene.call('send', { to: '501', channel: 'telegram', message: 'hello', idempotencyKey: 'one' }), { error: { details: { state: 'parked' } } })
  t.same(await waiting(), [0, 1, 0])
  const { names } = await pageOf(scene.http, testToken)
  const asked = new Set(dashboard.match(/\b(?:openclaw|process)_[a-z0-9_]+/g))
  const gauges = [...asked].filter(name => metricTable[name]?.type === 'gauge')
  t.same(gauges.filter(name => !names.has(name)), ['openclaw_store_bytes'], 'whatever the dashboard shows of the moment is there; this store has no files')
})

t.test('starts are counted over stops, restarts and kills, and the sizes of the store are those of its files', async t => {
  const home = createHome(t, { gateway: { mode: 'local', auth: { token: daemonToken } } })
  const starts = async ({ http }: Daemon): Promise<Array<number | undefined>> => {
    const page = await pageOf(http, daemonToken)
    return ['first', 'stop', 'restart', 'crash'].map(after => page.value('openclaw_gateway_starts_total', { after }))
  }
  const first = await serve(t, { home })
  t.same(await starts(first), [1, 0, 0, 0])
  const { client } = await admitted(first.url, { auth: { token: daemonToken } })
  await client.request('sessions.create', { key: 'agent:main:one' })
  await closeClient(client)
  const page = await pageOf(first.http, daemonToken)
  t.ok(page.value('openclaw_store_bytes', { file: 'database' })! > 0)
  t.ok(page.value('openclaw_store_bytes', { file: 'wal' }) !== undefined && page.value('openclaw_store_bytes', { file: 'copy' }) !== undefined)
  t.ok(Math.abs(page.value('process_start_time_seconds')! - Date.now() / 1000) < 60)
  first.kill('SIGUSR2')
  await first.said(/ready in[^]*ready in/)
  t.same(await starts(first), [1, 0, 1, 0])
  await stop(first)
  const second = await serve(t, { home })
  t.same(await starts(second), [1, 1, 1, 0])
  second.kill('SIGKILL')
  await second.exit()
  t.same(await starts(await serve(t, { home })), [1, 1, 1, 1])
})

t.test('status says how the audit log stands, and whether it was proved', async t => {
  const home = createHome(t, { gateway: { mode: 'local', auth: { token: daemonToken } } })
  const daemon = await serve(t, { home })
  const { client } = await admitted(daemon.url, { auth: { token: daemonToken } })
  const { payload: { head, entries } } = await client.request('audit.verify', {})
  const { payload: { audit } } = await client.request('status', {})
  t.match(audit, { enabled: true, dropped: 0, failing: false, head: /^\d+:[\w-]{43}$/, verified: { ok: true, entries } })
  t.ok(audit.entries >= entries && Number.parseInt(audit.head) >= Number.parseInt(head))
  await closeClient(client)
  const { stdout } = await runCommand(t, home, ['status', '--port', String(daemon.port)])
  t.match(stdout, /Audit log +\d+ entries · head \d+:[\w-]+… · proved \S+ ago/)
})
