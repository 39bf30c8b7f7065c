import t from 'tap'
import { checkSharedSecret, resolveGatewayAuth, type GatewayAuth, type ResolveAuthOptions } from '../../src/auth/gateway-auth.ts'

const vault: { [id: string]: { value?: string, error?: string } } = {
  good: { value: 'from-the-vault' },
  broken: { error: 'provider "vault" (env): VAULT_TOKEN is not set' },
  empty: { value: ' ' }
}
const resolveSecret = async (value: unknown) => typeof value === 'string' ? { value } : vault[(value as { id: string }).id] ?? {}
const resolve = (options: Partial<Omit<ResolveAuthOptions, 'resolveSecret'>>): Promise<GatewayAuth> =>
  resolveGatewayAuth({ config: {}, env: {}, flags: {}, resolveSecret, ...options })

t.test('the mode comes from the flag, else the configuration, else the secrets, else it is token', async t => {
  const env = { OPENCLAW_GATEWAY_TOKEN: 'env-token', OPENCLAW_GATEWAY_PASSWORD: 'env-password' }
  t.match(await resolve({ flags: { auth: 'none' }, config: { auth: { mode: 'password' } }, env }), { mode: 'none', modeSource: 'override' })
  t.match(await resolve({ config: { auth: { mode: 'token' } }, env }), { mode: 'token', modeSource: 'config', token: 'env-token' })
  t.match(await resolve({ env }), { mode: 'password', modeSource: 'password', password: 'env-password' })
  t.match(await resolve({ env: { OPENCLAW_GATEWAY_TOKEN: 'x' } }), { mode: 'token', modeSource: 'token' })
  t.same(await resolve({}), { mode: 'token', modeSource: 'default', problems: [] })
})

t.test('a secret comes from the flag, else the configuration, else the environment', async t => {
  const env = { OPENCLAW_GATEWAY_TOKEN: 'env-token' }
  const config = { auth: { mode: 'token' as const, token: 'config-token' } }
  t.match(await resolve({ flags: { token: 'flag-token' }, config, env }), { token: 'flag-token', tokenSource: 'flag' })
  t.match(await resolve({ config, env }), { token: 'config-token', tokenSource: 'config' })
  t.match(await resolve({ env }), { token: 'env-token', tokenSource: 'env' })
  t.match(await resolve({ config: { auth: { token: { source: 'exec', id: 'good' } } }, env }), { token: 'from-the-vault', tokenSource: 'config' })
  t.match(await resolve({ flags: { password: ' padded\n' } }), { mode: 'password', password: 'padded', passwordSource: 'flag' })
  t.match(await resolve({ env: { CLAWDBOT_GATEWAY_TOKEN: 'old', MOLTBOT_GATEWAY_PASSWORD: 'older' } }), { token: undefined, password: undefined }, 'old names mean nothing')
})

t.test('a configured secret that cannot be had fails closed instead of falling through', async t => {
  const env = { OPENCLAW_GATEWAY_TOKEN: 'env-token', OPENCLAW_GATEWAY_PASSWORD: 'env-password' }
  const broken = await resolve({ config: { auth: { mode: 'token', token: { id: 'broken' } } }, env })
  t.equal(broken.token, undefined)
  t.match(broken.problems, [{ text: /^Gateway failed to start: .*gateway\.auth\.token.*provider "vault"/, next: /OPENCLAW_GATEWAY_TOKEN/ }])
  const undecided = await resolve({ config: { auth: { password: { id: 'broken' } } }, env })
  t.equal(undecided.password, undefined)
  t.equal(undecided.problems.length, 1)
  for (const token of [{ id: 'empty' }, { id: 'absent' }, '', '  ']) {
    const blank = await resolve({ config: { auth: { token } }, env })
    t.equal(blank.token, undefined)
    t.match(blank.problems, [{ text: /gateway\.auth\.token is blank/ }], JSON.stringify(token))
  }
  t.match((await resolve({ flags: { token: '' }, env })).problems, [{ text: /--token is blank/ }])
  t.same((await resolve({ env: { OPENCLAW_GATEWAY_TOKEN: '' } })).problems, [], 'an empty variable is an absent one')
})

t.test('a secret that the mode does not use is not asked for', async t => {
  const auth = { token: { id: 'broken' }, password: { id: 'broken' } }
  t.same((await resolve({ config: { auth: { ...auth, mode: 'none' } } })).problems, [])
  t.match(await resolve({ config: { auth: { ...auth, token: 'x', mode: 'token' } } }), { token: 'x', problems: [] })
  t.match(await resolve({ flags: { token: 'x' }, config: { auth: { token: { id: 'broken' } } } }), { token: 'x', problems: [] })
})

