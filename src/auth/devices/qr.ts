/** Setup codes as pictures. Loaded when somebody asks for one. */
const darkModule = 0
const lightModule = 255
const quietModules = 4
const pixelsPerModule = 4

function chunk (crc32: (data: Buffer) => number, type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(data.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}

/** The code as a `data:` URL of a grey PNG, for pages. */
export async function qrPngDataUrl (value: string): Promise<string> {
  const [{ encode }, { crc32, deflateSync }] = await Promise.all([import('uqr'), import('node:zlib')])
  const { data: modules } = encode(value, { border: quietModules })
  const side = modules.length * pixelsPerModule
  // Each row of a PNG begins with the number of its filter: none.
  const rows = modules.flatMap(line => {
    const row = Buffer.from([0, ...line.flatMap(dark => Array<number>(pixelsPerModule).fill(dark ? darkModule : lightModule))])
    return Array<Buffer>(pixelsPerModule).fill(row)
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header[8] = 8
  const png = Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk(crc32, 'IHDR', header),
    chunk(crc32, 'IDAT', deflateSync(Buffer.concat(rows), { level: 9 })),
    chunk(crc32, 'IEND', Buffer.alloc(0))
  ])
  return `data:image/png;base64,${png.toString('base64')}`
}
