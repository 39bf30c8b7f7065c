/** What a start costs where there is no plugin, and when one is loaded. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { admitted } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from './plugin-folder.ts'

const recorder = new URL('../fixtures/loaded-modules.ts', import.meta.url).href

t.test('a gateway without plugins loads nothing for them, and one with plugins only when it is ready', async t => {
  const loadedBy = async (plugins: object): Promise<string[]> => {
    const home = await makeHome(t, { gateway: { mode: 'local', auth: { mode: 'none' } }, plugins })
    const list = join(home.stateDir, 'loaded-modules.txt')
    const daemon = await startDaemon(t, { ...home, env: { ...home.env, NODE_OPTIONS: `--import ${recorder}`, LOADED_MODULES: list } })
    await fetch(`http://127.0.0.1:${home.port}/health`)
    const client = (await admitted(`ws://127.0.0.1:${home.port}`, { auth: false })).client
    t.match(await client.request('plugins.list', {}), { ok: true })
    t.equal(await daemon.stop(), 0)
    return readFileSync(list, 'utf8').split('\n').flatMap(url => /src\/(?:plugins|routes)\/.*plugins.*\.ts$|src\/plugins\/.*\.ts$/.exec(url)?.[0] ?? [])
  }
  t.same(await loadedBy({}), ['src/plugins/plugins.ts'])
  const path = writePlugin(pluginDirectory(t), 'lamp', registering(''))
  t.ok((await loadedBy({ load: { paths: [path] } })).includes('src/plugins/host.ts'), 'the list is a list')
})
