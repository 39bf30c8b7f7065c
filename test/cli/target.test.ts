import t from 'tap'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadLocalSettings } from '../../src/cli/local-settings.ts'
import { meantTarget, selectTarget, type TargetFlags } from '../../src/cli/target.ts'
import { acquireStateLock } from '../../src/lib/state-lock.ts'
import { cliHome } from './run-cli.ts'
import { freshDirectory } from '../fixtures/own-directory.ts'

interface Given {
  config?: object
  env?: NodeJS.ProcessEnv
  flags?: TargetFlags
  generated?: string
  dev?: boolean
}

async function choose (t: { testdir (): string, teardown (fn: () => unknown): void }, { config, env = {}, flags = {}, generated, dev = false }: Given) {
  const home = cliHome(freshDirectory(t))
  if (config) writeFileSync(home.configPath, JSON.stringify(config))
  if (generated) writeFileSync(join(home.stateDir, 'gateway.token'), `${generated}\n`)
  const io = { env: { ...home.env, ...env } } as never
  const settings = await loadLocalSettings({ io, global: { dev, profile: undefined, logLevel: undefined, color: false } })
  return { target: selectTarget(flags, settings), settings }
}

t.test('without any word it is the gateway of this machine on the port in force', async t => {
  t.match((await choose(t, {})).target, { url: 'ws://127.0.0.1:18789', urlSource: 'local loopback', local: true, bindDetail: 'Bind: loopback' })
  t.match((await choose(t, { dev: true })).target, { url: 'ws://127.0.0.1:19001' })
  t.match((await choose(t, { dev: true, config: { gateway: { bind: 'lan' } } })).target, { url: 'ws://127.0.0.1:19001', bindDetail: 'Bind: lan' })
  const config = { gateway: { port: 20001 } }
  t.match((await choose(t, { config })).target, { url: 'ws://127.0.0.1:20001' })
  t.match((await choose(t, { config, env: { OPENCLAW_GATEWAY_PORT: '20002' } })).target, { url: 'ws://127.0.0.1:20002' })
  const flags = { port: 20003 }
  t.match((await choose(t, { config, env: { OPENCLAW_GATEWAY_PORT: '20002' }, flags })).target, { url: 'ws://127.0.0.1:20003', urlSource: 'cli --port' })
})

t.test('another loopback address is used where the gateway listens on that one alone', async t => {
  t.match((await choose(t, { config: { gateway: { bind: '127.0.0.7' } } })).target, { url: 'ws://127.0.0.7:18789' })
  const custom = { bind: 'custom', customBindHost: '127.0.0.8' }
  t.match((await choose(t, { config: { gateway: custom } })).target, { url: 'ws://127.0.0.8:18789' })
  t.match((await choose(t, { config: { gateway: { bind: '::1' } } })).target, { url: 'ws://127.0.0.1:18789' })
  t.match((await choose(t, { config: { gateway: { bind: '10.1.2.3' } } })).target, { url: 'ws://127.0.0.1:18789' })
})

t.test('credentials come from the flag, the configuration, the environment and the generated token, in this order', async t => {
  const generated = 'f'.repeat(48)
  const env = { OPENCLAW_GATEWAY_TOKEN: 'from-env' }
  const config = { gateway: { auth: { token: 'from-config' } } }
  const found = async (given: Given) => {
    const { auth, authSource } = (await choose(t, given)).target
    return [auth, authSource]
  }
  t.same(await found({ generated }), [{ token: generated }, 'generated'])
  t.same(await found({ generated, env }), [{ token: 'from-env' }, 'environment'])
  t.same(await found({ generated, env, config }), [{ token: 'from-config' }, 'config'])
  t.same(await found({ generated, env, config, flags: { token: 'from-flag' } }), [{ token: 'from-flag' }, 'flag'])
  t.same(await found({}), [{}, 'none'])
})

t.test('the mode decides which of two secrets is sent', async t => {
  const both = { token: 'a-token', password: 'a-password' }
  const auth = async (mode: string) => (await choose(t, { config: { gateway: { auth: { mode, ...both } } } })).target.auth
  t.same(await auth('token'), { token: 'a-token' })
  t.same(await auth('password'), { password: 'a-password' })
  t.same(await auth('none'), {})
  const given = { env: { OPENCLAW_GATEWAY_PASSWORD: 'pw' }, generated: 'f'.repeat(48) }
  t.same((await choose(t, given)).target.auth, { password: 'pw' })
  const tokenMode = { ...given, config: { gateway: { auth: { mode: 'token' } } } }
  t.same((await choose(t, tokenMode)).target.auth, { token: given.generated }, 'a password is of no use in token mode')
})

t.test('a credential that is a reference is followed, and one that leads nowhere is reported', async t => {
  const config = { gateway: { auth: { token: { source: 'env', provider: 'default', id: 'MY_TOKEN' } } } }
  const found = await choose(t, { config, env: { MY_TOKEN: 'referred' } })
  t.same(found.target.auth, { token: 'referred' })
  t.same(found.settings.credentialProblems, [])
  const lost = await choose(t, { config })
  t.same(lost.target.auth, {})
  t.match(lost.settings.credentialProblems, [/^gateway\.auth\.token: /])
})

t.test('--url needs a credential of its own and uses no other', async t => {
  const config = { gateway: { auth: { token: 'of-this-machine' } } }
  await t.rejects(choose(t, { config, flags: { url: 'wss://far.example.com' } }),
    { message: /^gateway url override requires explicit credentials/, type: 'gateway_credentials_required' })
  const { target } = await choose(t, { config, flags: { url: 'wss://far.example.com/base/', token: 'mine' } })
  t.match(target, { url: 'wss://far.example.com/base', urlSource: 'cli --url', local: false, mayUseStoredToken: false })
  t.same(target.auth, { token: 'mine' })
  await t.rejects(choose(t, { flags: { url: 'ws://127.0.0.1:1', token: 'x', port: 2 } }), { message: /exclude each other/ })
})

