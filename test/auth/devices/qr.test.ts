import { inflateSync } from 'node:zlib'
import t from 'tap'
import { qrPngDataUrl } from '../../../src/auth/devices/qr.ts'

const code = `oc-pair://${'A'.repeat(180)}`

t.test('a page gets the same code as a small grey PNG', async t => {
  const { encode } = await import('uqr')
  const url = await qrPngDataUrl(code)
  t.match(url, /^data:image\/png;base64,/)
  t.ok(url.length <= 16_384, `${url.length} characters, the contract allows 16384`)
  const png = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')
  t.strictSame(png.subarray(0, 8), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
  const { data: modules } = encode(code, { border: 4 })
  const side = png.readUInt32BE(16)
  t.equal(side, modules.length * 4)
  const compressedBytes = png.readUInt32BE(33)
  const pixels = inflateSync(png.subarray(41, 41 + compressedBytes))
  const shown = modules.map((line, y) => line.map((_, x) => pixels[(y * 4 + 1) * (side + 1) + 1 + x * 4 + 2] === 0))
  t.strictSame(shown, modules)
})
