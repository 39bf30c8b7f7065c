/** The copy of the configuration that a gateway has run with. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { keepLastGood } from '../../src/config/backup-files.ts'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { eventually } from '../fixtures/eventually.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { startGateway } from '../helper.ts'

t.test('what is partly disabled, shows placeholders or may not be written is not kept', async t => {
  const directory = ownDirectory(t)
  const env = { HOME: directory, OPENCLAW_STATE_DIR: directory }
  const paths = resolvePaths({ env })
  const copy = `${paths.configPath}.last-good`
  const keep = async (text: string, more: object = {}): Promise<boolean> => {
    writeFileSync(paths.configPath, text, { mode: 0o600 })
    return await keepLastGood(await loadConfig({ paths, env }), { ...env, ...more })
  }
  const good = '{ gateway: { mode: "local" } } // mine\n'
  t.notOk(await keep(good, { OPENCLAW_CONFIG_READONLY: '1' }))
  t.notOk(existsSync(copy))
  t.ok(await keep(good))
  t.equal(statSync(copy).mode & 0o777, 0o600)
  for (const bad of ['', '{ gateway: ', '{ gateway: { mode: "local", auth: { token: "__OPENCLAW_REDACTED__" } } }', '{ gateway: { port: "nowhere" } }']) {
    t.notOk(await keep(bad), bad)
    t.equal(readFileSync(copy, 'utf8'), good)
  }
})

t.test('a gateway keeps what it started with, and what it took over since, once nothing of it waits for a restart', async t => {
  const { gateway, stateDir } = await startGateway(t)
  const file = join(stateDir, 'openclaw.json')
  const copied = async (): Promise<string | undefined> => existsSync(`${file}.last-good`) ? readFileSync(`${file}.last-good`, 'utf8') : undefined
  await eventually(copied, text => text === readFileSync(file, 'utf8'))
  const change = async (edit: (text: string) => string): Promise<unknown> => await gateway.rooms.changeConfig(edit)
  await change(text => text.replace('{', '{ "ui": { "seamColor": "#336699" },'))
  const taken = readFileSync(file, 'utf8')
  t.match(taken, /336699/)
  await eventually(copied, text => text === taken)
})