t.test('a remote gateway never gets the secret of this machine', async t => {
  const config = { gateway: { auth: { token: 'of-this-machine' } } }
  const fromEnv = await choose(t, { config, env: { OPENCLAW_GATEWAY_URL: 'wss://far.example.com' } })
  t.match(fromEnv.target, { url: 'wss://far.example.com', urlSource: 'env OPENCLAW_GATEWAY_URL', local: false, mayUseStoredToken: true })
  t.same(fromEnv.target.auth, {})
  const remote = { ...config.gateway, mode: 'remote', remote: { url: 'wss://far.example.com', token: 'of-the-remote', tlsFingerprint: 'ab:cd' } }
  const configured = await choose(t, { config: { gateway: remote } })
  t.match(configured.target, { urlSource: 'config gateway.remote.url', local: false, tls: { fingerprint: 'ab:cd' } })
  t.same(configured.target.auth, { token: 'of-the-remote' })
  t.match((await choose(t, { config: { gateway: remote }, flags: { port: 1234 } })).target, { url: 'ws://127.0.0.1:1234', local: true })
})

t.test('a credential in a flag is the only one that is tried', async t => {
  t.equal((await choose(t, { flags: { token: 'x' } })).target.mayUseStoredToken, false)
  t.equal((await choose(t, {})).target.mayUseStoredToken, true)
})

t.test('addresses that would send a secret in the clear to strangers are refused', async t => {
  const to = async (url: string, env: NodeJS.ProcessEnv = {}) => (await choose(t, { flags: { url, token: 'x' }, env })).target.url
  for (const url of ['ws://8.8.8.8', 'ws://gateway.example.com:18789', 'http://gateway.example.com', 'ws://[2001:db8::1]']) {
    await t.rejects(to(url), { message: /^Refusing to send credentials over plain ws:\/\// }, url)
  }
  for (const url of ['ws://localhost:1', 'ws://127.0.0.1:1', 'ws://[::1]:1', 'ws://192.168.1.5:1', 'ws://100.64.3.2:1', 'wss://gateway.example.com']) {
    t.equal(await to(url), url)
  }
  t.equal(await to('http://127.0.0.1:5/'), 'ws://127.0.0.1:5')
  t.equal(await to('127.0.0.1:5'), 'ws://127.0.0.1:5')
  await t.rejects(to('ws://nas.local:1'), { message: /OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1/ })
  t.equal(await to('ws://nas.local:1', { OPENCLAW_ALLOW_INSECURE_PRIVATE_WS: '1' }), 'ws://nas.local:1')
  await t.rejects(to('ws://gateway.example.com', { OPENCLAW_ALLOW_INSECURE_PRIVATE_WS: '1' }), { message: /^Refusing/ })
  await t.rejects(to('ftp://127.0.0.1'), { message: /use ws:\/\/ or wss:\/\// })
  await t.rejects(to('wss://me:secret@far.example.com'), { message: /not in the URL/ })
  await t.rejects(to('wss://'), { message: /is not a URL/ })
})

t.test('a state directory that cannot be read costs no command its target', async t => {
  const home = cliHome(freshDirectory(t))
  mkdirSync(join(home.stateDir, 'gateway.token'))
  const io = { env: home.env } as never
  const settings = await loadLocalSettings({ io, global: { dev: false, profile: undefined, logLevel: undefined, color: false } })
  t.equal(settings.generatedToken, undefined)
})

t.test('a configuration that cannot be read leads nobody to a gateway that may be another', async t => {
  const home = cliHome(freshDirectory(t))
  const meant = async (text: string, { env = {}, flags = {} }: Pick<Given, 'env' | 'flags'> = {}): Promise<{ url: string, said: string[] }> => {
    writeFileSync(home.configPath, text)
    const io = { env: { ...home.env, ...env } } as never
    const settings = await loadLocalSettings({ io, global: { dev: false, profile: undefined, logLevel: undefined, color: false } })
    const said: string[] = []
    return { url: meantTarget(flags, settings, words => said.push(words)).url, said }
  }
  const broken = '{ gateway: { port: 20001, '
  const refusal = { type: 'gateway_address_unknown', message: /^openclaw\.json:1:\d+ — not valid JSON5.*OPENCLAW_GATEWAY_PORT/s }
  await t.rejects(meant(broken), refusal)
  await t.rejects(meant('{ gateway: { port: "many" } }'), { type: 'gateway_address_unknown', message: /gateway\.port/ })
  t.same(await meant('{ gateway: { port: 20001, auth: { mode: "sesame" } } }'), { url: 'ws://127.0.0.1:20001', said: [] }, 'what is wrong elsewhere leaves the address')
  t.match(await meant(broken, { env: { OPENCLAW_GATEWAY_PORT: '20002' } }), { url: 'ws://127.0.0.1:20002', said: [/^openclaw\.json:1:\d+ .*asking ws:\/\/127\.0\.0\.1:20002/] })
  t.match(await meant(broken, { flags: { port: 20003 } }), { url: 'ws://127.0.0.1:20003', said: [/cli --port/] })
  t.same(await meant(broken, { env: { OPENCLAW_GATEWAY_URL: 'wss://gw.example.com' } }), { url: 'wss://gw.example.com', said: [] })
  const lock = await acquireStateLock({ stateDir: home.stateDir, configPath: home.configPath, port: 20004, now: Date.now })
  t.match(await meant(broken), { url: 'ws://127.0.0.1:20004', said: [/the gateway of this state directory/] })
  lock.release()
  await t.rejects(meant(broken), refusal)
})
