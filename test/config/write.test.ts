import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync, lstatSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { hashConfigText } from '../../src/config/load.ts'
import { writeConfigFile } from '../../src/config/write.ts'
import { isGatewayError } from '../../src/protocol/errors.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const refusal = async (work: Promise<unknown>): Promise<string | undefined> => {
  try {
    await work
    return undefined
  } catch (error) {
    return isGatewayError(error) ? error.code : String(error)
  }
}
const big = (mark: string): string => `{ "gateway": { "mode": "local" }, "mark": "${mark}", "list": [${Array.from({ length: 300 }, (_, i) => i).join(',')}] }\n`

t.test('a write makes the directory and the file ours alone, whatever the umask', async t => {
  const old = process.umask(0)
  try {
    const path = join(ownDirectory(t), 'new', 'openclaw.json')
    const written = await writeConfigFile(path, '{}\n')
    t.same(written, { path, hash: hashConfigText('{}\n'), changed: true })
    await writeConfigFile(path, '{ "a": 1 }\n')
    t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
    for (const name of readdirSync(join(path, '..'))) t.equal(statSync(join(path, '..', name)).mode & 0o777, 0o600, name)
  } finally {
    process.umask(old)
  }
})

t.test('five older versions are kept, the newest without a number', async t => {
  const dir = ownDirectory(t)
  const path = join(dir, 'openclaw.json')
  for (let version = 1; version <= 8; version++) await writeConfigFile(path, big(`v${version}`))
  const version = (name: string): string | undefined => /v\d/.exec(readFileSync(join(dir, name), 'utf8'))?.[0]
  t.equal(version('openclaw.json'), 'v8')
  t.same(['.bak', '.bak.1', '.bak.2', '.bak.3', '.bak.4'].map(suffix => version(`openclaw.json${suffix}`)), ['v7', 'v6', 'v5', 'v4', 'v3'])
  t.equal(readdirSync(dir).length, 6, 'nothing else is left behind')
})

t.test('the same text again writes nothing', async t => {
  const path = join(ownDirectory(t), 'openclaw.json')
  await writeConfigFile(path, '{}')
  t.match(await writeConfigFile(path, '{}'), { changed: false })
  t.notOk(existsSync(`${path}.bak`))
})

t.test('somebody else\'s change is not overwritten', async t => {
  const path = join(ownDirectory(t), 'openclaw.json')
  t.equal(await refusal(writeConfigFile(path, '{}', { previousHash: hashConfigText('{}') })), 'CONFIG_CHANGED', 'there is no file yet')
  await writeConfigFile(path, '{ "a": 1 }', { previousHash: null })
  t.equal(await refusal(writeConfigFile(path, '{ "a": 2 }', { previousHash: null })), 'CONFIG_CHANGED')
  t.equal(await refusal(writeConfigFile(path, '{ "a": 2 }', { previousHash: hashConfigText('{}') })), 'CONFIG_CHANGED')
  t.equal(readFileSync(path, 'utf8'), '{ "a": 1 }')
  await writeConfigFile(path, '{ "a": 2 }', { previousHash: hashConfigText('{ "a": 1 }') })
  t.equal(readFileSync(path, 'utf8'), '{ "a": 2 }')
})

t.test('a text that is not JSON5 is not written', async t => {
  const path = join(ownDirectory(t, { 'openclaw.json': '{}' }), 'openclaw.json')
  await t.rejects(writeConfigFile(path, '{ broken'), /not valid JSON5/)
  t.equal(readFileSync(path, 'utf8'), '{}')
})

t.test('a write that would remove most of the file, or gateway.mode, needs the word of its caller and is kept aside', async t => {
  const dir = ownDirectory(t)
  const path = join(dir, 'openclaw.json')
  await writeConfigFile(path, big('x'))
  const small = '{ "gateway": { "mode": "local" } }'
  t.equal(await refusal(writeConfigFile(path, small, { now: () => 1700000000000 })), 'CONFIG_WRITE_REJECTED')
  t.equal(readFileSync(path, 'utf8'), big('x'))
  t.equal(readFileSync(`${path}.rejected.1700000000000`, 'utf8'), small)
  t.equal(statSync(`${path}.rejected.1700000000000`).mode & 0o777, 0o600)
  t.equal(await refusal(writeConfigFile(path, `${small}${' '.repeat(5000)}`, {})), 'CONFIG_WRITE_REJECTED', 'white space is no content')
  t.equal(await refusal(writeConfigFile(path, big('x').replace('"mode": "local"', ''))), 'CONFIG_WRITE_REJECTED')
  for (let round = 0; round < 9; round++) await refusal(writeConfigFile(path, small, { now: () => 1800000000000 + round }))
  t.equal(readdirSync(dir).filter(name => name.includes('.rejected.')).length, 5)
  t.match(await writeConfigFile(path, small, { allowDestructive: true }), { changed: true })
})

t.test('a small file may shrink', async t => {
  const path = join(ownDirectory(t, { 'openclaw.json': '{ "a": 1, "b": 2, "c": 3 }' }), 'openclaw.json')
  t.match(await writeConfigFile(path, '{}'), { changed: true })
})

