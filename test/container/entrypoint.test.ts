import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { root } from '../boundaries/source-tree.ts'
import { freePort, lineWith } from '../fixtures/free-port.ts'
import { freshDirectory } from '../fixtures/own-directory.ts'

const script = join(root, 'config', 'docker-entrypoint.sh')
const skip = process.platform === 'win32' && 'needs sh'

interface Run {
  readonly status: number | null
  readonly stderr: string
  /** What the command line was started with. */
  readonly argv: readonly string[]
  readonly token?: string
  readonly password?: string
}

/** The script in an image's layout, above a command line that tells what it was given. */
function image (t: Test) {
  const base = realpathSync(freshDirectory(t))
  const app = join(base, 'app')
  const home = join(base, 'home')
  for (const folder of [join(app, 'config'), join(app, 'bin'), home]) mkdirSync(folder, { recursive: true })
  copyFileSync(script, join(app, 'config', 'docker-entrypoint.sh'))
  writeFileSync(join(app, 'bin', 'openclaw.js'), `
    const { OPENCLAW_GATEWAY_TOKEN: token, OPENCLAW_GATEWAY_PASSWORD: password } = process.env
    const argv = process.argv.slice(2)
    if (argv[0] === 'config') console.log(require('fs').readFileSync(${JSON.stringify(join(home, 'auth.json'))}, 'utf8'))
    else console.log(JSON.stringify({ argv, token, password }))`)
  writeFileSync(join(app, 'package.json'), '{ "type": "commonjs" }')
  const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, HOME: home }
  return {
    home,
    tokenFile: join(home, '.openclaw', 'gateway.token'),
    run (args: readonly string[] = [], extra: NodeJS.ProcessEnv = {}): Run {
      const { status, stdout, stderr } = spawnSync('sh', [join(app, 'config', 'docker-entrypoint.sh'), ...args], { encoding: 'utf8', env: { ...env, ...extra } })
      return { status, stderr, ...(status === 0 ? JSON.parse(stdout) : { argv: [] }) }
    }
  }
}

const defaults = ['gateway', 'run', '--bind', 'lan', '--allow-unconfigured']

t.test('a container without settings listens beyond loopback with a token of its own', { skip }, async t => {
  const { run, tokenFile } = image(t)
  const { argv, token, stderr } = run()
  t.same(argv, defaults)
  t.match(token, /^[0-9a-f]{32}$/)
  t.ok(stderr.includes(token!), 'the token is shown')
  t.equal(readFileSync(tokenFile, 'utf8'), `${token}\n`)
  t.equal(statSync(tokenFile).mode & 0o777, 0o600)
  t.equal(statSync(dirname(tokenFile)).mode & 0o777, 0o700)
})

t.test('the token stays the same over restarts and is shown only once', { skip }, async t => {
  const { run } = image(t)
  const { token } = run()
  const second = run()
  t.equal(second.token, token)
  t.equal(second.stderr, '')
})

t.test('every container makes another token', { skip }, async t => {
  t.not(image(t).run().token, image(t).run().token)
})

t.test('a token or a password from the environment wins, and none is made', { skip }, async t => {
  const { run, tokenFile } = image(t)
  t.match(run([], { OPENCLAW_GATEWAY_TOKEN: 'given' }), { token: 'given', stderr: '', argv: defaults })
  t.match(run([], { OPENCLAW_GATEWAY_PASSWORD: 'given' }), { password: 'given', token: undefined, stderr: '' })
  t.notOk(existsSync(tokenFile))
  const made = run([], { OPENCLAW_GATEWAY_TOKEN: '' })
  t.match(made.token, /^[0-9a-f]{32}$/, 'an empty one is none')
  t.match(run([], { OPENCLAW_GATEWAY_TOKEN: 'given' }), { token: 'given' }, 'also over one that was made before')
})

t.test('a configuration that settles authentication is left to itself', { skip }, async t => {
  const cases = [
    ['{ "mode": "trusted-proxy" }', true],
    ['{ "mode": "password", "password": "x" }', true],
    ['{ "token": { "source": "env" } }', true],
    ['{ "mode": "token" }', false],
    ['{ "urlToken": "local", "rateLimit": {} }', false]
  ] as const
  for (const [auth, settled] of cases) {
    const { run, home, tokenFile } = image(t)
    mkdirSync(dirname(tokenFile))
    writeFileSync(join(home, '.openclaw', 'openclaw.json'), '{}')
    writeFileSync(join(home, 'auth.json'), auth)
    t.equal(run().token === undefined, settled, auth)
  }
})

