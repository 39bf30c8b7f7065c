/* eslint no-template-curly-in-string: off -- these are the variables of a configuration */
import { linkSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { formatIssues } from '../../src/config/load.ts'
import { load, put, type Files } from './helper.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const loadFiles = async (dir: string, files: Files, env: { [name: string]: string } = {}) => {
  put(dir, files)
  return await load(dir, env)
}

t.test('an included file takes the place of an object, and keys beside it win', async t => {
  const dir = ownDirectory(t)
  const loaded = await loadFiles(dir, {
    'openclaw.json': '{ gateway: { $include: "./parts/gateway.json5", port: 2, auth: { token: "mine" } }, $schema: "x" }',
    'parts/gateway.json5': '{ mode: "local", port: 1, auth: { mode: "token", token: "theirs" } }'
  })
  t.same(loaded.issues, [])
  t.match(loaded.config.gateway, { mode: 'local', port: 2, auth: { mode: 'token', token: 'mine' } })
  t.same(loaded.includedPaths, [realpathSync(join(dir, 'parts/gateway.json5'))])
  t.notOk(JSON.stringify(loaded.source).includes('$include'))
})

t.test('several files merge from left to right: objects deep, lists one after the other, the last scalar wins', async t => {
  const loaded = await loadFiles(ownDirectory(t), {
    'openclaw.json': '{ $include: ["a.json", "b.json"], bindings: [{ agentId: "three" }] }',
    'a.json': '{ bindings: [{ agentId: "one" }], logging: { level: "warn", file: "/a" } }',
    'b.json': '{ bindings: [{ agentId: "two" }], logging: { level: "debug" } }'
  })
  t.same(loaded.issues, [])
  t.same(loaded.config.bindings.map(binding => binding.agentId), ['one', 'two', 'three'])
  t.match(loaded.config.logging, { level: 'debug', file: '/a' })
})

t.test('included files include others, relative to themselves, to a depth of ten and no further', async t => {
  const chain = (length: number): Files => Object.fromEntries(Array.from({ length }, (_, index) =>
    [`${'d/'.repeat(index)}f${index}.json`, index === length - 1 ? '{ level: "trace" }' : `{ $include: "d/f${index + 1}.json" }`]))
  const ten = await loadFiles(ownDirectory(t), { 'openclaw.json': '{ logging: { $include: "f0.json" } }', ...chain(10) })
  t.same(ten.issues, [])
  t.equal(ten.config.logging.level, 'trace')
  const eleven = await loadFiles(ownDirectory(t), { 'openclaw.json': '{ logging: { $include: "f0.json" } }', ...chain(11) })
  t.match(eleven.issues, [{ critical: true, message: /nested deeper than 10/ }])
})

t.test('a mistake in an included file is named with the line of that file', async t => {
  const loaded = await loadFiles(ownDirectory(t), {
    'openclaw.json': '{\n gateway: { $include: "parts/g.json5" },\n channels: { $include: ["c1.json", "c2.json"] } }',
    'parts/g.json5': '{\n  // port\n  port: "abc", auth: { $include: "./auth.json" }\n}',
    'parts/auth.json': '{\n\n\n"mode": "x" }',
    'c1.json': '{ a: { dmPolicy: "open" } }',
    'c2.json': '{\n a: { historyLimit: -1 } }'
  })
  t.same(formatIssues(loaded).map(line => line.split(' — ').slice(0, 2).join(' ').split(':').slice(0, 2).join(':')), [
    'parts/g.json5:3 gateway.port', 'parts/auth.json:4 gateway.auth.mode', 'c2.json:2 channels.a.historyLimit'
  ])
})

