import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fingerprint } from '../../src/lib/fingerprint.ts'
import { canListen } from '../../src/lib/free-port.ts'
import { describeProcess } from '../../src/lib/process-info.ts'
import { admitted, closeClient } from '../fixtures/client.ts'
import { createHome, daemonToken, envOf, freePort, getJson, refusal, runCommand, serve, stop, type Home } from './daemon.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const posix = process.platform !== 'win32'
const tokenIn = (home: Home): string => readFileSync(join(home.stateDir, 'gateway.token'), 'utf8')

/** Everything below a directory, with the rights that others have on it. */
function openToOthers (directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    // What was there for a moment only may be gone by now.
    .filter(path => ((lstatSync(join(directory, path), { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0)
}

t.test('without any configuration it serves this machine with a token of its own, which can be shown', async t => {
  const home = createHome(t)
  const daemon = await serve(t, { home })
  t.match(daemon.output(), /http server listening on 127\.0\.0\.1:\d+(, \[::1\]:\d+)? \(bind=loopback, auth=token\)/)
  t.match(daemon.output(), /no configuration at .*openclaw\.json: running with safe defaults/)
  t.match(daemon.output(), 'see it with: openclaw config get gateway.auth.token --show')
  const token = tokenIn(home).trim()
  t.match(token, /^[0-9a-f]{48}$/)
  t.notMatch(daemon.output(), token, 'the log does not have it')
  t.match(await describeProcess(daemon.pid), { command: /^openclaw-gateway$/ }, 'and that is how it is found among the processes')

  const shown = await runCommand(t, home, ['config', 'get', 'gateway.auth.token', '--show'])
  t.equal(shown.stdout.trim(), token)
  const { client } = await admitted(daemon.url, { auth: { token } })
  await closeClient(client)
  t.equal((await stop(daemon)).code, 0)
  t.notOk(existsSync(home.configPath), 'and no configuration was written')
})

t.test('the generated token stays the same from start to start, until its file is gone or spoilt', async t => {
  const home = createHome(t)
  const start = async (): Promise<string> => {
    await stop(await serve(t, { home }))
    return tokenIn(home)
  }
  const first = await start()
  t.equal(await start(), first)
  unlinkSync(join(home.stateDir, 'gateway.token'))
  const second = await start()
  t.not(second, first)
  writeFileSync(join(home.stateDir, 'gateway.token'), 'short\n')
  t.match(await start(), /^[0-9a-f]{48}\n$/)
})

t.test('a token from elsewhere is used, then none is made, and the log says where it came from', async t => {
  for (const [name, start] of Object.entries({
    'command line': { args: ['--token', daemonToken] }, environment: { env: { OPENCLAW_GATEWAY_TOKEN: daemonToken } }
  })) {
    const home = createHome(t, undefined, name.replace(' ', '-'))
    const daemon = await serve(t, { home, ...start })
    t.match(daemon.output(), new RegExp(`auth token comes from the ${name} \\(fingerprint ${fingerprint(daemonToken)}\\)`))
    const { client } = await admitted(daemon.url, { auth: { token: daemonToken } })
    await closeClient(client)
    await stop(daemon)
    t.notOk(existsSync(join(home.stateDir, 'gateway.token')), name)
  }
})

t.test('a generated token is never enough beyond loopback', async t => {
  const home = createHome(t)
  await stop(await serve(t, { home }))
  t.ok(existsSync(join(home.stateDir, 'gateway.token')))
  const { code, stderr } = await refusal(t, { home, args: ['--bind', 'lan'] })
  t.equal(code, 78)
  t.match(stderr, /^Refusing to bind gateway to lan without auth\./m)
})

t.test('no number of starts changes the configuration by a byte', async t => {
  const text = '// mine\r\n{\n  gateway: { mode: "local", auth: { mode: "token", token: "$' + '{SOME_TOKEN}" } },\n  unknown: [1, 2,],\n}\n'
  const home = createHome(t, text)
  const before = statSync(home.configPath)
  for (let round = 0; round < 2; round++) await stop(await serve(t, { home, env: { SOME_TOKEN: daemonToken } }))
  const daemon = await serve(t, { home, env: { SOME_TOKEN: daemonToken } })
  const { client } = await admitted(daemon.url, { auth: { token: daemonToken } })
  await client.request('config.get')
  await closeClient(client)
  daemon.kill('SIGKILL')
  await daemon.exit()
  t.equal(readFileSync(home.configPath, 'utf8'), text)
  const after = statSync(home.configPath)
  t.same({ ino: after.ino, mtimeMs: after.mtimeMs, mode: after.mode }, { ino: before.ino, mtimeMs: before.mtimeMs, mode: before.mode })
})

t.test('nobody else may read what it writes, whatever the umask', { skip: !posix && 'looks at modes' }, async t => {
  const home = createHome(t)
  const fresh = join(home.directory, 'not', 'there', 'yet')
  const daemon = await serve(t, {
    home: { ...home, stateDir: fresh },
    env: { OPENCLAW_STATE_DIR: fresh },
    within: ['sh', '-c', 'umask 000; exec "$@"', 'sh']
  })
  const { client } = await admitted(daemon.url, { auth: { token: readFileSync(join(fresh, 'gateway.token'), 'utf8').trim() } })
  await client.request('gateway.identity.get')
  t.same(openToOthers(fresh), [], 'while it runs')
  await closeClient(client)
  await stop(daemon)
  t.same(openToOthers(fresh), [], 'and afterwards')
  t.equal(statSync(fresh).mode & 0o777, 0o700)
  t.same(openToOthers(join(home.directory, 'tmp')), [], 'nor the log')
  t.ok(readdirSync(fresh).length >= 3, 'there was something to look at')
})

t.test('the port comes from the flag, then the environment, then the configuration, then the profile', async t => {
  const home = createHome(t, { gateway: { mode: 'local', port: 1, auth: { token: daemonToken } } })
  const listening = async (args: string[], env: NodeJS.ProcessEnv, port: number): Promise<void> => {
    const daemon = await serve(t, { home, args, env, port: false })
    t.match(daemon.output(), `listening on 127.0.0.1:${port}`)
    await stop(daemon)
  }
  const [one, two, three] = [await freePort(), await freePort(), await freePort()]
  await listening(['--port', String(one)], { OPENCLAW_GATEWAY_PORT: String(two) }, one)
  await listening([], { OPENCLAW_GATEWAY_PORT: String(two) }, two)
  writeFileSync(home.configPath, JSON.stringify({ gateway: { mode: 'local', port: three, auth: { token: daemonToken } } }))
  await listening([], { OPENCLAW_GATEWAY_PORT: ' ' }, three)
})

/** A home in which the directories are chosen by profile alone. */
function profileHome (t: { testdir (): string, teardown (fn: () => unknown): void }): Home {
  const directory = ownDirectory(t)
  mkdirSync(join(directory, 'tmp'))
  const stateDir = join(directory, '.openclaw-dev')
  return { directory, stateDir, configPath: join(stateDir, 'openclaw.json'), env: envOf(directory) }
}

t.test('--dev makes a profile of its own on port 19001 and leaves the real one alone', async t => {
  const home = profileHome(t)
  const free = await canListen(19_001)
  const daemon = await serve(t, { home, args: ['--dev'], port: free ? false : undefined })
  if (free) t.equal((await getJson('http://127.0.0.1:19001/healthz')).status, 200)
  t.same(JSON.parse(readFileSync(home.configPath, 'utf8')).gateway, { mode: 'local', bind: 'loopback' })
  t.ok(statSync(join(home.stateDir, 'workspace')).isDirectory())
  t.notOk(existsSync(join(home.directory, '.openclaw')))
  t.same(openToOthers(home.stateDir), [])
  await stop(daemon)
})

t.test('--dev keeps what is there, --dev --reset begins anew, and neither touches what is not a gateway\'s', async t => {
  const home = profileHome(t)
  await stop(await serve(t, { home, args: ['--dev'] }))
  const changed = '{ gateway: { mode: "local" }, mine: true }'
  writeFileSync(home.configPath, changed)
  writeFileSync(join(home.stateDir, 'workspace', 'note.md'), 'a note')
  writeFileSync(join(home.stateDir, 'something-else.txt'), 'not ours')
  const token = tokenIn(home)
  await stop(await serve(t, { home, args: ['--dev'] }))
  t.equal(readFileSync(home.configPath, 'utf8'), changed)
  t.equal(tokenIn(home), token)

  await stop(await serve(t, { home, args: ['--dev', '--reset'] }))
  t.notMatch(readFileSync(home.configPath, 'utf8'), 'mine')
  t.not(tokenIn(home), token)
  t.notOk(existsSync(join(home.stateDir, 'workspace', 'note.md')))
  t.equal(readFileSync(join(home.stateDir, 'something-else.txt'), 'utf8'), 'not ours')
})

t.test('--reset never throws the real installation away, nor a gateway that runs', async t => {
  const home = profileHome(t)
  const real = join(home.directory, '.openclaw')
  mkdirSync(real, { mode: 0o700 })
  writeFileSync(join(real, 'openclaw.json'), '{ precious: 1 }')
  for (const env of [{ OPENCLAW_STATE_DIR: real }, { OPENCLAW_CONFIG_PATH: join(real, 'openclaw.json') }]) {
    const { code, stderr } = await refusal(t, { home, args: ['--dev', '--reset'], env })
    t.equal(code, 1)
    t.match(stderr, /^Gateway failed to start: --reset throws away the dev profile only/m)
    t.equal(readFileSync(join(real, 'openclaw.json'), 'utf8'), '{ precious: 1 }')
  }
  const running = await serve(t, { home, args: ['--dev'] })
  const token = tokenIn(home)
  const { code, stderr } = await refusal(t, { home, args: ['--dev', '--reset'] })
  t.equal(code, 69)
  t.match(stderr, `gateway already running (pid ${running.pid}`)
  t.equal(tokenIn(home), token)
  await stop(running)
})

t.test('profiles live beside each other', async t => {
  const directory = ownDirectory(t)
  mkdirSync(join(directory, 'tmp'))
  const homeOf = (profile: string): Home => {
    const stateDir = join(directory, `.openclaw-${profile}`)
    return { directory, stateDir, configPath: join(stateDir, 'openclaw.json'), env: envOf(directory) }
  }
  const [one, two] = [homeOf('one'), homeOf('two')]
  const first = await serve(t, { home: one, globals: ['--profile', 'one'] })
  t.match(first.output(), 'see it with: openclaw --profile one config get gateway.auth.token --show')
  const second = await serve(t, { home: two, env: { OPENCLAW_PROFILE: 'two' } })
  t.not(tokenIn(one), tokenIn(two))
  await Promise.all([stop(first), stop(second)])
})
