import t from 'tap'
import { closeReason } from '../../src/protocol/close-codes.ts'

t.test('a short reason is kept as it is', async t => {
  t.equal(closeReason('slow consumer'), 'slow consumer')
})

t.test('a long reason is cut to 123 bytes between characters', async t => {
  t.equal(Buffer.byteLength(closeReason('x'.repeat(500))), 123)
  const cut = closeReason('ü€😀'.repeat(100))
  t.ok(Buffer.byteLength(cut) <= 123)
  t.ok(Buffer.byteLength(cut) > 119, 'as much as fits')
  t.notMatch(cut, /\uFFFD/)
  t.ok('ü€😀'.repeat(100).startsWith(cut))
})