t.test('the file and the place to change a value are known, also under an old name', async t => {
  const dir = ownDirectory(t)
  const loaded = await loadFiles(dir, {
    'openclaw.json': '{ gateway: { $include: "g.json", bind: "lan" }, heartbeat: { every: "1h" } }', 'g.json': '{ auth: { $include: "a.json" } }', 'a.json': '{ mode: "token" }'
  })
  const at = (...steps: string[]) => {
    const origin = loaded.originOf(steps)
    return [origin.file.slice(origin.file.lastIndexOf('/') + 1), ...origin.steps]
  }
  t.same(at('gateway', 'auth', 'mode'), ['a.json', 'mode'])
  t.same(at('gateway', 'auth', 'token'), ['a.json', 'token'], 'what is new goes where its neighbours are')
  t.same(at('gateway', 'bind'), ['openclaw.json', 'gateway', 'bind'])
  t.same(at('agents', 'defaults', 'heartbeat', 'every'), ['openclaw.json', 'heartbeat', 'every'])
  t.same((await load(ownDirectory(t))).originOf(['a']).steps, ['a'])
})

t.test('an item of a merged list is named by its place in the merged list and its line in its file', async t => {
  const loaded = await loadFiles(ownDirectory(t), {
    'openclaw.json': '{ gateway: { controlUi: { $include: ["a.json", "b.json"] } } }',
    'a.json': '{ allowedOrigins: ["https://a.example"] }',
    'b.json': '{ allowedOrigins: [\n"nonsense"\n] }'
  })
  t.match(loaded.issues, [{ path: 'gateway.controlUi.allowedOrigins[1]', line: 2, file: /b\.json$/ }])
})

t.test('nothing outside the directory of the configuration is read, whichever way it is named (CVE-2026-32061)', async t => {
  const base = ownDirectory(t, { 'secret.json': '{ "level": "trace" }', elsewhere: { 'x.json': '{ "level": "trace" }' } })
  const dir = join(base, 'conf')
  mkdirSync(dir)
  symlinkSync(join(base, 'secret.json'), join(dir, 'link.json'))
  symlinkSync(join(base, 'elsewhere'), join(dir, 'linked'))
  const names = ['../secret.json', join(base, 'secret.json'), './link.json', './linked/x.json', 'a/../../secret.json', '/etc/hostname']
  for (const name of names) {
    const loaded = await loadFiles(dir, { 'openclaw.json': JSON.stringify({ logging: { $include: name } }) })
    t.match(loaded.issues, [{ critical: true, path: 'logging.$include', line: 1, message: /is outside the directory/ }], name)
    t.equal(loaded.config.logging.level, 'info')
  }
})

t.test('OPENCLAW_INCLUDE_ROOTS opens further directories, and only those', async t => {
  const base = ownDirectory(t, { shared: { 'x.json': '{ "level": "trace" }' }, sharedOther: { 'x.json': '{}' }, conf: {} })
  const dir = join(base, 'conf')
  const env = { OPENCLAW_INCLUDE_ROOTS: ` /nonexistent:${join(base, 'shared')} ` }
  const open = await loadFiles(dir, { 'openclaw.json': '{ logging: { $include: "../shared/x.json" } }' }, env)
  t.equal(open.config.logging.level, 'trace')
  const beside = await loadFiles(dir, { 'openclaw.json': '{ logging: { $include: "../sharedOther/x.json" } }' }, env)
  t.match(beside.issues, [{ message: /is outside/ }])
})

t.test('what is not a plain file of its own is refused', async t => {
  const dir = ownDirectory(t, { folder: {}, 'real.json': '{}' })
  linkSync(join(dir, 'real.json'), join(dir, 'hard.json'))
  execFileSync('mkfifo', [join(dir, 'pipe')])
  const cases = {
    'hard.json': /several hard links/,
    folder: /not a regular file|EISDIR/,
    pipe: /not a regular file/,
    'missing.json': /does not exist/,
    'nul\0.json': /NUL/,
    '': /no file name/,
    [`${'x'.repeat(4096)}.json`]: /longer than/
  }
  for (const [name, message] of Object.entries(cases)) {
    const loaded = await loadFiles(dir, { 'openclaw.json': JSON.stringify({ logging: { $include: name } }) })
    t.match(loaded.issues, [{ critical: true, message }], JSON.stringify(name.slice(0, 20)))
  }
  const number = await loadFiles(dir, { 'openclaw.json': '{ logging: { $include: [5] } }' })
  t.match(number.issues, [{ critical: true, message: /no file name/ }])
})

