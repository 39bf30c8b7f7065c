import { PhotonImage } from '@silvia-odwyer/photon-node'
import t from 'tap'
import { imageFacts } from '../../src/agent/image-facts.ts'
import { createTalk } from './prompt/scene.ts'

/** Left half red, right half blue. */
function picture (width: number, height: number, alpha = 255): PhotonImage {
  const pixels = new Uint8Array(width * height * 4)
  for (let at = 0; at < width * height; at++) pixels.set(at % width < width / 2 ? [255, 0, 0, alpha] : [0, 0, 255, alpha], at * 4)
  return new PhotonImage(pixels, width, height)
}

const png = (width: number, height: number, alpha?: number): Buffer => Buffer.from(picture(width, height, alpha).get_bytes())
const jpeg = (width: number, height: number): Buffer => Buffer.from(picture(width, height).get_bytes_jpeg(90))
const webp = (width: number, height: number): Buffer => Buffer.from(picture(width, height).get_bytes_webp())
const gif = Buffer.from('R0lGODlhAgABAIAAAP8AAAD/ACwAAAAAAgABAAACAkQKADs=', 'base64')

/** The same JPEG with the note of a camera that it has to be turned. */
function oriented (bytes: Buffer, orientation: number): Buffer {
  const tiff = Buffer.from([0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0])
  const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff])
  const head = Buffer.from([0xff, 0xe1, 0, exif.length + 2])
  return Buffer.concat([bytes.subarray(0, 2), head, exif, bytes.subarray(2)])
}

const attach = (bytes: Buffer, more: object = {}): { attachments: object[] } => ({ attachments: [{ type: 'image', content: bytes.toString('base64'), ...more }] })

/** The pictures of the last message that the model got. */
function seen (body: { messages: Array<{ role: string, content: Array<{ type: string, image_url?: { url: string } }> }> }): Array<{ mimeType: string, bytes: Buffer }> {
  return body.messages.findLast(({ role }) => role === 'user')!.content.flatMap(({ image_url: image }) => {
    const [, mimeType, data] = /^data:([^;]+);base64,(.*)$/s.exec(image?.url ?? '') ?? []
    return mimeType && data ? [{ mimeType, bytes: Buffer.from(data, 'base64') }] : []
  })
}

t.test('the model sees pictures no larger than imageMaxDimensionPx, and the transcript keeps the small ones', async t => {
  // Made before there is a gateway, whose event loop it would hold up.
  const kinds = [
    { bytes: png(300, 150), as: 'image/png', size: { width: 64, height: 32 } },
    { bytes: jpeg(150, 300), as: 'image/jpeg', size: { width: 32, height: 64 } },
    { bytes: webp(200, 200), as: 'image/png', size: { width: 64, height: 64 } },
    { bytes: png(300, 1), as: 'image/png', size: { width: 64, height: 1 } },
    { bytes: png(100, 100, 128), as: 'image/png', size: { width: 64, height: 64 } }
  ]
  const { say, server, gateway } = await createTalk(t, { defaults: { imageMaxDimensionPx: 64 } })
  for (const { bytes, as, size } of kinds) {
    t.match((await say('look', attach(bytes))).payload, { state: 'final' })
    const [image] = seen(server.requests.at(-1)!.body)
    t.equal(image!.mimeType, as)
    t.match(imageFacts(image!.bytes), { mimeType: as, ...size })
  }
  const lines = await gateway.gateway.rooms.sessions.lines.tail('agent:main:main', { limit: 100 })
  const stored = lines.flatMap(({ value }) => value.type === 'message' && value.message.role === 'user' && typeof value.message.content !== 'string'
    ? value.message.content.flatMap(part => part.type === 'image' ? [imageFacts(Buffer.from(part.data, 'base64'))!] : [])
    : [])
  t.equal(stored.length, kinds.length)
  t.ok(stored.every(({ width, height }) => Math.max(width, height) <= 64))
})

t.test('a picture that is small enough goes as it is, named by its bytes and not by what was said', async t => {
  const { say, server } = await createTalk(t)
  const small = png(20, 10)
  await say('look', attach(small, { mimeType: 'image/jpeg' }))
  t.same(seen(server.requests.at(-1)!.body), [{ mimeType: 'image/png', bytes: small }])
  await say('and this', attach(gif, { mimeType: undefined, content: `data:image/gif;base64,${gif.toString('base64')}` }))
  t.same(seen(server.requests.at(-1)!.body), [{ mimeType: 'image/gif', bytes: gif }])
  await say('', attach(small))
  t.same(seen(server.requests.at(-1)!.body), [{ mimeType: 'image/png', bytes: small }], 'a picture needs no words')
})

