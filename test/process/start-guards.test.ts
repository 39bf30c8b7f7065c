import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createHome, daemonToken, eventually, getJson, refusal, serve, stop, type DaemonOptions } from './daemon.ts'

const gateway = (more: object = {}): object => ({ gateway: { mode: 'local', ...more } })
const token = { auth: { mode: 'token', token: daemonToken } }
const words = (text: string): RegExp => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`, 'm')

interface Guard {
  readonly title: string
  readonly config?: object | string
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly port?: number | false
  readonly code: number
  /** The words that a line of stderr begins with. */
  readonly says: readonly string[]
}

const setAuth = 'Set gateway.auth.token/password (or OPENCLAW_GATEWAY_TOKEN/OPENCLAW_GATEWAY_PASSWORD) or pass --token/--password.'

const guards: readonly Guard[] = [
  {
    title: 'a bind beyond loopback without any secret is refused',
    config: gateway({ bind: 'lan' }), code: 78, says: ['Refusing to bind gateway to lan without auth.', setAuth]
  },
  {
    title: 'a bind beyond loopback by flag and without a configuration is refused',
    args: ['--bind', 'lan'], code: 78, says: ['Refusing to bind gateway to lan without auth.', setAuth]
  },
  {
    title: 'an address beyond loopback is guarded like the word for it',
    config: gateway({ bind: '0.0.0.0' }), code: 78, says: ['Refusing to bind gateway to lan without auth.']
  },
  {
    title: 'auto inside a container listens beyond loopback, and so it needs a secret',
    config: gateway({ bind: 'auto' }), env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, code: 78, says: ['Refusing to bind gateway to auto without auth.']
  },
  {
    title: 'mode none never opens a bind beyond loopback',
    config: gateway({ bind: 'lan', auth: { mode: 'none' } }), code: 78, says: ['Refusing to bind gateway to lan without auth.']
  },
  {
    title: 'password mode without a password is refused',
    config: gateway({ auth: { mode: 'password' } }),
    code: 78,
    says: ['Gateway auth is set to password, but no password is configured.', 'Set gateway.auth.password (or OPENCLAW_GATEWAY_PASSWORD), or pass --password.']
  },
  {
    title: 'token and password without a mode are refused',
    config: gateway({ auth: { token: daemonToken, password: 'a password of some length' } }),
    code: 78,
    says: ['Gateway failed to start: Invalid config: gateway.auth.token and gateway.auth.password are both configured, ' +
      'but gateway.auth.mode is unset. Set gateway.auth.mode to token or password.']
  },
  {
    title: 'a placeholder is no secret',
    config: gateway({ auth: { mode: 'token', token: 'change-me-to-a-long-random-token' } }),
    code: 78, says: ['Gateway failed to start: the gateway auth token is a placeholder, not a secret.']
  },
  {
    title: 'a placeholder from the environment is none either',
    env: { OPENCLAW_GATEWAY_PASSWORD: '********' }, code: 78, says: ['Gateway failed to start: the gateway auth password is a placeholder, not a secret.']
  },
  {
    title: 'a blank token on the command line is refused and never replaced by another',
    args: ['--token', ' '], code: 78, says: ['Gateway failed to start: the gateway auth token from --token is blank.']
  },
  {
    title: 'trusted-proxy without a proxy is refused',
    config: gateway({ auth: { mode: 'trusted-proxy' } }),
    code: 78, says: ['Gateway failed to start: gateway auth mode=trusted-proxy requires gateway.trustedProxies to be configured with at least one proxy IP.']
  },
  {
    title: 'trusted-proxy beside a token is refused',
    config: gateway({ auth: { mode: 'trusted-proxy', token: daemonToken, trustedProxy: {} }, trustedProxies: ['10.0.0.1'] }),
    code: 78,
    says: ['Gateway failed to start: gateway auth mode is trusted-proxy, but a shared token is also configured; remove gateway.auth.token / ' +
      'OPENCLAW_GATEWAY_TOKEN because trusted-proxy and token auth are mutually exclusive.']
  },
  {
    title: 'trusted-proxy beside a token of the environment is refused',
    config: gateway({ auth: { mode: 'trusted-proxy', trustedProxy: {} }, trustedProxies: ['10.0.0.1'] }),
    env: { OPENCLAW_GATEWAY_TOKEN: daemonToken }, code: 78, says: ['Gateway failed to start: gateway auth mode is trusted-proxy, but a shared token']
  },
  {
    title: 'tailscale in front of an open bind is refused',
    config: gateway({ bind: 'lan', tailscale: { mode: 'serve' }, ...token }),
    code: 78, says: ['gateway.bind must resolve to loopback when gateway.tailscale.mode=serve (use gateway.bind="loopback")']
  },
  {
    title: 'tailscale by flag in front of an open bind is refused',
    config: gateway(token), args: ['--tailscale', 'serve', '--bind', 'lan'],
    code: 78, says: ['Gateway failed to start: tailscale serve/funnel requires gateway bind=loopback (127.0.0.1)']
  },
  {
    title: 'a funnel without a password is refused',
    config: gateway(token), args: ['--tailscale', 'funnel'],
    code: 78,
    says: ['Gateway failed to start: tailscale funnel requires gateway auth mode=password (set gateway.auth.password or OPENCLAW_GATEWAY_PASSWORD).']
  },
  {
    title: 'a configuration without a mode is refused',
    config: { gateway: { port: 18_789 } }, code: 78, says: ['Gateway start blocked: existing config is missing gateway.mode']
  },
  {
    title: 'an empty configuration is one without a mode',
    config: '', code: 78, says: ['Gateway start blocked: existing config is missing gateway.mode']
  },
  {
    title: 'threads in which nothing would ever be answered are refused',
    config: { gateway: { mode: 'local', auth: { mode: 'token', token: 'x'.repeat(32) }, dataPlane: { requireMention: true, mentionPatterns: [' '] } } },
    code: 78,
    says: ['Gateway start blocked: gateway.dataPlane.requireMention is set, and gateway.dataPlane.mentionPatterns names no word.']
  },
  {
    title: 'a configuration for a gateway elsewhere is refused',
    config: { gateway: { mode: 'remote', remote: { url: 'wss://gateway.example' } } },
    code: 78, says: ['Gateway start blocked: set gateway.mode=local (current: remote) or pass --allow-unconfigured.']
  },
  {
    title: 'what is invalid and matters for safety is named with its line and its path',
    config: '{\n  "gateway": {\n    "mode": "local",\n    "port": "eighty"\n  }\n}\n', code: 78, port: false, says: ['openclaw.json:4 — gateway.port: ']
  },
  {
    title: 'a file that is no JSON5 is named with line and column',
    config: '{\n  gateway: { mode: "local",\n  port 18789 }\n}\n', code: 78, says: ['openclaw.json:3:']
  },
  {
    title: 'a secret whose reference leads nowhere is never replaced by another',
    config: gateway({ auth: { mode: 'token', token: { source: 'env', provider: 'default', id: 'NO_SUCH_VARIABLE' } } }),
    env: { OPENCLAW_GATEWAY_TOKEN: daemonToken },
    code: 78, says: ['Gateway failed to start: Invalid config: gateway.auth.token could not be resolved: secret provider "default" (env): ']
  },
  {
    title: 'a secret of a program that fails is refused with the name of its provider',
    config: { ...gateway({ auth: { mode: 'token', token: { source: 'exec', provider: 'vault', id: 'x' } } }), secrets: { providers: { vault: { source: 'exec', command: '/no/such/program' } } } },
    code: 78, says: ['Gateway failed to start: Invalid config: gateway.auth.token could not be resolved: secret provider "vault" (exec): ']
  },
  { title: 'a custom bind without an address is refused', config: gateway({ bind: 'custom', ...token }), code: 78, says: ['Gateway failed to start: gateway.bind=custom requires gateway.customBindHost'] },
  { title: 'half a certificate is refused', config: gateway({ tls: { enabled: true, certPath: '/x.pem' }, ...token }), code: 78, says: ['Gateway failed to start: gateway.tls.enabled is set without a whole certificate'] },
  { title: 'a certificate that cannot be read is refused', config: gateway({ tls: { enabled: true, certPath: '/x.pem', keyPath: '/y.pem' }, ...token }), code: 78, says: ['Gateway failed to start: the certificate of gateway.tls cannot be used: ENOENT'] },
  { title: 'a port in the environment that is none is refused', env: { OPENCLAW_GATEWAY_PORT: '70000' }, port: false, code: 1, says: ['Invalid OPENCLAW_GATEWAY_PORT: 70000 '] },
  { title: 'a port on the command line that is none is refused', args: ['--port', 'web'], port: false, code: 1, says: ['Invalid --port '] },
  { title: 'a bind that is neither a word nor an address is refused', args: ['--bind', 'everywhere'], code: 1, says: ['Invalid --bind (use "loopback", '] },
  { title: 'an auth mode that does not exist is refused', args: ['--auth', 'magic'], code: 1, says: ['Invalid --auth (use "none", '] },
  { title: 'a password and a file with one are refused together', args: ['--password', 'x', '--password-file', 'y'], code: 1, says: ['Use either --password or --password-file'] },
  { title: 'a password file that is not there is named', args: ['--password-file', '/no/such/file'], code: 1, says: ['Gateway failed to start: --password-file /no/such/file cannot be read (ENOENT).'] },
  { title: 'a profile with a name that could leave its directory is refused', port: false, env: { OPENCLAW_PROFILE: '../x', OPENCLAW_STATE_DIR: '' }, code: 1, says: ['Gateway failed to start: invalid profile "../x"'] },
  { title: 'a reset without the dev profile is refused', args: ['--reset'], code: 1, says: ['--reset is only for the dev profile'] }
]

const hint = /set |pass |use |correct|remove|give|make|list|check|add|choose|config/i

for (const guard of guards) {
  t.test(guard.title, async t => {
    const home = createHome(t, guard.config)
    const { code, signal, stdout, stderr } = await refusal(t, { home, args: guard.args, env: guard.env, port: guard.port })
    t.same({ code, signal }, { code: guard.code, signal: null }, stderr)
    for (const text of guard.says) t.match(stderr, words(text))
    t.match(stderr, hint, 'it says what to do')
    t.equal(stdout, '', 'nothing of it is on stdout')
    t.notMatch(stderr, /\n\s+at /, 'without a stack')
    t.notMatch(stderr, daemonToken, 'and without the secret')
  })
}

/** Starts, looks at the log, and stops. */
async function startsAndSays (t: Test, options: DaemonOptions, pattern: RegExp): Promise<void> {
  const daemon = await serve(t, options)
  t.ok(await daemon.said(pattern))
  const { code } = await stop(daemon)
  t.equal(code, 0)
}

t.test('--allow-unconfigured starts without a mode, and with one for elsewhere', async t => {
  for (const [name, config] of Object.entries({ missing: { gateway: token }, remote: { gateway: { mode: 'remote', ...token } } })) {
    await startsAndSays(t, { home: createHome(t, config, name), args: ['--allow-unconfigured'] }, /http server listening/)
  }
})

t.test('what is invalid and matters for nothing else is switched off, and the rest starts', async t => {
  const config = '{\n  gateway: { mode: "local" },\n  messages: {\n    queue: 7\n  }\n}\n'
  await startsAndSays(t, { home: createHome(t, config) }, /config: openclaw\.json:4 — messages\.queue: .*\(this part is disabled\)/)
})

t.test('hooks with the token of the gateway, or without one, are told of', async t => {
  const hooks = { enabled: true, token: token.auth.token, presets: ['gmail'] }
  await startsAndSays(t, { home: createHome(t, { ...gateway(token), hooks }) }, /hooks\.token is the token of the gateway[^]*hooks\.presets: this version has none/)
  await startsAndSays(t, { home: createHome(t, { ...gateway(token), hooks: { enabled: true, token: ' ' } }, 'blank') }, /only senders that sign/)
})

t.test('unknown keys are kept with a warning', async t => {
  const config = '{\n  gateway: { mode: "local", prot: 1 }\n}\n'
  await startsAndSays(t, { home: createHome(t, config) }, /config: openclaw\.json:2 — gateway\.prot: /)
})

t.test('origins that nobody listed never stop the daemon, and are seeded for this start only', async t => {
  const home = createHome(t, gateway({ bind: 'lan', ...token }))
  const daemon = await serve(t, { home })
  t.match(daemon.output(), `seeded gateway.controlUi.allowedOrigins ["http://localhost:${daemon.port}","http://127.0.0.1:${daemon.port}"] for bind=lan`)
  await stop(daemon)
})

t.test('a gateway whose tailscale is missing runs all the same, and the log says what to do', async t => {
  const env = { OPENCLAW_TAILSCALE_BIN: '/no/such/tailscale' }
  const daemon = await serve(t, { home: createHome(t, gateway(token)), args: ['--tailscale', 'serve'], env })
  await eventually(async () => daemon.output(), output => /install Tailscale, .* run: tailscale serve --bg \d+/.test(output))
  t.equal((await stop(daemon)).code, 0)
})

t.test('a loopback bind inside a container is explained in one sentence with the setting', async t => {
  const home = createHome(t, gateway(token))
  await startsAndSays(t, { home, env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } },
    /^.*this is a container and the gateway listens on its loopback only.* set gateway\.bind to "lan" \(or pass --bind lan\) together with OPENCLAW_GATEWAY_TOKEN.*$/m)
})

t.test('a password from a file is the one that counts, without its final newline', async t => {
  const home = createHome(t, gateway())
  const file = join(home.directory, 'password')
  writeFileSync(file, 'a password of some length\n')
  const daemon = await serve(t, { home, args: ['--password-file', file] })
  const ask = async (password: string): Promise<number> =>
    (await getJson(`${daemon.http}/control-ui-config.json`, { headers: { authorization: `Bearer ${password}` } })).status
  t.equal(await ask('a password of some length'), 200)
  t.equal(await ask('a password of some length\n'.slice(1)), 401)
  t.match(daemon.output(), /auth=password/)
  await stop(daemon)
})

t.test('an unknown log level is named once and harms nothing', async t => {
  await startsAndSays(t, { home: createHome(t, gateway(token)), env: { OPENCLAW_LOG_LEVEL: 'loud' } }, /OPENCLAW_LOG_LEVEL is none of/)
})
