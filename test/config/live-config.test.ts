import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { setConfigValue } from '../../src/config/edit.ts'
import { createLiveConfig, type ConfigEdit } from '../../src/config/live-config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const named = (name: string): ConfigEdit => text => setConfigValue(text, 'agents.entries.one.name', name)

async function open (t: { testdir (): string, teardown (fn: () => unknown): void }, text?: string, more: { [name: string]: string } = {}) {
  const stateDir = ownDirectory(t)
  const env = { HOME: stateDir, OPENCLAW_STATE_DIR: stateDir, ...more }
  const paths = resolvePaths({ env })
  if (text !== undefined) writeFileSync(paths.configPath, text, { mode: 0o600 })
  const live = createLiveConfig({ loaded: await loadConfig({ paths, env }), paths, env })
  return { live, file: paths.configPath, stateDir, written: () => readFileSync(paths.configPath, 'utf8') }
}

t.test('what is written takes effect at once, in a new object', async t => {
  const { live, written } = await open(t, '{ gateway: { mode: "local" }, /* mine */ odd: 1 }')
  const before = live.current()
  await live.change(named('One'))
  const after = live.current()
  t.not(after, before)
  t.equal(after.config.agents.entries['one']?.name, 'One')
  t.same(after.config.gateway, before.config.gateway, 'and nothing else is')
  t.equal(after.hash === before.hash, false)
  t.match(written(), /\/\* mine \*\/ odd: 1/)
})

t.test('somebody who writes at the same moment loses nothing', async t => {
  const { live, file, written } = await open(t, '{ gateway: { mode: "local" } }')
  let interrupted = 0
  await live.change((text, loaded) => {
    if (interrupted++ === 0) writeFileSync(file, '{ gateway: { mode: "local" }, session: { scope: "global" }, store: { durability: "process" } }')
    return named('One')(text, loaded)
  })
  t.equal(interrupted, 2)
  t.match(written(), /session: \{ scope: "global" \}/)
  t.match(written(), /name: "One"/)
  t.equal(live.current().config.session.scope, 'global', 'and what they wrote counts too')
  t.equal(live.current().config.store.durability, 'full', 'where it needs no restart')
  t.same(live.pending(), ['store.durability'])
})

t.test('a change that would be invalid leaves file and gateway as they are', async t => {
  const { live, written } = await open(t, '{ gateway: { mode: "local" } }')
  const before = live.current()
  await t.rejects(live.change(text => setConfigValue(text, 'agents.entries.one.skipBootstrap', 'maybe')), { code: 'CONFIG_INVALID', message: /agents\.entries\.one\.skipBootstrap/ })
  await t.rejects(live.change(text => setConfigValue(text, 'gateway.mode.deep', 1)), { code: 'CONFIG_INVALID', message: /is not an object/ })
  t.equal(live.current(), before)
  t.equal(written(), '{ gateway: { mode: "local" } }')
  await live.change(named('Later'))
  t.match(written(), /Later/, 'and does not stand in the way of the next one')
})

t.test('the first change of an unconfigured gateway makes a private file that it can start with', async t => {
  const { live, file, written } = await open(t)
  await live.change(named('One'))
  t.match(written(), /mode: "local"/)
  t.equal(statSync(file).mode & 0o777, 0o600)
})

for (const [how, lose] of [['gone', rmSync], ['empty', (file: string) => writeFileSync(file, '\n')]] as const) {
  t.test(`a file that is ${how} does not ask for the defaults, neither by a reload nor by a change`, async t => {
    const { live, file } = await open(t, '{ gateway: { mode: "local", auth: { token: "kept" } } }')
    lose(file)
    await t.rejects(live.reload(), { code: 'CONFIG_INVALID', message: new RegExp(`is ${how}; the gateway goes on with what it has. Put the file back`) })
    await t.rejects(live.reload({ freshSecrets: true }), { code: 'CONFIG_INVALID' })
    await t.rejects(live.change(named('One')), { code: 'CONFIG_INVALID' })
    t.equal(live.current().config.gateway.auth.token, 'kept')
    writeFileSync(file, '{ gateway: { mode: "local", auth: { token: "back" } } }')
    t.equal((await live.reload()).config.gateway.auth.token, 'back')
  })
}

t.test('a configuration that may not be written is not', async t => {
  const { live, written } = await open(t, '{ gateway: { mode: "local" } }', { OPENCLAW_CONFIG_READONLY: '1' })
  await t.rejects(live.change(named('One')), { code: 'CONFIG_READ_ONLY' })
  t.equal(written(), '{ gateway: { mode: "local" } }')
})

t.test('agents of an included file can be added to, and the included file stays as it is', async t => {
  const { live, stateDir, written } = await open(t)
  writeFileSync(join(stateDir, 'agents.json5'), '{ entries: { shared: { name: "Shared" } } }')
  writeFileSync(join(stateDir, 'openclaw.json'), '{ gateway: { mode: "local" }, agents: { $include: "./agents.json5" } }')
  await live.change(named('One'))
  t.same(Object.keys(live.current().config.agents.entries).sort(), ['one', 'shared'])
  t.match(written(), /\$include: "\.\/agents\.json5"/)
  t.equal(readFileSync(join(stateDir, 'agents.json5'), 'utf8'), '{ entries: { shared: { name: "Shared" } } }')
})
