import t from 'tap'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createSecretCheck, hashToken, isPlaceholderSecret, newToken, PresentedSecret, secretsEqual } from '../../src/auth/secret.ts'
import { fingerprint } from '../../src/lib/fingerprint.ts'

t.test('equal secrets are equal and nothing else is', async t => {
  t.equal(secretsEqual('correct horse', 'correct horse'), true)
  for (const other of ['correct hors', 'correct horsf', 'correct horse ', 'Correct horse', '', 'correct horse\0', 'x'.repeat(100_000)]) {
    t.equal(secretsEqual(other, 'correct horse'), false, JSON.stringify(other.slice(0, 20)))
    t.equal(secretsEqual('correct horse', other), false)
  }
})

t.test('an empty secret equals nothing, not even an empty one', async t => {
  t.equal(secretsEqual('', ''), false)
  t.equal(secretsEqual('', 'x'), false)
})

t.test('the time of a comparison does not show how much of a guess was right', async t => {
  const secret = newToken()
  const guesses = [`${secret.slice(0, -1)}!`, `!${secret.slice(1)}`]
  const measure = (guess: string): number => {
    const startedAt = process.hrtime.bigint()
    for (let call = 0; call < 50; call++) secretsEqual(guess, secret)
    return Number(process.hrtime.bigint() - startedAt)
  }
  const median = (values: number[]): number => values.slice(200).sort((a, b) => a - b)[500] ?? 0
  const ratioOf = (): number => {
    const samples: [number[], number[]] = [[], []]
    for (let round = 0; round < 1_200; round++) {
      samples[0].push(measure(guesses[0] ?? ''))
      samples[1].push(measure(guesses[1] ?? ''))
    }
    return median(samples[0]) / median(samples[1])
  }
  // A disturbance passes and a difference stays: one measurement without it is enough.
  t.ok(Array.from({ length: 5 }, () => ratioOf).some(measured => {
    const ratio = measured()
    t.comment(`right beginning against wrong beginning: ${ratio.toFixed(3)}`)
    return ratio > 0.8 && ratio < 1.25
  }))
})

t.test('secrets are compared in one place only', async t => {
  const root = fileURLToPath(new URL('../../src/', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const comparing = files.filter(name => readFileSync(root + name, 'utf8').includes('timingSafeEqual'))
  t.same(comparing.map(name => name.replaceAll('\\', '/')), ['auth/secret.ts'])
})

t.test('tokens are long, different and fit for URLs', async t => {
  const tokens = Array.from({ length: 100 }, () => newToken())
  t.equal(new Set(tokens).size, 100)
  for (const token of tokens) t.match(token, /^[A-Za-z0-9_-]{43}$/)
  t.equal(newToken(24).length, 32)
})

t.test('hash and fingerprint follow from the secret without containing it', async t => {
  const token = newToken()
  t.equal(hashToken(token), hashToken(token))
  t.not(hashToken(token), hashToken(newToken()))
  t.match(fingerprint(token), /^[0-9a-f]{8}$/)
  t.equal(fingerprint(token), fingerprint(token))
  t.notOk(Buffer.from(hashToken(token), 'base64url').toString('hex').startsWith(fingerprint(token)), 'a fingerprint in a log is no part of a stored hash')
})

t.test('blank, masked and copied values are placeholders, real secrets are not', async t => {
  for (const value of ['', '  ', 'undefined', 'NULL', '__OPENCLAW_REDACTED__', '***', '••••••', 'change-me-now', 'change-me-to-a-long-random-token',
    ' change-me-to-a-strong-password ', 'YOUR_GATEWAY_TOKEN']) {
    t.equal(isPlaceholderSecret(value), true, JSON.stringify(value))
  }
  for (const value of [newToken(), 'test-token', 'nullable', 'a***b', 'undefined-behaviour', '0']) t.equal(isPlaceholderSecret(value), false, value)
})

t.test('what was hashed once is held against several secrets like what was not', async t => {
  const check = createSecretCheck()
  for (const own of ['correct horse', 'correct horse', 'another one', 'correct horse', '']) {
    for (const presented of ['correct horse', 'another one', 'correct hors', '']) {
      t.equal(check(new PresentedSecret(presented), own), secretsEqual(presented, own), JSON.stringify([presented, own]))
    }
  }
  t.equal(new PresentedSecret('token').hash, hashToken('token'))
})
