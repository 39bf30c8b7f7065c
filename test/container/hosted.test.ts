/** What a host that provisions containers hands over: both of its ways to write a configuration, and its variables. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { root } from '../boundaries/source-tree.ts'
import { hostedConfig, hostedHealth } from '../fixtures/hosted-config.ts'
import { freePort, lineWith } from '../fixtures/free-port.ts'
import { freshDirectory } from '../fixtures/own-directory.ts'
import { admitted, closeClient, connect } from '../fixtures/client.ts'

const script = join(root, 'config', 'docker-entrypoint.sh')
const skip = process.platform === 'win32' && 'needs sh'
const fileToken = 'c'.repeat(24) + '0123456789abcdef01234567'
const givenToken = '0123456789abcdef0123456789abcdef'

/** As the backend writes it when it provisions an agent. */
const provisioned = { ...hostedConfig(fileToken), ...hostedHealth }
/** As the entrypoint of the container writes it. */
const skeleton = { auth: { method: 'token', token: fileToken }, gateway: { port: 18_789 } }

interface Container {
  readonly home: string
  readonly port: number
  readonly env: NodeJS.ProcessEnv
}

async function container (t: Test, config: object | undefined, variables: NodeJS.ProcessEnv = {}): Promise<Container> {
  const home = realpathSync(freshDirectory(t))
  mkdirSync(join(home, '.openclaw'), { mode: 0o700 })
  if (config) writeFileSync(join(home, '.openclaw', 'openclaw.json'), JSON.stringify(config), { mode: 0o600 })
  const port = await freePort()
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
    HOME: home,
    TERM: 'xterm-256color',
    NODE_COMPILE_CACHE: join(home, 'compile-cache'),
    OPENCLAW_NO_RESPAWN: '1',
    OPENCLAW_GATEWAY_PORT: String(port),
    AGENTBOT_USER_ID: 'user-1',
    AGENTBOT_MODE: 'home',
    AGENTBOT_API_KEY: 'not-for-the-gateway',
    ...variables
  }
  const gateway = spawn('sh', [script, '--bind', 'loopback'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(async () => {
    const ended = once(gateway, 'exit')
    if (gateway.exitCode === null && gateway.kill('SIGKILL')) await ended
  })
  gateway.stderr.resume()
  await lineWith(gateway.stdout, ' ready in ')
  return { home, port, env }
}

async function letsIn (port: number, token: string): Promise<boolean> {
  const { client, response } = await connect(`ws://127.0.0.1:${port}`, { auth: { token } })
  await closeClient(client)
  return response.ok
}

for (const [name, config] of Object.entries({ provisioned, skeleton })) {
  t.test(`the ${name} configuration is understood, with the port of the environment`, { skip }, async t => {
    const { port, home } = await container(t, config)
    const { client } = await admitted(`ws://127.0.0.1:${port}`, { auth: { token: fileToken } })
    await closeClient(client)
    t.notOk(existsSync(join(home, '.openclaw', 'gateway.token')), 'no other token is made')
    t.same(JSON.parse(readFileSync(join(home, '.openclaw', 'openclaw.json'), 'utf8')), config, 'and the file is left as it was')
    t.ok(existsSync(join(home, 'compile-cache')), 'compiled code is kept where the host wants it')
  })

  t.test(`a token of the environment wins over the ${name} configuration`, { skip }, async t => {
    const { port, env } = await container(t, config, { OPENCLAW_GATEWAY_TOKEN: givenToken, NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] })
    t.equal(await letsIn(port, givenToken), true)
    t.equal(await letsIn(port, fileToken), false)
    const inside = spawnSync(process.execPath, [join(root, 'bin', 'openclaw.js'), 'health', '--json'], {
      encoding: 'utf8', env: { ...env, OPENCLAW_ENV_SECRETS_FIRST: '1' }
    })
    t.equal(inside.status, 0, 'commands inside use the same one')
  })
}
