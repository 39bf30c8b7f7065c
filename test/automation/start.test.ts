/** What a start costs where there is no job. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeHome, runProcess, startDaemon } from '../fixtures/daemon.ts'

const recorder = new URL('../fixtures/loaded-modules.ts', import.meta.url).href

t.test('a gateway without jobs loads nothing for them, also when pages ask for the list', async t => {
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { mode: 'none' } } })
  const list = join(home.stateDir, 'loaded-modules.txt')
  const daemon = await startDaemon(t, { ...home, env: { ...home.env, NODE_OPTIONS: `--import ${recorder}`, LOADED_MODULES: list } })
  for (const method of ['cron.list', 'cron.status', 'cron.runs', 'last-heartbeat']) {
    const { code } = await runProcess(['gateway', 'call', method, '--json'], home.env)
    t.equal(code, 0, method)
  }
  t.equal(await daemon.stop(), 0)
  const loaded = readFileSync(list, 'utf8').split('\n')
  t.same(loaded.flatMap(url => /src\/automation\/.*\.ts$/.exec(url)?.[0] ?? []), ['src/automation/heartbeat/settings.ts'])
  t.notOk(loaded.some(url => url.includes('/croner/')))
})
