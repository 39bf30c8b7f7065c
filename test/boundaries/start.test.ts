/** What a start costs before anybody asks for anything: the modules that a gateway has loaded when its first client is in. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { admitted } from '../helper.ts'
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

t.test('a gateway with one client has loaded nothing that waits for its first use', async t => {
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { mode: 'none' } } })
  const list = join(home.stateDir, 'loaded-modules.txt')
  const daemon = await startDaemon(t, { ...home, env: { ...home.env, NODE_OPTIONS: `--import ${recorder}`, LOADED_MODULES: list } })
  const { client } = await admitted(`ws://127.0.0.1:${home.port}`, { auth: false })
  t.match(await client.request('health', {}), { ok: true })
  const loaded = new Set(readFileSync(list, 'utf8').split('\n').flatMap(url => /src\/.*\.ts$/.exec(url)?.[0] ?? []))
  t.equal(await daemon.stop(), 0)
  t.ok(loaded.has('src/app.ts'), 'the list is a list')
  t.same([...loaded].filter(file => late.some(pattern => pattern.test(file))), [])
  t.same(late.filter(pattern => !sourceFiles().some(file => pattern.test(file))), [], 'each of them is a place that there is')
  t.ok(loaded.size <= mostModules, `${loaded.size} modules`)
})