t.test('a picture that a camera held turned is turned back', async t => {
  const held = jpeg(128, 64)
  const { say, server } = await createTalk(t, { defaults: { imageMaxDimensionPx: 64 } })
  const expected: { [orientation: number]: [width: number, height: number, red: 'left' | 'right' | 'top' | 'bottom'] } = {
    1: [64, 32, 'left'], 2: [64, 32, 'right'], 3: [64, 32, 'right'], 4: [64, 32, 'left'], 5: [32, 64, 'top'], 6: [32, 64, 'top'], 7: [32, 64, 'bottom'], 8: [32, 64, 'bottom']
  }
  for (const [orientation, [width, height, red]] of Object.entries(expected)) {
    await say('look', attach(oriented(held, Number(orientation))))
    const [image] = seen(server.requests.at(-1)!.body)
    const turned = PhotonImage.new_from_byteslice(image!.bytes)
    t.same([turned.get_width(), turned.get_height()], [width, height], orientation)
    const [x, y] = { left: [2, height / 2], right: [width - 3, height / 2], top: [width / 2, 2], bottom: [width / 2, height - 3] }[red] as [number, number]
    const pixels = turned.get_raw_pixels()
    t.ok(pixels[(y * width + x) * 4]! > 200 && pixels[(y * width + x) * 4 + 2]! < 60, `red is at the ${red} of ${orientation}`)
  }
})

t.test('what is no picture that models read is refused, with the reason, and nothing is stored', async t => {
  const { client, gateway } = await createTalk(t)
  const huge = png(4, 4)
  huge.writeUInt32BE(40_000, 16)
  huge.writeUInt32BE(40_000, 20)
  const refusals: Array<[content: string, message: RegExp, code?: string]> = [
    ['not base64 at all!', /not valid base64/],
    [Buffer.from('just words').toString('base64'), /no picture, or is broken; send PNG, JPEG, WebP or GIF/],
    [Buffer.from('\0\0\0\x18ftypheic\0\0\0\0', 'latin1').toString('base64'), /HEIC, which models cannot read/],
    [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64'), /SVG, which models cannot read/],
    [huge.toString('base64'), /40000 x 40000 points; at most 50 million/, 'PAYLOAD_TOO_LARGE'],
    [png(20, 20).subarray(0, 16).toString('base64'), /broken/]
  ]
  for (const [content, message, code = 'INVALID_PARAMS'] of refusals) {
    const { error } = await client.request('chat.send', { sessionKey: 'agent:main:main', message: 'x', idempotencyKey: 'k', attachments: [{ mimeType: 'image/png', content }] })
    t.match(error, { message, details: { code, nextStep: String } })
  }
  const tooLarge = await client.request('chat.send', {
    sessionKey: 'agent:main:main', message: 'x', idempotencyKey: 'k', attachments: [{ mimeType: 'image/png', content: 'A'.repeat(8_400_000) }]
  }, 20_000)
  t.match(tooLarge.error, { details: { code: 'PAYLOAD_TOO_LARGE' } })
  t.equal(gateway.gateway.rooms.sessions.get('agent:main:main'), undefined)
})

t.test('a picture that breaks the reader takes nobody with it', async t => {
  const { client, say, server } = await createTalk(t, { defaults: { imageMaxDimensionPx: 64 } })
  const broken = png(300, 300)
  broken.fill(7, 60)
  const { error } = await client.request('chat.send', { sessionKey: 'agent:main:main', message: 'x', idempotencyKey: 'k', ...attach(broken) }, 20_000)
  t.match(error, { message: /cannot be read; it may be broken/, details: { code: 'INVALID_PARAMS' } })
  const [one, two] = await Promise.all([say('one', { sessionKey: 'agent:main:a', ...attach(png(300, 300)) }), say('two', { sessionKey: 'agent:main:b', ...attach(jpeg(300, 300)) })])
  t.match([one!.payload.state, two!.payload.state], ['final', 'final'])
  t.ok(server.requests.slice(-2).every(({ body }) => imageFacts(seen(body)[0]!.bytes)!.width === 64))
})

t.test('size and kind are read from every container of the four formats', async t => {
  t.match(imageFacts(png(30, 20)), { mimeType: 'image/png', width: 30, height: 20, orientation: 1 })
  t.match(imageFacts(oriented(jpeg(30, 20), 6)), { mimeType: 'image/jpeg', width: 30, height: 20, orientation: 6 })
  t.match(imageFacts(gif), { mimeType: 'image/gif', width: 2, height: 1 })
  t.match(imageFacts(webp(30, 20)), { mimeType: 'image/webp', width: 30, height: 20 })
  const extended = Buffer.alloc(30)
  extended.write('RIFF....WEBPVP8X', 'latin1')
  extended.writeUIntLE(99, 24, 3)
  extended.writeUIntLE(49, 27, 3)
  t.match(imageFacts(extended), { width: 100, height: 50 })
  const lossy = Buffer.alloc(30)
  lossy.write('RIFF....WEBPVP8 ', 'latin1')
  lossy.writeUInt16LE(320, 26)
  lossy.writeUInt16LE(200, 28)
  t.match(imageFacts(lossy), { width: 320, height: 200 })
  for (const bytes of [png(9, 9), jpeg(9, 9), webp(9, 9), gif]) {
    for (let length = 0; length < Math.min(bytes.length, 40); length++) t.doesNotThrow(() => imageFacts(bytes.subarray(0, length)))
  }
  t.doesNotThrow(() => imageFacts(oriented(jpeg(9, 9), 200)))
})