t.test('both secrets configured without a mode is a question that the gateway does not answer itself', async t => {
  const both = { token: 'a', password: { id: 'good' } }
  t.match((await resolve({ config: { auth: both } })).problems, [{
    text: 'Gateway failed to start: Invalid config: gateway.auth.token and gateway.auth.password are both configured, but gateway.auth.mode is unset. Set gateway.auth.mode to token or password.'
  }])
  t.same((await resolve({ config: { auth: { ...both, mode: 'token' } } })).problems, [])
  t.same((await resolve({ config: { auth: both }, flags: { auth: 'password' } })).problems, [])
})

t.test('a token has a fingerprint, a password has none', async t => {
  t.match((await resolve({ flags: { token: 'a-token' } })).tokenFingerprint, /^[0-9a-f]{8}$/)
  t.equal((await resolve({ flags: { password: 'secret' } })).tokenFingerprint, undefined)
})

const tokenAuth: GatewayAuth = { mode: 'token', modeSource: 'config', token: 'right', problems: [] }
const passwordAuth: GatewayAuth = { mode: 'password', modeSource: 'config', password: 'right', token: 'unused', problems: [] }

t.test('the secret may arrive in either field, and with both filled the one of the mode counts', async t => {
  t.same(checkSharedSecret(tokenAuth, { token: 'right' }), { ok: true, method: 'token' })
  t.same(checkSharedSecret(tokenAuth, { password: 'right' }), { ok: true, method: 'token' })
  t.same(checkSharedSecret(passwordAuth, { token: 'right' }), { ok: true, method: 'password' })
  t.same(checkSharedSecret(tokenAuth, { token: 'right', password: 'wrong' }), { ok: true, method: 'token' })
  t.same(checkSharedSecret(tokenAuth, { token: 'wrong', password: 'right' }), { ok: false, reason: 'token_mismatch', counted: true })
  t.same(checkSharedSecret(passwordAuth, { token: 'right', password: 'wrong' }), { ok: false, reason: 'password_mismatch', counted: true })
  t.same(checkSharedSecret(tokenAuth, { token: ' ', password: 'right' }), { ok: true, method: 'token' }, 'a blank field is an absent one')
  t.same(checkSharedSecret(tokenAuth, { token: ' right\n' }), { ok: true, method: 'token' })
})

t.test('a missing secret is not an attempt, a wrong one is, whatever else is sent along', async t => {
  for (const presented of [{}, { token: '' }, { token: '  ', password: '\t' }]) {
    t.same(checkSharedSecret(tokenAuth, presented), { ok: false, reason: 'token_missing', counted: false })
    t.same(checkSharedSecret(passwordAuth, presented), { ok: false, reason: 'password_missing', counted: false })
  }
  const extras = { deviceToken: 'bogus', bootstrapToken: 'bogus', approvalRuntimeToken: 'bogus' }
  for (const presented of [{ token: 'x' }, { password: 'x' }, { token: 'x', password: 'y' }, { token: 'x', ...extras }, { token: 'unused', ...extras }]) {
    t.match(checkSharedSecret(tokenAuth, presented), { ok: false, counted: true })
  }
  t.match(checkSharedSecret(passwordAuth, { token: 'unused' }), { ok: false, reason: 'password_mismatch' }, 'the secret of another mode opens nothing')
})

t.test('without a configured secret nothing is right, blank least of all', async t => {
  for (const token of [undefined, '']) {
    for (const presented of [{}, { token: '' }, { token: 'undefined' }, { token: 'x' }]) {
      t.equal(checkSharedSecret({ ...tokenAuth, token }, presented).ok, false)
    }
  }
  t.same(checkSharedSecret({ ...tokenAuth, token: undefined }, { token: 'x' }), { ok: false, reason: 'token_missing_config', counted: false })
  t.same(checkSharedSecret({ ...passwordAuth, password: undefined }, { token: 'x' }), { ok: false, reason: 'password_missing_config', counted: false })
  t.equal(checkSharedSecret({ ...tokenAuth, mode: 'none' }, { token: 'right' }).ok, false)
})

t.test('behind a trusted proxy only the password field is a way in', async t => {
  const auth: GatewayAuth = { mode: 'trusted-proxy', modeSource: 'config', password: 'right', problems: [] }
  t.same(checkSharedSecret(auth, { password: 'right' }), { ok: true, method: 'password' })
  t.same(checkSharedSecret(auth, { token: 'right' }), { ok: false, reason: 'password_missing', counted: false })
  t.match(checkSharedSecret({ ...auth, password: undefined }, { password: 'right' }), { ok: false, reason: 'password_missing_config' })
})
