/** What a picture is by its own bytes, whatever somebody says it is. */

export type ImageType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp'

export interface ImageFacts {
  readonly mimeType: ImageType
  readonly width: number
  readonly height: number
  /** How cameras say that a picture must be turned, 1 to 8; 1: not at all. */
  readonly orientation: number
}

interface Size { readonly width: number, readonly height: number }

const ascii = (bytes: Buffer, from: number, to: number): string => bytes.toString('latin1', from, to)

function pngSize (bytes: Buffer): Size | undefined {
  if (bytes.length < 24 || ascii(bytes, 12, 16) !== 'IHDR') return undefined
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
}

function gifSize (bytes: Buffer): Size | undefined {
  return bytes.length < 10 ? undefined : { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }
}

function webpSize (bytes: Buffer): Size | undefined {
  if (bytes.length < 30) return undefined
  const kind = ascii(bytes, 12, 16)
  if (kind === 'VP8X') return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
  if (kind === 'VP8 ') return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
  if (kind !== 'VP8L') return undefined
  const bits = bytes.readUInt32LE(21)
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
}

/** The tag 0x0112 in the first directory of an Exif segment. */
function exifOrientation (segment: Buffer): number {
  if (segment.length < 14 || ascii(segment, 0, 6) !== 'Exif\0\0') return 1
  const tiff = segment.subarray(6)
  const isLittle = ascii(tiff, 0, 2) === 'II'
  const word = (at: number): number => at + 2 > tiff.length ? 0 : isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at)
  const start = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  const entries = word(start)
  for (let index = 0; index < entries; index++) {
    const at = start + 2 + index * 12
    if (at + 12 > tiff.length) return 1
    if (word(at) !== 0x0112) continue
    const orientation = word(at + 8)
    return orientation >= 1 && orientation <= 8 ? orientation : 1
  }
  return 1
}

const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

function jpegFacts (bytes: Buffer): Size & { orientation: number } | undefined {
  let orientation = 1
  for (let at = 2; at + 9 <= bytes.length;) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1]!
    if (marker === 0xff) {
      at++
      continue
    }
    const length = bytes.readUInt16BE(at + 2)
    if (isFrame(marker)) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7), orientation }
    if (marker === 0xe1) orientation = exifOrientation(bytes.subarray(at + 4, at + 2 + length))
    at += 2 + Math.max(length, 2)
  }
  return undefined
}

function typeOf (bytes: Buffer): ImageType | undefined {
  if (ascii(bytes, 0, 8) === '\x89PNG\r\n\x1a\n') return 'image/png'
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'image/jpeg'
  if (/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) return 'image/gif'
  return ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP' ? 'image/webp' : undefined
}

const sizes: { readonly [type in ImageType]: (bytes: Buffer) => Size & { orientation?: number } | undefined } = {
  'image/png': pngSize, 'image/gif': gifSize, 'image/webp': webpSize, 'image/jpeg': jpegFacts
}

/** Undefined for what is none of the four kinds, or broken before its size is said. */
export function imageFacts (bytes: Buffer): ImageFacts | undefined {
  const mimeType = typeOf(bytes)
  const size = mimeType && sizes[mimeType](bytes)
  return size && size.width > 0 && size.height > 0 ? { mimeType, orientation: 1, ...size } : undefined
}