t.test('a plan decides which tools a container without a configuration begins with', { skip }, async t => {
  for (const [plan, profile] of [['solo', 'messaging'], ['collective', 'coding'], ['label', 'coding'], ['network', 'coding']] as const) {
    const { run, home } = image(t)
    writeFileSync(join(home, 'auth.json'), '{}')
    t.match(run([], { AGENTBOT_PLAN: plan }).token, /^[0-9a-f]{32}$/)
    t.same(JSON.parse(readFileSync(join(home, '.openclaw', 'openclaw.json'), 'utf8')), {
      gateway: { mode: 'local' }, tools: { profile, deny: ['browser', 'canvas'] }
    }, plan)
  }
})

t.test('a plan changes nothing of a configuration that is there, and one that does not exist is refused', { skip }, async t => {
  const { run, home, tokenFile } = image(t)
  const file = join(home, '.openclaw', 'openclaw.json')
  const { status, stderr } = run([], { AGENTBOT_PLAN: 'gold' })
  t.equal(status, 78)
  t.match(stderr, /^openclaw: AGENTBOT_PLAN is gold\. Set it to solo, collective, label or network/)
  mkdirSync(dirname(tokenFile))
  writeFileSync(file, '{ mine: 1 }')
  t.match(run([], { AGENTBOT_PLAN: 'label', OPENCLAW_GATEWAY_TOKEN: 'given' }), { token: 'given', argv: defaults })
  t.equal(readFileSync(file, 'utf8'), '{ mine: 1 }')
})

t.test('state and configuration are where the environment says', { skip }, async t => {
  const { run, home, tokenFile } = image(t)
  const { token } = run([], { OPENCLAW_STATE_DIR: join(home, 'state') })
  t.equal(readFileSync(join(home, 'state', 'gateway.token'), 'utf8'), `${token}\n`)
  t.notOk(existsSync(tokenFile))
})

t.test('options go to the gateway, and commands to the command line', { skip }, async t => {
  const { run, tokenFile } = image(t)
  const withToken = { OPENCLAW_GATEWAY_TOKEN: 'given' }
  t.same(run(['--verbose', '--port', '9'], withToken).argv, [...defaults, '--verbose', '--port', '9'])
  t.same(run(['devices', 'list']).argv, ['devices', 'list'])
  t.same(run(['gateway', 'status']).argv, ['gateway', 'status'])
  t.notOk(existsSync(tokenFile), 'which needs no token of its own')
  t.match(run(['gateway', 'run', '--port', '9']), { argv: ['gateway', 'run', '--port', '9'], token: /^[0-9a-f]{32}$/ })
})

t.test('a state directory that cannot be written is named, with the user who would have to own it', { skip }, async t => {
  const { run } = image(t)
  const { status, stderr } = run([], { OPENCLAW_STATE_DIR: '/dev/null/state' })
  t.equal(status, 78, 'a supervisor does not try again')
  t.match(stderr, new RegExp(`^openclaw: /dev/null/state cannot be written by user ${process.getuid!()}\\.`))
})

t.test('the gateway that it starts answers to the token it made', { skip }, async t => {
  const home = realpathSync(freshDirectory(t))
  const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, HOME: home, OPENCLAW_GATEWAY_PORT: String(await freePort()) }
  const gateway = spawn('sh', [script], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(async () => {
    const ended = once(gateway, 'exit')
    if (gateway.exitCode === null && gateway.kill('SIGKILL')) await ended
  })
  await lineWith(gateway.stdout, ' ready in ')
  const token = readFileSync(join(home, '.openclaw', 'gateway.token'), 'utf8').trim()
  const call = (secret: string) => spawnSync(process.execPath, [
    join(root, 'bin', 'openclaw.js'), 'gateway', 'call', 'health', '--json', '--url', `ws://127.0.0.1:${env.OPENCLAW_GATEWAY_PORT}`, '--token', secret
  ], { encoding: 'utf8', env: { ...env, HOME: join(home, 'elsewhere') } })
  t.match(JSON.parse(call(token).stdout), { ok: true })
  t.equal(call(token.replace(/^./, 'x')).status, 1, 'and to no other')
})
