/** What a start costs where no channel is configured, and when some are. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { eventually } from '../process/daemon.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
  equal (found: unknown, wanted: unknown): void
}

const recorder = new URL('../fixtures/loaded-modules.ts', import.meta.url).href

async function loadedBy (test: Test, channels: object, until: (loaded: readonly string[]) => boolean): Promise<string[]> {
  const home = await makeHome(test, { gateway: { mode: 'local', auth: { mode: 'none' } }, channels })
  const list = join(home.stateDir, 'loaded-modules.txt')
  const daemon = await startDaemon(test, { ...home, env: { ...home.env, NODE_OPTIONS: `--import ${recorder}`, LOADED_MODULES: list } })
  const read = async (): Promise<string[]> => readFileSync(list, 'utf8').split('\n').flatMap(url => /src\/channels\/.*\.ts$/.exec(url)?.[0] ?? [])
  await fetch(`http://127.0.0.1:${home.port}/health`)
  test.equal((await fetch(`http://127.0.0.1:${home.port}/webhooks/telegram/default`, { method: 'POST' })).status, Object.keys(channels).length === 0 ? 404 : 503)
  const loaded = await eventually(read, until)
  test.equal(await daemon.stop(), 0)
  return loaded
}

t.test('a gateway without channels loads nothing for them, and one with channels only those that it has', async t => {
  // Whether any are configured, and how the clients of the gateway are shown among them.
  const few = ['src/channels/entries.ts', 'src/channels/webchat-row.ts']
  t.same((await loadedBy(t, {}, () => true)).filter(file => !few.includes(file)), [])
  const loaded = await loadedBy(t, { telegram: { enabled: false } }, files => files.some(file => file.includes('telegram')))
  t.ok(loaded.includes('src/channels/builtin/telegram/telegram.ts'))
  t.same(loaded.filter(file => /builtin\/(?!index|telegram)/.test(file)), [])
})
