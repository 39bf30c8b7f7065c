/** The thread that scales pictures: one after the other, so that nothing else waits for them. */
import { parentPort } from 'node:worker_threads'
import { PhotonImage, resize, SamplingFilter } from '@silvia-odwyer/photon-node'

export interface ScaleJob {
  readonly bytes: Uint8Array
  readonly width: number
  readonly height: number
  readonly orientation: number
  /** Pictures with flat colours and text keep their kind as long as they stay small. */
  readonly keepPng: boolean
}

export interface ScaleAnswer {
  readonly data?: string
  readonly mimeType?: string
  readonly error?: string
}

const jpegQuality = 85
const maxPngBytes = 1024 * 1024

/** From where in the picture each point of the turned one comes; `right` and `bottom` are the last column and row of the original. */
const sources: { readonly [orientation: number]: (x: number, y: number, right: number, bottom: number) => readonly [number, number] } = {
  2: (x, y, right) => [right - x, y],
  3: (x, y, right, bottom) => [right - x, bottom - y],
  4: (x, y, _right, bottom) => [x, bottom - y],
  5: (x, y) => [y, x],
  6: (x, y, _right, bottom) => [y, bottom - x],
  7: (x, y, right, bottom) => [right - y, bottom - x],
  8: (x, y, right) => [right - y, x]
}

function turned (image: PhotonImage, orientation: number): PhotonImage {
  const source = sources[orientation]
  if (!source) return image
  const [width, height] = [image.get_width(), image.get_height()]
  const [newWidth, newHeight] = orientation >= 5 ? [height, width] : [width, height]
  const before = new Uint32Array(image.get_raw_pixels().slice().buffer)
  const after = new Uint32Array(before.length)
  for (let y = 0; y < newHeight; y++) {
    for (let x = 0; x < newWidth; x++) {
      const [fromX, fromY] = source(x, y, width - 1, height - 1)
      after[y * newWidth + x] = before[fromY * width + fromX]!
    }
  }
  image.free()
  return new PhotonImage(new Uint8Array(after.buffer), newWidth, newHeight)
}

function isOpaque (image: PhotonImage): boolean {
  const pixels = image.get_raw_pixels()
  for (let at = 3; at < pixels.length; at += 4) if (pixels[at] !== 255) return false
  return true
}

function encode (image: PhotonImage, keepPng: boolean): { bytes: Uint8Array, mimeType: string } {
  const opaque = isOpaque(image)
  if (keepPng || !opaque) {
    const bytes = image.get_bytes()
    if (!opaque || bytes.length <= maxPngBytes) return { bytes, mimeType: 'image/png' }
  }
  return { bytes: image.get_bytes_jpeg(jpegQuality), mimeType: 'image/jpeg' }
}

function scale ({ bytes, width, height, orientation, keepPng }: ScaleJob): ScaleAnswer {
  const original = PhotonImage.new_from_byteslice(bytes)
  const small = resize(original, width, height, SamplingFilter.Triangle)
  original.free()
  const image = turned(small, orientation)
  const { bytes: result, mimeType } = encode(image, keepPng)
  image.free()
  return { data: Buffer.from(result).toString('base64'), mimeType }
}

parentPort!.on('message', (job: ScaleJob) => {
  try {
    parentPort!.postMessage(scale(job))
  } catch (error) {
    parentPort!.postMessage({ error: String(error) } satisfies ScaleAnswer)
  }
})