t.test('OPENCLAW_CONFIG_READONLY=1 refuses every write', async t => {
  const path = join(ownDirectory(t), 'openclaw.json')
  t.equal(await refusal(writeConfigFile(path, '{}', { env: { OPENCLAW_CONFIG_READONLY: '1' } })), 'CONFIG_READ_ONLY')
  t.notOk(existsSync(path))
})

t.test('a link stays a link and its target is written', async t => {
  const dir = ownDirectory(t, { dotfiles: { 'real.json': '{}' }, state: {} })
  const path = join(dir, 'state', 'openclaw.json')
  symlinkSync(join(dir, 'dotfiles', 'real.json'), path)
  await writeConfigFile(path, '{ "a": 1 }')
  t.ok(lstatSync(path).isSymbolicLink())
  t.equal(readFileSync(join(dir, 'dotfiles', 'real.json'), 'utf8'), '{ "a": 1 }')
})

t.test('of many writers at once each one wins or is told, and the file is whole', async t => {
  const path = join(ownDirectory(t), 'openclaw.json')
  await writeConfigFile(path, big('start'))
  const previousHash = hashConfigText(big('start'))
  const results = await Promise.all(Array.from({ length: 12 }, (_, index) => refusal(writeConfigFile(path, big(`w${index}`), { previousHash }))))
  t.equal(results.filter(result => result === undefined).length, 1)
  t.equal(results.filter(result => result === 'CONFIG_CHANGED').length, 11)
  t.match(JSON.parse(readFileSync(path, 'utf8')), { mark: /^w\d+$/ })
  t.notOk(existsSync(`${path}.lock`))
})

t.test('a writer killed at any moment leaves the old file or the new one, and does not hinder the next', async t => {
  const path = join(ownDirectory(t), 'openclaw.json')
  const source = new URL('../../src/config/write.ts', import.meta.url).href
  const code = `
    const { writeConfigFile } = await import(${JSON.stringify(source)})
    console.log('ready')
    for (let round = 0; ; round++) await writeConfigFile(${JSON.stringify(path)}, JSON.stringify({ gateway: { mode: 'local' }, round, pad: 'x'.repeat(200000) }))`
  await writeConfigFile(path, JSON.stringify({ gateway: { mode: 'local' }, pad: 'y'.repeat(200000) }))
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    await delay(20 + round * 17)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const { pad } = JSON.parse(readFileSync(path, 'utf8')) as { pad: string }
    t.equal(pad.length, 200_000)
    t.match(await writeConfigFile(path, JSON.stringify({ gateway: { mode: 'local' }, after: round, pad: 'y'.repeat(200000) })), { changed: true })
  }
  const left = readdirSync(join(path, '..')).filter(name => /^openclaw\.json\.\d+\.[0-9a-f-]+\.tmp$/.test(name))
  t.same(left, [], 'half-written files are cleared away')
})

t.test('the lock of a living writer is respected, that of a dead one is not', async t => {
  const dir = ownDirectory(t, { 'openclaw.json': '{}' })
  const path = join(dir, 'openclaw.json')
  const dead = spawn(process.execPath, ['-e', ''])
  await once(dead, 'exit')
  writeFileSync(`${path}.lock`, String(dead.pid))
  t.match(await writeConfigFile(path, '{ "a": 1 }'), { changed: true })
  writeFileSync(`${path}.lock`, String(process.pid))
  t.equal(await refusal(writeConfigFile(path, '{ "a": 2 }', { lockTimeoutMs: 200 })), 'CONFIG_BUSY')
  t.equal(readFileSync(path, 'utf8'), '{ "a": 1 }')
})

const prlimit = ['/usr/bin/prlimit', '/bin/prlimit'].find(existsSync)
const everyByte = process.env.OPENCLAW_TEST_LONG === '1'

t.test('a write that breaks off at any byte leaves the file as it was', { skip: prlimit ? false : 'needs prlimit', timeout: 400_000 }, async t => {
  const path = join(ownDirectory(t), 'openclaw.json')
  const source = new URL('../../src/config/write.ts', import.meta.url).href
  const before = '{ "gateway": { "mode": "local" }, "before": true }'
  const after = JSON.stringify({ gateway: { mode: 'local' }, pad: 'x'.repeat(everyByte ? 150 : 400) })
  writeFileSync(path, before, { mode: 0o600 })
  const code = `const { writeConfigFile } = await import(${JSON.stringify(source)}); await writeConfigFile(${JSON.stringify(path)}, ${JSON.stringify(after)})`
  // The kernel writes up to the limit and fails with the first byte beyond it.
  const write = async (bytes: number): Promise<void> => {
    const child = spawn(prlimit!, [`--fsize=${bytes}`, process.execPath, '--input-type=module', '-e', code], { stdio: 'ignore' })
    await once(child, 'exit')
  }
  const step = everyByte ? 1 : 110
  for (let bytes = 0; bytes < after.length; bytes += step) {
    await write(bytes)
    t.equal(readFileSync(path, 'utf8'), before, `at byte ${bytes}`)
  }
  await write(after.length * 2)
  t.equal(readFileSync(path, 'utf8'), after, 'with room for all of it the new one is there')
  t.same(readdirSync(join(path, '..')).filter(name => name.endsWith('.tmp') || name.endsWith('.lock')), [], 'and nothing half is left')
})
