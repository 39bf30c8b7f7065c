import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createFollower } from '../../src/config/follow.ts'
import { createLiveConfig } from '../../src/config/live-config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { eventually } from '../process/daemon.ts'

const textOf = (name: string, more = ''): string => `{ gateway: { mode: "local" }, agents: { entries: { main: { name: "${name}" } } }${more} }\n`

interface Test { testdir (): string, teardown (fn: () => unknown): void }

async function open (t: Test, prepare: (configPath: string, stateDir: string) => void) {
  const stateDir = ownDirectory(t)
  const env = { HOME: stateDir, OPENCLAW_STATE_DIR: stateDir }
  const paths = resolvePaths({ env })
  prepare(paths.configPath, stateDir)
  const live = createLiveConfig({ loaded: await loadConfig({ paths, env }), paths, env })
  const said: string[] = []
  let changes = 0
  live.onChange(() => { changes += 1 })
  const follower = createFollower({
    live,
    configPath: paths.configPath,
    debounceMs: () => 20,
    taken: () => {},
    refused: reason => { said.push(reason) },
    vanished: () => { said.push('vanished') },
    trouble: error => { said.push(`trouble: ${error.message}`) }
  })
  t.teardown(() => follower.close())
  await follower.begin()
  const name = (): string | undefined => live.current().config.agents.entries['main']?.name
  return {
    live,
    file: paths.configPath,
    stateDir,
    said,
    name,
    changes: () => changes,
    becomes: async (wanted: string) => await eventually(async () => name(), found => found === wanted)
  }
}

t.test('a file that is written, replaced or renamed over is noticed', async t => {
  const { file, becomes, said } = await open(t, path => writeFileSync(path, textOf('one')))
  writeFileSync(file, textOf('written'))
  t.equal(await becomes('written'), 'written')
  writeFileSync(`${file}.new`, textOf('renamed over'))
  renameSync(`${file}.new`, file)
  t.equal(await becomes('renamed over'), 'renamed over')
  renameSync(file, `${file}~`)
  writeFileSync(file, textOf('as editors do'))
  t.equal(await becomes('as editors do'), 'as editors do')
  t.same(said, [])
})

t.test('a file that is replaced in the very moment in which the one before was taken is noticed, again and again', async t => {
  const { file, live, becomes } = await open(t, path => writeFileSync(path, textOf('0')))
  const rounds = 25
  const replace = (name: string): void => {
    writeFileSync(`${file}.new`, textOf(name))
    renameSync(`${file}.new`, file)
  }
  live.onChange(() => {
    const taken = Number(live.current().config.agents.entries['main']?.name)
    // Now, or a little later: the watch is being turned to the file that has just been taken.
    if (taken < rounds) setTimeout(replace, taken % 8, String(taken + 1))
  })
  replace('1')
  t.equal(await becomes(String(rounds)), String(rounds))
})

t.test('what was written between the start and the watch is noticed too', async t => {
  const stateDir = ownDirectory(t)
  const env = { HOME: stateDir, OPENCLAW_STATE_DIR: stateDir }
  const paths = resolvePaths({ env })
  writeFileSync(paths.configPath, textOf('one'))
  const live = createLiveConfig({ loaded: await loadConfig({ paths, env }), paths, env })
  writeFileSync(paths.configPath, textOf('two'))
  const nothing = (): void => {}
  const follower = createFollower({ live, configPath: paths.configPath, debounceMs: () => 0, taken: nothing, refused: nothing, vanished: nothing, trouble: nothing })
  t.teardown(() => follower.close())
  await follower.begin()
  t.equal(await eventually(async () => live.current().config.agents.entries['main']?.name, name => name === 'two'), 'two')
})

t.test('a link that is turned, as Kubernetes does with a ConfigMap, is noticed, once and again', async t => {
  const { stateDir, becomes } = await open(t, (path, stateDir) => {
    for (const version of ['v1', 'v2', 'v3']) {
      mkdirSync(join(stateDir, version))
      writeFileSync(join(stateDir, version, 'openclaw.json'), textOf(version))
    }
    symlinkSync('v1', join(stateDir, '..data'))
    symlinkSync('..data/openclaw.json', path)
  })
  for (const version of ['v2', 'v3', 'v1']) {
    symlinkSync(version, join(stateDir, '..data_tmp'))
    renameSync(join(stateDir, '..data_tmp'), join(stateDir, '..data'))
    t.equal(await becomes(version), version)
  }
  writeFileSync(join(stateDir, 'v1', 'openclaw.json'), textOf('behind the link'))
  t.equal(await becomes('behind the link'), 'behind the link')
})

