/**
 * What the official web UI (2026.9.6) sends, written down while a browser showed its pages. The UI itself is no dependency; how it was
 * run for real stands in README.md.
 */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { admitted, closeClient, connect, operatorScopes, startGateway, type ConnectOptions, type TestClient } from '../helper.ts'

type Calls = readonly (readonly [method: string, params?: object])[]

const key = 'agent:main:main'
const session = { sessionKey: key, agentId: 'main' }
const running = { status: ['queued', 'running'] }
const ended = { status: ['completed', 'failed', 'timed_out', 'cancelled'], sortBy: 'endedAt' }
const month = { startDate: '2026-10-23', endDate: '2026-11-21', mode: 'specific', timeZone: 'UTC', utcOffset: 'UTC+0', groupBy: 'family', limit: 1000, includeContextWeight: false }
const jobs = { agentId: 'main', includeDisabled: true, includeDeliveryPreviews: false, limit: 50, offset: 0, enabled: 'all', sortBy: 'nextRunAtMs', sortDir: 'asc' }
const known = { includeGlobal: true, includeUnknown: true, configuredAgentsOnly: true, includeDerivedTitles: true, includeLastMessage: true }

/** From `hello-ok` until the first page stands still. */
const afterConnecting: Calls = [
  ['sessions.subscribe', {}],
  ['sessions.list', { ...known, limit: 200, agentId: 'main' }],
  ['config.get', {}],
  ['update.status', {}],
  ['plugins.controlUi.list', {}],
  ['agents.list', {}],
  ['exec.approval.list', {}],
  ['plugin.approval.list', {}],
  ['openclaw.approval.list', {}],
  ['sessions.observer.visibility', { visible: true }],
  ['question.list', {}],
  ['models.list', { view: 'configured', ...session }],
  ['chat.startup', { sessionKey: key, limit: 80, maxBytes: 262_144 }],
  ['models.authStatus', { agentId: 'main' }],
  ['agent.identity.get', { agentId: 'main' }],
  ['talk.catalog', {}],
  ['sessions.messages.subscribe', { key, includeApprovals: true }],
  ['sessions.describe', { key }],
  ['chat.metadata', session],
  ['progressCard.get', { sessionKey: key }],
  ['system.info', {}],
  ['sessions.branches.list', { sessionKey: key }],
  ['sessions.companion.state', session],
  ['tasks.list', { ...session, ...running, limit: 200 }],
  ['tasks.list', { ...session, ...ended, limit: 100 }],
  ['cron.list', { ...jobs, compact: true }],
  ['cron.status', {}],
  ['sessions.list', { includeGlobal: false, includeUnknown: false, configuredAgentsOnly: true, limit: 10_000, spawnedBy: key }]
]

const pages: { readonly [name: string]: Calls } = {
  agents: [['sessions.list', { ...known, limit: 100, archived: 'all' }], ['sessions.messages.unsubscribe', { key }]],
  systems: [['environments.list', { includeDesktopSetup: true }], ['node.list', {}]],
  automations: [
    ['cron.list', { ...jobs, scheduleKind: 'all', lastRunStatus: 'all', trigger: 'all' }],
    ['cron.runs', { agentId: 'main', scope: 'all', limit: 50, offset: 0, status: 'all', sortDir: 'desc' }],
    ['channels.status', { probe: false, timeoutMs: 8000 }],
    ['models.list', { view: 'configured', agentId: 'main' }]
  ],
  'new thread': [['environments.list', {}]],
  usage: [['usage.status'], ['sessions.usage', { ...month, agentId: 'main' }], ['sessions.usage', { ...month, agentScope: 'all' }]],
  logs: [['logs.tail', { limit: 500, maxBytes: 250_000 }]],
  debug: [['status', {}], ['health', {}], ['last-heartbeat', {}], ['diagnostics.lanes', {}], ['models.list', { agentId: 'main', view: 'default' }]],
  tasks: [['tasks.list', { ...running, limit: 500, agentId: 'main' }]],
  devices: [['device.pair.list', {}], ['exec.approvals.get', {}], ['system-presence', {}]],
  channels: [['channels.pairing.list', {}]],
  configuration: [['config.schema', {}], ['plugins.list', {}]],
  memory: [['config.schema.lookup', { path: 'plugins.entries.memory-core.config' }], ['doctor.memory.status', { agentId: 'main' }]],
  updates: [['update.status', { refreshCheckout: true }]]
}

const origin = 'http://127.0.0.1:5173'
const page: ConnectOptions = {
  scopes: operatorScopes,
  socket: { origin },
  client: { id: 'openclaw-control-ui', version: '2026.9.6', buildId: '2026.9.6-of-somebody-else', platform: 'Linux x86_64', mode: 'webchat', timeZone: 'UTC' }
}
const config = { gateway: { controlUi: { allowedOrigins: [origin] } } }

async function refusals (client: TestClient, calls: Calls): Promise<string[]> {
  const refused: string[] = []
  for (const [method, params] of calls) {
    const { ok, error } = await client.request(method, params)
    if (!ok) refused.push(`${method}: ${error.message}`)
  }
  return refused
}

t.test('a page from a listed origin gets in once it is approved, and everything it reads first is answered', async t => {
  const gateway = await startGateway(t, { config })
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const { client: stranger, response } = await connect(gateway.url, { ...page, device })
  const { requestId, remediationHint } = response.error.details
  t.match(response.error, { code: 'NOT_PAIRED', details: { code: 'PAIRING_REQUIRED', reason: 'not-paired' } })
  t.ok(remediationHint.includes(`openclaw devices approve ${requestId}`), 'the page shows what to type')
  t.match(await stranger.close(), { code: 1008 })
  t.match(await admin.client.request('device.pair.approve', { requestId }), { ok: true })

  const { client, hello } = await admitted(gateway.url, { ...page, device })
  t.same([...hello.auth.scopes].sort(), [...operatorScopes].sort())
  t.notHas(hello, { pluginSurfaceUrls: Object }, 'which it would go on refreshing')
  t.same(await refusals(client, afterConnecting), [])
  for (const [name, calls] of Object.entries(pages)) t.same(await refusals(client, calls), [], name)
  await closeClient(client)
  await closeClient(admin.client)
})
