import t from 'tap'
import { escapeControl, truncateUtf8 } from '../../src/lib/text.ts'

t.test('text without surprises is returned as it is', async t => {
  t.equal(escapeControl('GET /health 200 – naïve 😀'), 'GET /health 200 – naïve 😀')
})

t.test('characters that break lines, steer terminals or turn the reading direction are written out', async t => {
  t.equal(escapeControl('a\r\nb\u001b[31mc\u0000\u007f\u0085'), 'a\\u000d\\u000ab\\u001b[31mc\\u0000\\u007f\\u0085')
  for (const code of [0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0x061c]) {
    t.equal(escapeControl(`x${String.fromCharCode(code)}y`), `x\\u${code.toString(16).padStart(4, '0')}y`)
  }
})

t.test('no control or format character of the first planes survives, and ordinary ones all do', async t => {
  const wrong: number[] = []
  for (let code = 0; code < 0x3000; code++) {
    const character = String.fromCharCode(code)
    const steers = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u.test(character)
    // Beside one that must be escaped, so that the slow way is tried for all of them.
    if ((escapeControl(`\n${character}`) === `\\u000a${character}`) === steers) wrong.push(code)
  }
  t.same(wrong, [])
})

t.test('a long text is cut to the limit, with the cut shown', async t => {
  t.equal(escapeControl('x'.repeat(256)), 'x'.repeat(256))
  t.equal(escapeControl('x'.repeat(257)), `${'x'.repeat(255)}…`)
  t.equal(escapeControl('abcdef', 4), 'abc…')
})

t.test('neither an escape nor a pair of surrogates is cut in two', async t => {
  t.equal(escapeControl('ab\n\n', 8), 'ab…')
  t.equal(escapeControl('ab\n', 8), 'ab\\u000a')
  t.equal(escapeControl('ab😀😀', 4), 'ab…')
  t.equal(escapeControl('ab😀', 4), 'ab😀')
  for (let max = 1; max < 40; max++) t.ok(escapeControl('\n😀x\u202e'.repeat(20), max).length <= max)
})

t.test('truncateUtf8 keeps the longest beginning that fits, in whole characters', async t => {
  t.equal(truncateUtf8('short', 123), 'short')
  t.equal(truncateUtf8('äöü', 4), 'äö')
  t.equal(truncateUtf8('äöü', 5), 'äö')
  t.equal(truncateUtf8('a😀b', 4), 'a')
  t.equal(truncateUtf8('a😀b', 5), 'a😀')
  t.equal(truncateUtf8('anything', 0), '')
  t.equal(Buffer.byteLength(truncateUtf8('€'.repeat(100), 123)), 123)
})
