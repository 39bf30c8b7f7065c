import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, startGateway, type Frame, type TestGateway } from '../helper.ts'
import { pluginDirectory, registering, writePlugin, type PluginFiles } from './plugin-folder.ts'

const method = (id: string, answer: string) => `api.registerGatewayMethod('${id}.ask', { scope: 'operator.read', handle: () => (${answer}) })`

const ways: { readonly [id: string]: PluginFiles } = {
  esm: { 'index.mjs': `import { definePlugin } from 'openclaw/plugin-sdk'\nexport default definePlugin({ register (api) { ${method('esm', '1')} } })` },
  typescript: {
    'index.ts': `import { definePlugin, Type } from 'openclaw/plugin-sdk'
      import { answer } from './answer.ts'
      interface Answer { readonly value: number }
      const given: Answer = { value: answer }
      export default definePlugin({ methods: { 'typescript.ask': { scope: 'operator.read', params: Type.Object({}), handle: (): number => given.value } } })`,
    'answer.ts': 'export const answer: number = 2'
  },
  commonjs: {
    'package.json': '{"main":"main.cjs"}',
    'main.cjs': `const { definePlugin } = require('openclaw/plugin-sdk')\nmodule.exports = definePlugin({ register (api) { ${method('commonjs', '3')} } })`
  },
  compiled: {
    'package.json': '{"type":"commonjs","main":"index.js"}',
    'index.js': `Object.defineProperty(exports, '__esModule', { value: true })\nexports.default = { register (api) { ${method('compiled', '4')} } }`
  },
  plain: { 'index.mjs': `export default function (api) { ${method('plain', '5')} }` },
  entry: {
    'index.mjs': `import { definePluginEntry } from 'openclaw/plugin-sdk/plugin-entry'
      export default definePluginEntry({ id: 'entry', name: 'Entry', async register (api) { await new Promise(go => setTimeout(go, 20)); ${method('entry', '6')} } })`
  }
}

/** Each with what is said about it. */
const failures: { readonly [id: string]: readonly [files: PluginFiles, reason: RegExp] } = {
  throws: [{ 'index.mjs': 'throw new Error("no luck")' }, /^Error: no luck$/],
  syntax: [{ 'index.mjs': 'export default {{' }, /^SyntaxError: /],
  missing: [{ 'index.mjs': 'import "./not-there.mjs"' }, /not-there\.mjs/],
  package: [{ 'index.mjs': 'import "a-package-that-is-not-there"' }, /a-package-that-is-not-there/],
  nothing: [{ 'index.mjs': 'export const x = 1' }, /its entry must export definePlugin/],
  'other-id': [{ 'index.mjs': 'export default { id: "somebody", register () {} }' }, /its code calls it "somebody" and its manifest "other-id"/],
  'register-throws': [registering('throw new TypeError("in register")'), /^TypeError: in register$/],
  'register-rejects': [registering('await Promise.reject(new Error("later"))'), /^Error: later$/],
  odd: [registering('throw { get message () { throw 1 }, toString () { throw 2 } }'), /it threw something that cannot be read/],
  nil: [registering('throw undefined'), /^undefined$/],
  hooks: [registering('api.registerHook("before_tool_call", () => {})'), /api\.registerHook is not a function: this gateway offers plugins registerTool/],
  'tool-name': [registering('api.registerTool({ name: "no good", parameters: {}, execute () {} })'), /the tool name "no good" must be letters/],
  'tool-schema': [registering('api.registerTool({ name: "t", parameters: { type: "nonsense" }, execute () {} })'), /parameters of the tool t are no JSON Schema/],
  'tool-work': [registering('api.registerTool({ name: "t", parameters: {} })'), /the tool t has no function/],
  'tool-class': [registering('api.registerTool({ name: "t", parameters: {}, capability: "everything", execute () {} })'), /capability must be one of session\.read/],
  'tool-factory': [registering('api.registerTool(() => ({}))'), /functions that make one for each session are not offered/],
  'core-method': [registering('api.registerGatewayMethod("config.set", { handle () {} })'), /everything in "config\." belongs to the gateway/],
  'core-space': [registering('api.registerGatewayMethod("sessions.mine", { handle () {} })'), /everything in "sessions\." belongs to the gateway/],
  'core-space-case': [registering('api.registerGatewayMethod("Sessions.mine", { handle () {} })'), /belongs to the gateway/],
  'method-name': [registering('api.registerGatewayMethod("health", { handle () {} })'), /must look like <plugin>/],
  'method-scope': [registering('api.registerGatewayMethod("method-scope.x", { scope: "public", handle () {} })'), /scope must be one of operator\.read/],
  'node-scope': [registering('api.registerGatewayMethod("node-scope.x", { scope: "node", handle () {} })'), /scope must be one of/],
  'method-params': [registering('api.registerGatewayMethod("m.x", { scope: "operator.read", params: { type: 5 }, handle () {} })'), /params of m\.x are no JSON Schema/],
  'twice-method': [registering('for (const n of [1, 2]) api.registerGatewayMethod("m.x", { handle () {} })'), /two methods named m\.x/],
  'core-route': [registering('api.registerHttpRoute({ path: "/v1/models", auth: "plugin", handler () {} })'), /everything below \/v1 belongs to the gateway/],
  'other-place': [registering('api.registerHttpRoute({ path: "/plugins/somebody/x", handler () {} })'), /everything below \/plugins belongs/],
  'dot-route': [registering('api.registerHttpRoute({ path: "/a/../v1/models", handler () {} })'), /a path is made of/],
  'pattern-route': [registering('api.registerHttpRoute({ path: "/a/:id", handler () {} })'), /a path is made of/],
  'route-auth': [registering('api.registerHttpRoute({ path: "x", auth: "none", handler () {} })'), /auth is "gateway" or "plugin"/],
  'route-overlap': [
    registering('api.registerHttpRoute({ path: "x", match: "prefix", handler () {} }); api.registerHttpRoute({ path: "x/y", auth: "plugin", handler () {} })'),
    /overlap and differ in who looks at credentials/
  ],
  'route-limit': [registering('api.registerHttpRoute({ path: "x", bodyLimit: 1e9, handler () {} })'), /bodyLimit is at most/],
  'route-upgrade': [registering('api.registerHttpRoute({ path: "x", handler () {}, handleUpgrade () {} })'), /cannot take upgrades/],
  provider: [registering('api.registerProvider({ id: "x", label: "X" })'), /a provider needs an api/],
  channel: [registering('api.registerChannel({ id: "morse", meta: { label: "Morse" } })'), /the channel morse must have label, config, limits/],
  service: [registering('api.registerService({ id: "s", start () { throw new Error("cold") } })'), /its service s did not start: Error: cold/],
  'too-many': [registering('for (let n = 0; n < 300; n++) api.registerHttpRoute({ path: "x" + n, handler () {} })'), /more than 200 routes/],
  read: [registering(''), /its id is the name of a tool of the gateway/]
}

