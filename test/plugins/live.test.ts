import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { contractProblem } from '../contract.ts'
import { admitted, startGateway, type Frame } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from './plugin-folder.ts'

const parts = registering(`
  const { seen } = globalThis.plugins ??= { seen: [] }
  api.registerTool({ name: 'blink', parameters: { type: 'object', properties: {} }, execute: () => 'blinked' })
  api.registerGatewayMethod('lamp.state', { scope: 'operator.read', handle: () => ({ on: true, config: api.pluginConfig }) })
  api.registerGatewayMethod('lamp.quiet', { scope: 'operator.read', advertise: false, handle: () => ({}) })
  api.registerHttpRoute({ path: '/lamp', auth: 'plugin', handle: () => 'lit' })
  api.registerChannel(sdk.defineChannel({ id: 'morse', label: 'Morse', config: sdk.Type.Object({}), limits: { textLength: 20, textUnit: 'bytes' }, markup: 'plain', mode: 'socket', missing: () => undefined, start: async () => ({}) }))
  api.registerService({ id: 'glow', start: ({ signal }) => { seen.push('started'); signal.addEventListener('abort', () => seen.push('aborted')) }, stop: () => { seen.push('stopped') } })
`)

const seen = (): string[] => ((globalThis as { plugins?: { seen: string[] } }).plugins?.seen ?? []).splice(0)

const configOf = (path: string, colour = 'red') => ({ load: { paths: [path] }, entries: { lamp: { config: { colour } } } })

/** A gateway that switches plugins writes into its file. */
function writeConfig (stateDir: string, plugins: object): string {
  const file = join(stateDir, 'openclaw.json')
  writeFileSync(file, JSON.stringify({ gateway: { mode: 'local' }, plugins }), { mode: 0o600 })
  return file
}

const manifest = { name: 'Lamp', configSchema: { type: 'object', properties: { colour: { type: 'string' } } } }

t.test('a plugin is switched off and on while the gateway runs', async t => {
  const path = writePlugin(pluginDirectory(t), 'lamp', parts, manifest)
  const { url, http, stateDir, gateway } = await startGateway(t, { config: { plugins: configOf(path) } })
  const configFile = writeConfig(stateDir, configOf(path))
  await gateway.rooms.plugins.report()
  const { client, hello } = await admitted(url)
  const { rooms } = gateway
  const isThere = async (): Promise<readonly unknown[]> => [
    (await client.request('lamp.state', {})).ok, (await rooms.tools.registry()).find('blink') !== undefined, (await fetch(`${http}/lamp`)).status, rooms.plugins.channels().length
  ]
  t.ok(hello.features.methods.includes('lamp.state'))
  t.notOk(hello.features.methods.includes('lamp.quiet'))
  t.same(await isThere(), [true, true, 200, 1])
  t.match(rooms.plugins.channels(), [{ pluginId: 'lamp', channel: { id: 'morse', label: 'Morse', start: Function } }])
  t.same(seen(), ['started'])

  const { payload: off } = await client.request('plugins.setEnabled', { pluginId: 'LAMP', enabled: false })
  t.equal(contractProblem('PluginsSetEnabledResult', off), undefined)
  t.match(off, { ok: true, restartRequired: false, plugin: { id: 'lamp', state: 'disabled', enabled: false } })
  t.same(await isThere(), [false, false, 404, 0])
  t.same(seen(), ['aborted', 'stopped'])
  t.match(JSON.parse(readFileSync(configFile, 'utf8')), { plugins: { entries: { lamp: { enabled: false, config: { colour: 'red' } } } } })
  t.ok(await client.event('plugins.changed'))
  t.notOk((await admitted(url)).hello.features.methods.includes('lamp.state'), 'whoever connects now does not hear of it')

  t.match(await client.request('plugins.setEnabled', { pluginId: 'lamp', enabled: true }), { payload: { plugin: { state: 'enabled' } } })
  t.same(await isThere(), [true, true, 200, 1])
  t.match(await client.request('lamp.state', {}), { payload: { config: { colour: 'red' } } })
  t.same(seen(), ['started'])
  t.ok((await admitted(url)).hello.features.methods.includes('lamp.state'))
  await gateway.stop()
  t.same(seen(), ['aborted', 'stopped'], 'and it hears of the end of the gateway')
})

