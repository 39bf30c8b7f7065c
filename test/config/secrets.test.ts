/* eslint no-template-curly-in-string: off -- these are the variables of a configuration */
import { chmodSync, chownSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { createSecretResolver, resolveSecret, type SecretContext } from '../../src/config/secrets.ts'
import { validateConfig } from '../../src/config/validate.ts'
import { eventually } from '../fixtures/eventually.ts'
import { isAlive } from '../fixtures/is-alive.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const context = (secrets: unknown, env: { [name: string]: string } = {}): SecretContext => {
  const { config, issues } = validateConfig({ secrets })
  if (issues.length > 0) throw new Error(JSON.stringify(issues))
  return { config, env }
}
const file = (dir: string, name: string, text: string, mode = 0o600): string => {
  const path = join(dir, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
const script = (dir: string, name: string, body: string): string => file(dir, name, `#!${process.execPath}\n${body}`, 0o700)
/** A provider program that answers each id with `v-<id>` and notes every call. */
const answering = `
let input = ''
process.stdin.on('data', d => { input += d }).on('end', () => {
  require('fs').appendFileSync(__filename + '.calls', input + '\\n')
  const { ids } = JSON.parse(input)
  process.stdout.write(JSON.stringify({ protocolVersion: 1, values: Object.fromEntries(ids.filter(i => i !== 'gone').map(i => [i, 'v-' + i])), errors: { gone: { code: 'NOT_FOUND', message: 'v-gone is not here' } } }))
})`

t.test('text is what it is, and nothing configured is nothing', async t => {
  const ctx = context({})
  t.same(await resolveSecret(undefined, ctx), { source: 'none' })
  t.same(await resolveSecret('hello', ctx), { value: 'hello', source: 'text' })
  t.same(await resolveSecret('', ctx), { value: '', source: 'text' }, 'a blank one is configured, and a matter for the guard')
})

t.test('a variable is read by reference and by both short forms', async t => {
  const ctx = context({}, { TOKEN: 'sesame', EMPTY: '' })
  for (const value of [{ source: 'env', provider: 'default', id: 'TOKEN' } as const, { source: 'env', id: 'TOKEN' } as const, '${TOKEN}', '$TOKEN']) {
    t.same(await resolveSecret(value, ctx), { value: 'sesame', source: 'env' })
  }
  for (const value of ['${MISSING}', '$EMPTY', { source: 'env', id: 'MISSING' } as const]) {
    const resolved = await resolveSecret(value, ctx)
    t.equal(resolved.value, undefined)
    t.match(resolved.error, /is not set/)
  }
  t.match(await resolveSecret('prefix-${MISSING}', ctx), { source: 'text', error: /not set/ })
  t.match(await resolveSecret('$lower', ctx), { value: '$lower' }, 'which is no reference')
})

t.test('an allowlist names what may be read, and an empty one denies everything', async t => {
  const env = { A: '1', B: '2' }
  const ctx = context({ providers: { default: { source: 'env', allowlist: ['A'] }, none: { source: 'env', allowlist: [] } } }, env)
  t.match(await resolveSecret({ source: 'env', id: 'A' }, ctx), { value: '1' })
  t.match(await resolveSecret({ source: 'env', id: 'B' }, ctx), { value: undefined, error: /may not read B/ })
  t.match(await resolveSecret({ source: 'env', provider: 'none', id: 'A' }, ctx), { value: undefined, error: /may not read/ })
  t.match(await resolveSecret({ source: 'env', provider: 'typo', id: 'A' }, ctx), { value: undefined, error: /not configured/ })
})

t.test('a private file gives values by JSON pointer or as a whole', async t => {
  const dir = ownDirectory(t)
  const path = file(dir, 's.json', '{"a":{"b/c":"deep"},"list":["x"],"n":5,"t~":"tilde"}')
  const single = file(dir, 'one', 'whole\n')
  const ctx = context({ providers: { default: { source: 'file', path }, one: { source: 'file', path: single, mode: 'singleValue' } } })
  const get = (id: string, provider?: string) => resolveSecret({ source: 'file', provider, id }, ctx)
  t.same(await get('/a/b~1c'), { value: 'deep', source: 'file' })
  t.match(await get('/list/0'), { value: 'x' })
  t.match(await get('/t~0'), { value: 'tilde' })
  t.match(await get('/n'), { value: undefined, error: /no text at/ })
  t.match(await get('/toString'), { value: undefined, error: /nothing at/ })
  t.match(await get('value', 'one'), { value: 'whole' })
  t.match(await get('/a', 'one'), { value: undefined, error: /one value/ })
  t.match(await get('a'), { value: undefined, error: /JSON pointer/ })
})

t.test('a file that others can reach, a link, a hard link, a pipe, a directory and a big file are refused', async t => {
  const dir = ownDirectory(t)
  const good = file(dir, 'good', '{"a":"1"}')
  symlinkSync(good, join(dir, 'link'))
  const hard = file(dir, 'hard', '{"a":"1"}')
  linkSync(hard, join(dir, 'hard2'))
  execFileSync('mkfifo', ['-m', '600', join(dir, 'pipe')])
  mkdirSync(join(dir, 'dir'))
  file(dir, 'open', '{"a":"1"}', 0o640)
  file(dir, 'big', `{"a":"${'x'.repeat(2000)}"}`)
  file(dir, 'broken', 'top secret text')
  const cases = {
    link: /symbolic link/,
    hard: /hard links/,
    pipe: /not a regular file/,
    dir: /not a regular file/,
    open: /other users \(mode 640\)/,
    big: /larger than 1000/,
    missing: /does not exist/,
    broken: /is not JSON/
  }
  for (const [name, error] of Object.entries(cases)) {
    const ctx = context({ providers: { default: { source: 'file', path: join(dir, name), maxBytes: 1000 } } })
    const resolved = await resolveSecret({ source: 'file', id: '/a' }, ctx)
    t.match(resolved, { value: undefined, error }, name)
    t.notMatch(resolved.error, /top secret/)
  }
})

t.test('what belongs to another user is refused', { skip: process.getuid?.() !== 0 && 'only root can give files away' }, async t => {
  const dir = ownDirectory(t)
  const path = file(dir, 's.json', '{"a":"1"}')
  const command = script(dir, 'p.cjs', answering)
  chownSync(path, 12_345, 12_345)
  chownSync(command, 12_345, 12_345)
  const ctx = context({ providers: { f: { source: 'file', path }, e: { source: 'exec', command } } })
  t.match(await resolveSecret({ source: 'file', provider: 'f', id: '/a' }, ctx), { value: undefined, error: /another user/ })
  t.match(await resolveSecret({ source: 'exec', provider: 'e', id: 'x' }, ctx), { value: undefined, error: /another user/ })
})

t.test('a program answers for all ids that are asked for at once in one call', async t => {
  const command = script(ownDirectory(t), 'p.cjs', answering)
  const resolver = createSecretResolver(context({ providers: { default: { source: 'exec', command } } }))
  const ids = ['a/b', 'c', 'gone', 'c']
  const answers = await Promise.all(ids.map(id => resolver.resolve({ source: 'exec', id })))
  t.same(answers.map(answer => answer.value), ['v-a/b', 'v-c', undefined, 'v-c'])
  t.match(answers[2]?.error, /"default" \(exec\): has no value for "gone" \(NOT_FOUND\)/)
  t.notMatch(answers[2]?.error, /is not here/, 'what the program says is not passed on')
  const calls = readFileSync(`${command}.calls`, 'utf8').trim().split('\n').map(line => JSON.parse(line) as unknown)
  t.same(calls, [{ protocolVersion: 1, provider: 'default', ids: ['a/b', 'c', 'gone'] }])
  t.match(await resolver.resolve({ source: 'exec', id: 'later' }), { value: 'v-later' })
})

t.test('a program gets arguments, its own environment and only what passEnv names of ours', async t => {
  const command = script(ownDirectory(t), 'p.cjs', `
    process.stdin.resume().on('end', () => {
      process.stdout.write(JSON.stringify({ protocolVersion: 1, values: { x: JSON.stringify([process.argv.slice(2), process.env.OWN, process.env.PASSED, process.env.HIDDEN]) } }))
    })`)
  const provider = { source: 'exec', command, args: ['one', '$HOME'], env: { OWN: 'o' }, passEnv: ['PASSED', 'ABSENT'] }
  const resolved = await resolveSecret({ source: 'exec', id: 'x' }, context({ providers: { default: provider } }, { PASSED: 'p', HIDDEN: 'h' }))
  t.same(JSON.parse(resolved.value ?? ''), [['one', '$HOME'], 'o', 'p', null])
})

t.test('plain output counts only when it was allowed and one id was asked for', async t => {
  const command = script(ownDirectory(t), 'p.cjs', "process.stdin.resume(); process.stdout.write('plain-secret\\n')")
  const strict = await resolveSecret({ source: 'exec', id: 'x' }, context({ providers: { default: { source: 'exec', command } } }))
  t.match(strict, { value: undefined, error: /did not answer with/ })
  t.notMatch(strict.error, /plain-secret/)
  const ctx = context({ providers: { default: { source: 'exec', command, jsonOnly: false } } })
  t.match(await resolveSecret({ source: 'exec', id: 'x' }, ctx), { value: 'plain-secret' })
  const resolver = createSecretResolver(ctx)
  const two = await Promise.all(['x', 'y'].map(id => resolver.resolve({ source: 'exec', id })))
  t.same(two.map(answer => answer.value), [undefined, undefined])
})

t.test('a program that hangs, is silent, floods, fails or cannot be started yields an error in time, and nothing of it stays', async t => {
  const dir = ownDirectory(t)
  const child = join(dir, 'child.pid')
  const cases: ReadonlyArray<readonly [name: string, body: string, options: object, error: RegExp]> = [
    ['silent', 'setInterval(() => {}, 1000)', { timeoutMs: 60000, noOutputTimeoutMs: 300 }, /silent for 300 ms/],
    ['flood', "setInterval(() => process.stdout.write('x'.repeat(10000)), 1)", { maxOutputBytes: 5000 }, /more than 5000 bytes/],
    ['fail', "console.error('the secret is 42'); process.exit(3)", {}, /failed with exit code 3/],
    ['signal', "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)", {}, /ended by SIGTERM/]
  ]
  // A shell, since it is at work long before the time is over.
  const hanging = file(dir, 'hang', `#!/bin/sh\nsleep 1000 & echo $! >'${child}'\nwhile :; do printf ' '; sleep 0.05; done`, 0o700)
  const hung = await resolveSecret({ source: 'exec', id: 'x' }, context({ providers: { default: { source: 'exec', command: hanging, timeoutMs: 1000 } } }))
  t.match(hung, { value: undefined, error: /no answer within 1000 ms/ })
  for (const [name, body, options, error] of cases) {
    const command = script(dir, `${name}.cjs`, body)
    const resolved = await resolveSecret({ source: 'exec', id: 'x' }, context({ providers: { default: { source: 'exec', command, ...options } } }))
    t.match(resolved, { value: undefined, error }, name)
    t.notMatch(resolved.error, /42/)
  }
  const pid = Number(readFileSync(child, 'utf8'))
  t.notOk(await eventually(() => isAlive(pid), alive => !alive), 'what the program started ended with it')
})

t.test('only a program of ours, that nobody else can change, is run', async t => {
  const dir = ownDirectory(t)
  const good = script(dir, 'good.cjs', answering)
  symlinkSync(good, join(dir, 'link.cjs'))
  file(dir, 'writable.cjs', `#!${process.execPath}\n${answering}`, 0o722)
  file(dir, 'noexec.cjs', answering, 0o600)
  const get = (provider: object) => resolveSecret({ source: 'exec', id: 'x' }, context({ providers: { default: { source: 'exec', ...provider } } }))
  t.match(await get({ command: join(dir, 'link.cjs') }), { value: undefined, error: /symbolic link/ })
  t.match(await get({ command: join(dir, 'link.cjs'), allowSymlinkCommand: true }), { value: 'v-x' })
  t.match(await get({ command: join(dir, 'writable.cjs') }), { value: undefined, error: /changed by other users/ })
  t.match(await get({ command: join(dir, 'noexec.cjs') }), { value: undefined, error: /not executable/ })
  t.match(await get({ command: 'good.cjs' }), { value: undefined, error: /absolute/ })
  t.match(await get({ command: join(dir, 'none.cjs') }), { value: undefined, error: /does not exist/ })
  t.match(await get({ command: dir }), { value: undefined, error: /not a regular file/ })
  t.match(await get({ command: good, trustedDirs: [dir] }), { value: 'v-x' })
  t.match(await get({ command: good, trustedDirs: [`${dir}/sub`] }), { value: undefined, error: /outside trustedDirs/ })
  t.match(await get({ command: good, trustedDirs: [] }), { value: undefined, error: /outside trustedDirs/ })
})

t.test('a reference that cannot be resolved never becomes another credential', async t => {
  const env = { OPENCLAW_GATEWAY_TOKEN: 'fallback', TOKEN: 'sesame' }
  const ctx = context({ providers: { vault: { source: 'file', path: '/nonexistent/x.json' } }, defaults: { env: 'vault' } }, env)
  t.match(await resolveSecret({ source: 'file', provider: 'vault', id: '/a' }, ctx), { value: undefined, error: /"vault" \(file\): \/nonexistent/ })
  t.match(await resolveSecret({ source: 'env', id: 'TOKEN' }, ctx), { value: undefined, error: /is of source "file"/ })
  t.match(await resolveSecret({ source: 'store', id: 'X' }, ctx), { value: undefined, error: /not configured/ })
  t.match(await resolveSecret({ source: 'exec', provider: 'constructor', id: 'x' }, ctx), { value: undefined, error: /not configured/ })
  t.match(await resolveSecret({ source: 'exec', provider: 'x', id: '../x' }, ctx), { value: undefined, error: /segments/ })
})

t.test('ids follow the rules of their source', async t => {
  const bad = [
    { source: 'env', id: 'lower' }, { source: 'env', id: '1A' }, { source: 'env', id: 'A'.repeat(129) }, { source: 'exec', id: 'a/../b' },
    { source: 'exec', id: './a' }, { source: 'exec', id: '-a' }, { source: 'exec', id: 'a b' }, { source: 'exec', id: 'a'.repeat(257) },
    { source: 'file', id: 'no-slash' }, { source: 'file', id: '/bad~2' }, { source: 'env', provider: 'Upper', id: 'A' }
  ]
  for (const ref of bad) {
    const { issues } = validateConfig({ gateway: { auth: { token: ref } } })
    t.match(issues, [{ steps: ['gateway', 'auth', 'token'], critical: true }], JSON.stringify(ref))
  }
  const good = [{ source: 'exec', id: 'op://Vault.1/item#field' }, { source: 'file', id: '/a~0b/c~1' }, { source: 'file', id: 'value' }, { source: 'exec', id: 'a/...b' }]
  for (const ref of good) t.same(validateConfig({ gateway: { auth: { token: ref } } }).issues, [], JSON.stringify(ref))
})