t.test('an included file counts like the file itself, also one that was included later', async t => {
  const { file, stateDir, becomes } = await open(t, path => writeFileSync(path, textOf('one')))
  writeFileSync(join(stateDir, 'agents.json5'), '{ entries: { main: { name: "included" } } }')
  writeFileSync(file, '{ gateway: { mode: "local" }, agents: { $include: "./agents.json5" } }')
  t.equal(await becomes('included'), 'included')
  writeFileSync(join(stateDir, 'agents.json5'), '{ entries: { main: { name: "included again" } } }')
  t.equal(await becomes('included again'), 'included again')
})

t.test('a file that goes, or is emptied, changes nothing; one that comes back is taken', async t => {
  const { file, name, becomes, said } = await open(t, path => writeFileSync(path, textOf('one')))
  rmSync(file)
  await eventually(async () => said.length, count => count === 1)
  t.same(said, ['vanished'])
  t.equal(name(), 'one')
  writeFileSync(file, textOf('back'))
  t.equal(await becomes('back'), 'back')
  writeFileSync(file, '')
  await eventually(async () => said.length, count => count === 2)
  t.same(said, ['vanished', 'vanished'])
  t.equal(name(), 'back')
  writeFileSync(file, textOf('filled'))
  t.equal(await becomes('filled'), 'filled')
})

t.test('a file that is written slowly is waited for', async t => {
  const { file, becomes, said } = await open(t, path => writeFileSync(path, textOf('one')))
  const text = textOf('slowly', `, tools: { deny: [${'"x", '.repeat(200)}] }`)
  for (let end = 0; end < text.length; end += Math.ceil(text.length / 8)) {
    writeFileSync(file, text.slice(0, end))
    await sleep(30)
  }
  writeFileSync(file, text)
  t.equal(await becomes('slowly'), 'slowly')
  t.same(said, [], 'and nobody was told of halves')
})

t.test('what is wrong is told once, and the last good one stays until there is a better one', async t => {
  const { file, name, becomes, said, live } = await open(t, path => writeFileSync(path, textOf('one')))
  writeFileSync(file, '{ gateway: { mode: "local"')
  await eventually(async () => said.length, count => count === 1)
  t.match(said[0], /not valid JSON5/)
  writeFileSync(file, '{ gateway: { mode: "local", port: "x" }, agents: { entries: { main: { name: "wrong" } } } }')
  await eventually(async () => said.length, count => count === 2)
  t.match(said[1], /gateway\.port: expected/)
  writeFileSync(file, '{ agents: {} }')
  await eventually(async () => said.length, count => count === 3)
  t.match(said[2], /gateway\.mode/, 'nor is a file taken with which the gateway could not start')
  t.equal(name(), 'one')
  await t.rejects(live.reload(), { code: 'CONFIG_INVALID' })
  writeFileSync(file, textOf('right'))
  t.equal(await becomes('right'), 'right')
})

t.test('the directory may be replaced as a whole', async t => {
  const { file, stateDir, becomes } = await open(t, path => writeFileSync(path, textOf('one')))
  renameSync(stateDir, `${stateDir}-old`)
  mkdirSync(stateDir)
  writeFileSync(file, textOf('elsewhere'))
  t.equal(await becomes('elsewhere'), 'elsewhere')
  writeFileSync(file, textOf('and on'))
  t.equal(await becomes('and on'), 'and on')
  rmSync(`${stateDir}-old`, { recursive: true })
})

t.test('a touch, a comment and a write of the gateway itself are no change', async t => {
  const { file, live, changes, becomes } = await open(t, path => writeFileSync(path, textOf('one')))
  const { setConfigValue } = await import('../../src/config/edit.ts')
  await live.change(text => setConfigValue(text, 'agents.entries.main.name', 'by itself'))
  t.equal(changes(), 1)
  await sleep(250)
  t.equal(changes(), 1, 'its own write is not taken for one of somebody else')
  writeFileSync(file, textOf('other'))
  await becomes('other')
  t.equal(changes(), 2)
  t.same(live.pending(), [])
})