t.test('looking at a plugin and switching it needs the rights of the contract', async t => {
  const path = writePlugin(pluginDirectory(t), 'lamp', parts, manifest)
  const { url, stateDir } = await startGateway(t, { config: { plugins: configOf(path) } })
  writeConfig(stateDir, configOf(path))
  const { client: admin } = await admitted(url)
  const { client: reader } = await admitted(url, { scopes: ['operator.read'] })
  const { client: nobody } = await admitted(url, { scopes: ['operator.approvals'] })
  const params = { pluginId: 'lamp' }
  const inspected = (await admin.request('plugins.inspect', params)).payload
  t.equal(contractProblem('PluginsInspectResult', inspected), undefined)
  t.match(inspected, { source: { kind: 'path', spec: path }, declared: { tools: ['blink'], channels: ['morse'] } })
  const list = (await admin.request('plugins.list', {})).payload
  t.equal(contractProblem('PluginsListResult', list), undefined)
  t.equal(contractProblem('PluginsUiDescriptorsResult', (await reader.request('plugins.uiDescriptors', {})).payload), undefined)
  t.notMatch(JSON.stringify((await reader.request('plugins.inspect', params)).payload), path)
  t.match(await reader.request('plugins.setEnabled', { ...params, enabled: false }), { error: { details: { missingScope: 'operator.admin' } } })
  t.match(await reader.request('plugins.refresh', {}), { error: { details: { missingScope: 'operator.admin' } } })
  for (const method of ['plugins.list', 'plugins.uiDescriptors']) t.match(await nobody.request(method, {}), { error: { details: { missingScope: 'operator.read' } } })
  t.match(await admin.request('plugins.inspect', { pluginId: 'nix' }), { error: { details: { code: 'PLUGIN_UNKNOWN' } } })
  t.match(await admin.request('plugins.setEnabled', { pluginId: 'nix', enabled: true }), { error: { details: { code: 'PLUGIN_UNKNOWN' } } })
  t.match(await admin.request('plugins.inspect', { pluginId: '__proto__' }), { error: { details: { code: 'PLUGIN_UNKNOWN' } } })
  t.match(await admin.request('plugins.setEnabled', { ...params, enabled: true, acknowledgeCapabilities: { reviewToken: 'another' } }), { error: { details: { code: 'PLUGIN_CHANGED' } } })
  const { reviewToken } = inspected as Frame
  t.match(await admin.request('plugins.setEnabled', { ...params, enabled: true, acknowledgeCapabilities: { reviewToken } }), { ok: true })
})

t.test('a plugin that was mended is loaded by a refresh, and one that is gone is taken away', async t => {
  const directory = pluginDirectory(t)
  const path = writePlugin(directory, 'lamp', { 'index.mjs': 'throw new Error("no bulb")' }, manifest)
  const { url, gateway, stateDir } = await startGateway(t, { config: { plugins: configOf(path) } })
  writeConfig(stateDir, configOf(path))
  const { client } = await admitted(url)
  const state = async (): Promise<Frame> => (await client.request('plugins.list', {})).payload.plugins
  t.match(await state(), [{ state: 'error', error: 'Error: no bulb' }])
  writeFileSync(join(path, 'index.mjs'), parts['index.mjs']!)
  t.match(await client.request('plugins.refresh', {}), { ok: true })
  t.match(await state(), [{ state: 'enabled' }])
  rmSync(path, { recursive: true })
  await client.request('plugins.refresh', {})
  t.same(await state(), [])
  t.match((await client.request('plugins.list', {})).payload.diagnostics, [{ level: 'error', message: /there is nothing at/ }])
  t.equal((await gateway.rooms.tools.registry()).find('blink'), undefined)
  seen()
})

t.test('other settings of a plugin are taken over by a refresh, and wrong ones keep it away', async t => {
  const path = writePlugin(pluginDirectory(t), 'lamp', parts, manifest)
  const { url, stateDir } = await startGateway(t, { config: { plugins: configOf(path) } })
  const { client } = await admitted(url)
  await client.request('plugins.list', {})
  writeConfig(stateDir, configOf(path, 'green'))
  t.match(await client.request('lamp.state', {}), { payload: { config: { colour: 'red' } } }, 'a file that was written changes nothing by itself')
  await client.request('plugins.refresh', {})
  t.match(await client.request('lamp.state', {}), { payload: { config: { colour: 'green' } } })
  t.same(seen(), ['started', 'aborted', 'stopped', 'started'])
  writeConfig(stateDir, { ...configOf(path), entries: { lamp: { config: { colour: 5 } } } })
  await client.request('plugins.refresh', {})
  t.match((await client.request('plugins.list', {})).payload.plugins, [{ state: 'error', error: 'plugins.entries.lamp.config.colour must be string' }])
  writeFileSync(join(stateDir, 'openclaw.json'), '{ plugins: ')
  t.match(await client.request('plugins.refresh', {}), { ok: false, error: { details: { code: 'CONFIG_INVALID' } } })
  seen()
})