async function gatewayWith (t: Parameters<typeof startGateway>[0], folders: { readonly [id: string]: PluginFiles }, timeoutMs = 20_000): Promise<TestGateway> {
  const directory = pluginDirectory(t)
  const paths = Object.entries(folders).map(([id, files]) => writePlugin(directory, id, files))
  return await startGateway(t, { config: { plugins: { load: { paths, timeoutMs } } } })
}

/** The list as soon as everything is loaded or has failed. */
const listed = async (url: string): Promise<Frame> => (await (await admitted(url)).client.request('plugins.list', {}, 30_000)).payload

t.test('plugins in every form that modules have are loaded', async t => {
  const { url } = await gatewayWith(t, ways)
  await listed(url)
  const { client, hello } = await admitted(url)
  for (const [index, id] of Object.keys(ways).entries()) {
    t.match(await client.request(`${id}.ask`, {}), { ok: true, payload: index + 1 }, id)
    t.ok(hello.features.methods.includes(`${id}.ask`), 'a client hears of it when it connects')
  }
})

t.test('what fails to load is said with its reason, and costs nobody else anything', { timeout: 60_000 }, async t => {
  const folders = Object.fromEntries(Object.entries(failures).map(([id, [files]]) => [id, files]))
  const { url, http, gateway } = await gatewayWith(t, { ...folders, esm: ways.esm! })
  const { plugins, diagnostics } = await listed(url)
  for (const [id, [, reason]] of Object.entries(failures)) {
    const row = plugins.find((plugin: Frame) => plugin.id === id)
    t.match(row, { state: 'error', enabled: false, error: reason }, id)
    t.ok(diagnostics.some((one: Frame) => one.pluginId === id && one.level === 'error' && reason.test(one.message)))
  }
  t.match(plugins.find((plugin: Frame) => plugin.id === 'esm'), { state: 'enabled' })
  const { client } = await admitted(url)
  t.match(await client.request('esm.ask', {}), { ok: true, payload: 1 })
  t.match(await client.request('hooks.ask', {}), { ok: false, error: { message: 'unknown method: hooks.ask' } })
  t.equal((await fetch(`${http}/health`)).status, 200)
  t.match((await gateway.rooms.tools.registry()).find('read'), { origin: undefined })
  const reader = (await admitted(url, { scopes: ['operator.read'] })).client
  const seen = (await reader.request('plugins.list', {})).payload
  t.notMatch(JSON.stringify(seen), /no luck|testdir|\/index/, 'what stands in files here is the business of administrators')
  t.match(seen, { mutationAllowed: false })
})

