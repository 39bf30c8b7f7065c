import t from 'tap'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openGateway, type OpenOptions } from '../../src/cli/open-gateway.ts'
import type { GatewayTarget } from '../../src/cli/target.ts'
import { fullOperatorScopes } from '../../src/protocol/scopes.ts'
import { hello, refused, startScripted, type Scripted } from './scripted-gateway.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const admitted = (auth: object = {}) => ({ ok: true, payload: hello(auth) })
const issued = { deviceToken: 'issued-token', issuedAtMs: 5, scopes: ['operator.read', 'operator.write'] }

function opener (t: { testdir (): string, teardown (fn: () => unknown): void }) {
  const stateDir = ownDirectory(t)
  const notes: string[] = []
  const options: OpenOptions = { stateDir, timeoutMs: 3000, note: text => notes.push(text), now: Date.now }
  const target = (peer: Scripted, more: Partial<GatewayTarget> = {}): GatewayTarget => ({
    url: peer.url, urlSource: 'test', local: true, configPath: 'x', auth: { token: 'shared' }, authSource: 'config', mayUseStoredToken: true, ...more
  })
  return {
    stateDir,
    notes,
    async open (peer: Scripted, more: Partial<GatewayTarget> = {}, other: Partial<OpenOptions> = {}) {
      const client = await openGateway(target(peer, more), { ...options, ...other })
      await client.close()
      return client
    },
    stored: () => JSON.parse(readFileSync(join(stateDir, 'identity', 'device-auth.json'), 'utf8')).tokens
  }
}

t.test('the token that the gateway issues is kept, and used when there is nothing else', async t => {
  const peer = await startScripted(t, { connect: () => admitted(issued) })
  const { open, stored } = opener(t)
  await open(peer)
  t.match(Object.values(stored()), [{ token: 'issued-token', role: 'operator', scopes: issued.scopes }])
  await open(peer, { auth: {} })
  t.same(peer.connects.map(params => params.auth), [{ token: 'shared' }, { deviceToken: 'issued-token' }])
  t.same(peer.connects.map(params => params.scopes), [fullOperatorScopes, issued.scopes], 'never more scopes than the token has')
  t.equal(peer.connects[0].device.id, peer.connects[1].device.id, 'the identity stays the same')
})

t.test('without any credential it still asks: a gateway may want none', async t => {
  const peer = await startScripted(t)
  const { open } = opener(t)
  await open(peer, { auth: {} })
  t.notOk('auth' in peer.connects[0])
})

t.test('a wrong shared secret gives way to the device token once, when the gateway offers that', async t => {
  const peer = await startScripted(t, {
    connect: params => params.auth.token === 'shared' && peer.connects.length > 1
      ? refused('INVALID_REQUEST', { code: 'AUTH_TOKEN_MISMATCH', canRetryWithDeviceToken: true })
      : admitted(issued)
  })
  const { open } = opener(t)
  await open(peer)
  const client = await open(peer)
  t.equal(client.hello.auth.role, 'operator')
  t.same(peer.connects.map(params => Object.keys(params.auth)), [['token'], ['token'], ['deviceToken']])
})

t.test('a locked address is passed with the device token', async t => {
  const peer = await startScripted(t, {
    connect: params => params.auth.token && peer.connects.length > 1
      ? refused('INVALID_REQUEST', { code: 'AUTH_RATE_LIMITED' }, { retryable: true, retryAfterMs: 300_000 })
      : admitted(issued)
  })
  const { open } = opener(t)
  await open(peer)
  await open(peer)
  t.equal(peer.connects.length, 3)
})

t.test('when both are refused, the first refusal is the one that is told', async t => {
  let first = true
  const peer = await startScripted(t, {
    connect (params) {
      if (first) { first = false; return admitted(issued) }
      return params.auth.token
        ? refused('INVALID_REQUEST', { code: 'AUTH_TOKEN_MISMATCH', canRetryWithDeviceToken: true })
        : refused('INVALID_REQUEST', { code: 'AUTH_DEVICE_TOKEN_MISMATCH' })
    }
  })
  const { open } = opener(t)
  await open(peer)
  await t.rejects(open(peer), { message: 'refused: AUTH_TOKEN_MISMATCH' })
})