t.test('a file above 2 MiB is refused', async t => {
  const loaded = await loadFiles(ownDirectory(t), { 'openclaw.json': '{ $include: "big.json" }', 'big.json': `{ "x": "${'y'.repeat(2 * 1024 * 1024)}" }` })
  t.match(loaded.issues, [{ critical: true, message: /larger than 2097152 bytes/ }])
})

t.test('a cycle is refused and named', async t => {
  const loaded = await loadFiles(ownDirectory(t), {
    'openclaw.json': '{ logging: { $include: "a.json" } }', 'a.json': '{ $include: "b.json" }', 'b.json': '{ audit: { $include: "./a.json" } }'
  })
  t.match(loaded.issues, [{ critical: true, message: /includes itself: .*openclaw\.json -> .*a\.json -> .*b\.json -> .*a\.json/ }])
  const self = await loadFiles(ownDirectory(t), { 'openclaw.json': '{ x: { $include: "openclaw.json" } }' })
  t.match(self.issues, [{ critical: true, message: /includes itself/ }])
})

t.test('one file may be included in several places, but not without end', async t => {
  const twice = await loadFiles(ownDirectory(t), {
    'openclaw.json': '{ channels: { a: { $include: "c.json" }, b: { $include: "c.json" } } }', 'c.json': '{ dmPolicy: "open", allowFrom: ["*"] }'
  })
  t.same(twice.issues, [])
  t.equal(twice.config.channels['b']?.dmPolicy, 'open')
  t.equal(twice.includedPaths.length, 1)
  const names = (name: string): string => JSON.stringify({ $include: Array.from({ length: 8 }, () => name) })
  const wide = await loadFiles(ownDirectory(t), { 'openclaw.json': names('a.json'), 'a.json': names('b.json'), 'b.json': names('c.json'), 'c.json': '{}' })
  t.match(wide.issues, [{ critical: true, message: /more than 256 includes/ }])
})

t.test('keys beside an include need an object', async t => {
  const loaded = await loadFiles(ownDirectory(t), { 'openclaw.json': '{ bindings: { $include: "list.json" } }', 'list.json': '[{ agentId: "a" }]' })
  t.same(loaded.issues, [])
  t.same(loaded.config.bindings.map(binding => binding.agentId), ['a'])
  const wrong = await loadFiles(ownDirectory(t), { 'openclaw.json': '{ bindings: { $include: "list.json", x: 1 } }', 'list.json': '[]' })
  t.match(wrong.issues, [{ critical: true, message: /need an included object/ }])
})

t.test('a syntax error in an included file is named there', async t => {
  const loaded = await loadFiles(ownDirectory(t), { 'openclaw.json': '{ logging: { $include: "a.json" } }', 'a.json': '{\n level "x" }' })
  t.match(formatIssues(loaded), [/^a\.json:2:\d+ — not valid JSON5/])
})

t.test('names that reach a prototype are left out of included files too', async t => {
  const loaded = await loadFiles(ownDirectory(t), { 'openclaw.json': '{ $include: "a.json" }', 'a.json': '{\n"__proto__": { "polluted": 1 } }' })
  t.match(loaded.issues, [{ path: '__proto__', line: 2, file: /a\.json$/ }])
  t.equal(({} as { polluted?: number }).polluted, undefined)
})

t.test('variables are put in after including', async t => {
  const loaded = await loadFiles(ownDirectory(t), { 'openclaw.json': '{ logging: { $include: "a.json" } }', 'a.json': '{ file: "/${X}" }' }, { X: 'log' })
  t.equal(loaded.config.logging.file, '/log')
})

t.test('a configuration that is itself a link includes from where the link stands', async t => {
  const base = ownDirectory(t, { dotfiles: { 'openclaw.json': '{ logging: { $include: "./local.json" } }' }, state: { 'local.json': '{ level: "warn" }' } })
  symlinkSync(join(base, 'dotfiles/openclaw.json'), join(base, 'state/openclaw.json'))
  const loaded = await load(join(base, 'state'))
  t.same(loaded.issues, [])
  t.equal(loaded.config.logging.level, 'warn')
})
