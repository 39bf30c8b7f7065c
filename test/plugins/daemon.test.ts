/** Plugins in the process that a gateway really is. */
import t from 'tap'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, type Frame } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from './plugin-folder.ts'

const careless: { readonly [id: string]: string } = {
  timer: 'setInterval(() => { throw new Error("every time") }, 100)',
  emitter: 'const { EventEmitter } = await import("node:events"); setTimeout(() => new EventEmitter().emit("error", new Error("unheard")), 200)',
  socket: 'const { connect } = await import("node:net"); setTimeout(() => connect(1, "127.0.0.1"), 200)',
  promise: 'setTimeout(() => { Promise.reject(new Error("nobody looks")) }, 200)',
  floating: 'Promise.reject(new Error("at once")); await new Promise(go => setTimeout(go, 50))',
  late: 'api.registerGatewayMethod("late.work", { scope: "operator.read", handle () { setTimeout(() => { throw new Error("after the answer") }, 50); return 1 } })'
}

t.test('what a plugin leaves uncaught costs the plugin, and neither the gateway nor its neighbours', { timeout: 60_000 }, async t => {
  const directory = pluginDirectory(t)
  const paths = Object.entries(careless).map(([id, body]) => writePlugin(directory, id, registering(body)))
  const good = writePlugin(directory, 'good', registering('api.registerGatewayMethod("good.work", { scope: "operator.read", handle: () => 1 })'))
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { mode: 'none' } }, plugins: { load: { paths: [...paths, good] } } })
  const daemon = await startDaemon(t, home)
  const { client } = await admitted(`ws://127.0.0.1:${home.port}`, { auth: false })
  const states = async (): Promise<{ [id: string]: Frame }> =>
    Object.fromEntries((await client.request('plugins.list', {})).payload.plugins.map((plugin: Frame) => [plugin.id, plugin]))
  await states()
  t.match(await client.request('late.work', {}), { ok: true, payload: 1 })
  await eventually(async () => Object.entries(await states()).every(([id, { state }]) => (id === 'good') === (state === 'enabled')), Boolean, 10_000)
  t.match(await states(), {
    timer: { error: 'it left an error uncaught: Error: every time' },
    emitter: { error: /unheard/ },
    socket: { error: /ECONNREFUSED/ },
    promise: { error: /nobody looks/ },
    floating: { error: /at once/ },
    late: { error: /after the answer/ }
  })
  t.match(await client.request('good.work', {}), { ok: true, payload: 1 })
  t.match(await client.request('late.work', {}), { ok: false, error: { message: 'unknown method: late.work' } })
  t.equal((await fetch(`http://127.0.0.1:${home.port}/health`)).status, 200)
  t.equal(daemon.process.exitCode, null)
  t.equal(await daemon.stop(), 0)
})

t.test('a gateway ends when it is told to, whatever plugins are waiting for', async t => {
  const hangs = writePlugin(pluginDirectory(t), 'hangs', registering('await new Promise(() => {})'))
  const holds = writePlugin(pluginDirectory(t), 'holds', registering('setInterval(() => {}, 1000); api.registerGatewayMethod("holds.work", { scope: "operator.read", handle: () => 1 })'))
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { mode: 'none' } }, plugins: { load: { paths: [hangs, holds], timeoutMs: 600_000 } } })
  const daemon = await startDaemon(t, home)
  const { client } = await admitted(`ws://127.0.0.1:${home.port}`, { auth: false })
  await eventually(async () => (await client.request('holds.work', {})).ok)
  t.equal(await daemon.stop(), 0)
})