t.test('a credential that the user named is the only one that is tried', async t => {
  let first = true
  const peer = await startScripted(t, {
    connect () {
      if (first) { first = false; return admitted(issued) }
      return refused('INVALID_REQUEST', { code: 'AUTH_TOKEN_MISMATCH', canRetryWithDeviceToken: true })
    }
  })
  const { open } = opener(t)
  await open(peer)
  await t.rejects(open(peer, { mayUseStoredToken: false }), { message: 'refused: AUTH_TOKEN_MISMATCH' })
  t.equal(peer.connects.length, 2)
})

t.test('a device token that the gateway no longer knows is forgotten', async t => {
  let first = true
  const peer = await startScripted(t, {
    connect () {
      if (first) { first = false; return admitted(issued) }
      return refused('INVALID_REQUEST', { code: 'AUTH_DEVICE_TOKEN_MISMATCH' })
    }
  })
  const { open, stored } = opener(t)
  await open(peer)
  await t.rejects(open(peer, { auth: {} }), { message: 'refused: AUTH_DEVICE_TOKEN_MISMATCH' })
  t.same(stored(), {})
})

t.test('where more scopes need approval it goes on with the approved ones and says how to get more', async t => {
  const details = { code: 'PAIRING_REQUIRED', reason: 'scope-upgrade', requestId: 'r-1', approvedScopes: ['operator.read'] }
  const peer = await startScripted(t, {
    connect: params => params.scopes.length > 1 ? refused('NOT_PAIRED', details) : admitted()
  })
  const { open, notes } = opener(t)
  await open(peer)
  t.same(peer.connects.map(params => params.scopes), [fullOperatorScopes, ['operator.read']])
  t.match(notes, ['This device is approved for operator.read only. To allow more: openclaw devices approve r-1'])
})

t.test('a device that is not paired at all is refused as such', async t => {
  const peer = await startScripted(t, {
    connect: () => refused('NOT_PAIRED', { code: 'PAIRING_REQUIRED', reason: 'not-paired', requestId: 'r-1' })
  })
  const { open } = opener(t)
  await t.rejects(open(peer), { code: 'NOT_PAIRED' })
  t.equal(peer.connects.length, 1)
})

t.test('a gateway that is starting is waited for', async t => {
  const starting = refused('UNAVAILABLE', { reason: 'startup-sidecars' }, { retryable: true, retryAfterMs: 10 })
  const peer = await startScripted(t, {
    connect: (_params, index) => index < 3 ? starting : admitted(),
    upgrade: index => index === 0 ? { status: 503, headers: { 'retry-after': '0' }, body: 'starting' } : undefined
  })
  const { open } = opener(t)
  await open(peer)
  t.equal(peer.connects.length, 4)
})

t.test('but not longer than the timeout', async t => {
  const peer = await startScripted(t, { connect: () => refused('UNAVAILABLE', {}, { retryable: true, retryAfterMs: 20 }) })
  const { open } = opener(t)
  // The time that it has passes with every knock, however long that takes.
  await t.rejects(open(peer, {}, { timeoutMs: 60_000, now: () => peer.connects.length * 25_000 }), { code: 'UNAVAILABLE' })
  t.equal(peer.connects.length, 3)
})

t.test('somebody else\'s gateway that is only looked at learns no device', async t => {
  const peer = await startScripted(t, { connect: () => admitted(issued) })
  const { open } = opener(t)
  await open(peer, { local: false }, { identity: 'if-paired' })
  t.notOk('device' in peer.connects[0])
  t.match(peer.connects[0].client, { id: 'openclaw-probe', mode: 'probe' })
  await open(peer, { local: false })
  await open(peer, { local: false }, { identity: 'if-paired' })
  t.ok('device' in peer.connects[2], 'once paired, it is looked at as that device')
})

t.test('a state directory that cannot hold an identity does not stop a connect with the shared secret', async t => {
  const peer = await startScripted(t)
  const { open, stateDir, notes } = opener(t)
  writeFileSync(join(stateDir, 'identity'), 'a file where a directory should be')
  await open(peer)
  t.notOk('device' in peer.connects[0])
  t.match(notes.join(), /No device identity/)
})
