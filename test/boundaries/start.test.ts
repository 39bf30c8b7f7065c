/** What a start costs before anybody asks for anything: the modules that a gateway has loaded when its first client is in. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from '../plugins/plugin-folder.ts'
import { sourceFiles } from './source-tree.ts'

const recorder = new URL('../fixtures/loaded-modules.ts', import.meta.url).href

/** Each costs every start a file, and its text and code stay in memory. Whoever needs more looks for what could wait. */
const mostModules = 450

/** What waits for its first use, by where it lies. */
const late: readonly RegExp[] = [
  /^src\/tools\/(?:builtin|media|automation|nodes|search)\//,
  /^src\/tools\/sessions\/(?:index|session|subagents|agents|gateway)/,
  /^src\/tools\/(?:web\/page|mcp\/room|sandbox\/plan)/,
  /^src\/channels\/(?!entries|webchat-row)/,
  /^src\/compose\/(?:channel-rooms|inbound|messages|reply-files)/,
  /^src\/(?:nodes|service|node-host)\//,
  /^src\/automation\/(?!heartbeat\/settings)/,
  /^src\/plugins\/(?!plugins)/,
  /^src\/audit\/(?:read|verify)/,
  /^src\/telemetry\/(?!gateway-meters|meters)/,
  /^src\/lib\/(?:outbound|mdns|free-port|port-holder|hired-thread)/,
  /^src\/config\/(?:json-schema|secret-exec|secret-file|edit)/,
  /^src\/host\/crash-loop/,
  /^src\/process\/(?:dev-profile|tls|tailscale|supervisor)/,
  /^src\/store\/(?:upkeep|memory)\//
]

const daemonWith = async (test: Test, config: object): Promise<{ home: Home, loaded: () => string[], stop: () => Promise<number | null> }> => {
  const home = await makeHome(test, { gateway: { mode: 'local', auth: { mode: 'none' } }, ...config })
  const list = join(home.stateDir, 'loaded-modules.txt')
  const daemon = await startDaemon(test, { ...home, env: { ...home.env, NODE_OPTIONS: `--import ${recorder}`, LOADED_MODULES: list } })
  return { home, loaded: () => readFileSync(list, 'utf8').split('\n'), stop: daemon.stop }
}

const ours = (urls: readonly string[]): string[] => urls.flatMap(url => /src\/.*\.ts$/.exec(url)?.[0] ?? [])
const webhook = async ({ port }: Home): Promise<number> => (await fetch(`http://127.0.0.1:${port}/webhooks/telegram/default`, { method: 'POST' })).status

t.test('a gateway with one client has loaded nothing that waits for its first use', async t => {
  const { home, loaded, stop } = await daemonWith(t, {})
  const { client } = await admitted(`ws://127.0.0.1:${home.port}`, { auth: false })
  t.match(await client.request('health', {}), { ok: true })
  const first = new Set(ours(loaded()))
  t.ok(first.has('src/app.ts'), 'the list is a list')
  t.same([...first].filter(file => late.some(pattern => pattern.test(file))), [])
  t.same(late.filter(pattern => !sourceFiles().some(file => pattern.test(file))), [], 'each of them is a place that there is')
  t.ok(first.size <= mostModules, `${first.size} modules`)

  // Pages ask for what there is of channels, jobs and plugins, and there is nothing.
  t.equal(await webhook(home), 404)
  for (const method of ['plugins.list', 'cron.list', 'cron.status', 'cron.runs', 'last-heartbeat']) t.match(await client.request(method, {}), { ok: true }, method)
  t.equal(await stop(), 0)
  const all = ours(loaded())
  // Whether any are configured, and how the clients of the gateway are shown among them.
  t.same(all.filter(file => /^src\/channels\/(?!entries|webchat-row)/.test(file)), [])
  t.same(all.filter(file => file.startsWith('src/automation/')), ['src/automation/heartbeat/settings.ts'])
  t.same(all.filter(file => /^src\/plugins\/|^src\/routes\/.*plugins/.test(file)), ['src/plugins/plugins.ts'])
  t.notOk(loaded().some(url => url.includes('/croner/')))
})

t.test('a gateway with a channel and a plugin loads those that it has, when it is ready', async t => {
  const path = writePlugin(pluginDirectory(t), 'lamp', registering(''))
  const { home, loaded, stop } = await daemonWith(t, { channels: { telegram: { enabled: false } }, plugins: { load: { paths: [path] } } })
  const { client } = await admitted(`ws://127.0.0.1:${home.port}`, { auth: false })
  t.equal(await webhook(home), 503)
  t.match(await client.request('plugins.list', {}), { ok: true })
  const all = await eventually(() => ours(loaded()), files => files.includes('src/channels/builtin/telegram/telegram.ts'))
  t.ok(all.includes('src/plugins/host.ts'))
  t.equal(await stop(), 0)
  t.same(ours(loaded()).filter(file => /^src\/channels\/builtin\/(?!index|telegram)/.test(file)), [])
})