t.test('what is never done with its registration is given up, and said', async t => {
  const { url } = await gatewayWith(t, {
    hangs: registering('await new Promise(() => {})'), 'hangs-at-import': { 'index.mjs': 'await new Promise(() => {}); export default () => {}' }
  }, 1000)
  const { plugins } = await listed(url)
  for (const id of ['hangs', 'hangs-at-import']) {
    t.match(plugins.find((plugin: Frame) => plugin.id === id), { state: 'error', enabled: false, error: /it was not done within 1000 ms/ })
  }
})

t.test('an answer while plugins are still loading says so, and core methods do not wait', async t => {
  const { promise, resolve } = Promise.withResolvers<void>()
  Object.assign(globalThis, { untilToldToGoOn: promise })
  const slow = registering(`await globalThis.untilToldToGoOn; ${method('slow', '1')}; api.registerHttpRoute({ path: 'x', handle: () => 'here' })`)
  const directory = pluginDirectory(t)
  const { url, http } = await startGateway(t, { config: { plugins: { load: { paths: [writePlugin(directory, 'slow', slow)] } } } })
  const { client } = await admitted(url)
  t.match(await client.request('health', {}), { ok: true })
  t.match(await client.request('slow.ask', {}), { ok: false, error: { code: 'UNAVAILABLE', retryable: true, details: { code: 'PLUGINS_LOADING' } } })
  const early = await fetch(`${http}/plugins/slow/x`)
  t.equal(early.status, 503)
  t.equal(early.headers.get('retry-after'), '1')
  resolve()
  await client.event('plugins.changed')
  t.match(await client.request('slow.ask', {}), { ok: true, payload: 1 })
  t.equal((await fetch(`${http}/plugins/slow/x`)).status, 401)
})

t.test('a gateway stops while a plugin hangs', async t => {
  const directory = pluginDirectory(t)
  const files = registering('await new Promise(() => {})')
  const { gateway } = await startGateway(t, { config: { plugins: { load: { paths: [writePlugin(directory, 'hangs', files)], timeoutMs: 60_000 } } } })
  await gateway.stop()
  t.pass('it is over')
})

t.test('the api is closed once the registration is done, and its parts cannot be changed', async t => {
  const body = `
    setTimeout(() => { try { api.registerTool({ name: 'late', parameters: {}, execute () {} }) } catch (error) { api.logger.warn('late: ' + error.message) } }, 20)
    for (const change of [() => { api.id = 'x' }, () => { api.pluginConfig.a = 1 }, () => { api.logger.info = null }]) {
      try { change(); api.logger.warn('changed') } catch (error) { api.logger.warn(error.name) }
    }`
  const { url, log, gateway } = await gatewayWith(t, { closed: registering(body) })
  await listed(url)
  await eventually(() => log.some(line => line.includes('late: registerTool was called after the registration was done')))
  t.notOk(log.some(line => line.includes('changed')))
  t.equal((await gateway.rooms.tools.registry()).find('late'), undefined)
})

t.test('names that somebody has already are left out, with a remark', async t => {
  const tool = (name: string) => `api.registerTool({ name: '${name}', parameters: {}, execute: () => api.id })`
  const route = (path: string) => `api.registerHttpRoute({ path: '${path}', auth: 'plugin', handle: () => api.id })`
  const { url, http } = await gatewayWith(t, {
    first: registering(`${tool('shared')}; ${tool('exec')}; ${route('/shared/x')}; ${method('first', '1')}`),
    second: registering(`await new Promise(go => setTimeout(go, 50)); ${tool('shared')}; ${route('/shared/x')}; ${method('first', '2')}`)
  })
  const { plugins, diagnostics } = await listed(url)
  t.same(plugins.map(({ state }: Frame) => state), ['enabled', 'enabled'])
  const said = diagnostics.map(({ pluginId, message }: Frame) => `${pluginId}: ${message}`)
  t.same(said.sort(), [
    'first: the tool exec is left out: there is one of that name',
    'second: the method first.ask is left out: the plugin first has it',
    'second: the route /shared/x is left out: the plugin first has /shared/x',
    'second: the tool shared is left out: there is one of that name'
  ])
  t.equal(await (await fetch(`${http}/shared/x`)).text(), 'first')
})

t.test('nothing is loaded from a workspace by itself', async t => {
  const directory = pluginDirectory(t)
  const workspace = join(directory, 'workspace')
  writePlugin(workspace, 'planted', ways.plain!)
  writePlugin(join(workspace, '.openclaw', 'extensions'), 'hidden', ways.plain!)
  const config = (load: object) => ({ config: { agents: { defaults: { workspace } }, plugins: { load } } })
  const without = await startGateway(t, config({ paths: [] }))
  t.same((await listed(without.url)).plugins, [])
  const named = await startGateway(t, config({ paths: [join(workspace, 'planted')] }))
  const { plugins, diagnostics } = await listed(named.url)
  t.match(plugins, [{ id: 'planted', state: 'disabled' }], 'and one that is named waits for a word')
  t.match(diagnostics, [{ level: 'info', message: /it lies in a workspace, where agents may write/ }])
})
