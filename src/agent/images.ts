/** Pictures that people send: checked by their bytes, and made as small as the model is meant to see them before they are stored. */
import { GatewayError } from '../protocol/errors.ts'
import type { ImagePart, Message, ToolResultMessage } from '../protocol/transcript.ts'
import { wireLimits } from '../protocol/version.ts'
import type { RunRequest, Runs } from './room.ts'
import { imageFacts, type ImageFacts } from './image-facts.ts'
import type { ImageScaler } from './image-scaler.ts'

export interface Images {
  /** Throws INVALID_PARAMS for what is no picture and PAYLOAD_TOO_LARGE for what is too large. */
  prepare (images: readonly ImagePart[]): Promise<readonly ImagePart[]>
  close (): Promise<void>
}

export interface ImagesOptions {
  /** The longer side of what a model sees. */
  readonly maxPx: () => number
  readonly log: { warn (fields: object, message: string): void }
}

const maxImages = 20
/** A few bytes can claim to be a picture that fills the memory. */
const maxPixels = 50_000_000

/** Formats that people send and models cannot read, by what stands at their beginning. */
const unreadable: ReadonlyArray<readonly [pattern: RegExp, name: string]> = [
  [/^.{4}ftyp(?:hei|hev|mif|msf)/s, 'HEIC'], [/^.{4}ftypavi/s, 'AVIF'], [/^BM/, 'BMP'], [/^(?:II\*\0|MM\0\*)/, 'TIFF'],
  [/^\s*<(?:svg|\?xml)/, 'SVG'], [/^%PDF/, 'PDF']
]

interface Checked { readonly image: ImagePart, readonly bytes: Buffer, readonly facts: ImageFacts }

function refuse (index: number, why: string): GatewayError {
  return new GatewayError('INVALID_PARAMS', { message: `image ${index + 1} ${why}`, details: { image: index } })
}

function decode ({ data }: ImagePart, index: number): Buffer {
  const bytes = Buffer.from(data, 'base64')
  const padding = /={0,2}$/.exec(data.slice(-2))![0].length
  // The decoder leaves out what is none of its letters.
  if (bytes.length === 0 || bytes.length !== Math.floor((data.length - padding) * 3 / 4)) throw refuse(index, 'is not valid base64')
  return bytes
}

function check (bytes: Buffer, index: number): ImageFacts {
  const details = { image: index }
  if (bytes.length > wireLimits.maxImageBytes) {
    const limitBytes = wireLimits.maxImageBytes
    throw new GatewayError('PAYLOAD_TOO_LARGE', { message: `image ${index + 1} is larger than ${limitBytes} bytes`, details: { ...details, limitBytes } })
  }
  const facts = imageFacts(bytes)
  if (!facts) {
    const head = bytes.toString('latin1', 0, 64)
    const [, name] = unreadable.find(([pattern]) => pattern.test(head)) ?? []
    throw refuse(index, `${name ? `is ${name}, which models cannot read` : 'is no picture, or is broken'}; send PNG, JPEG, WebP or GIF`)
  }
  const { width, height } = facts
  if (width * height > maxPixels) {
    const message = `image ${index + 1} has ${width} x ${height} points; at most ${maxPixels / 1e6} million are taken`
    throw new GatewayError('PAYLOAD_TOO_LARGE', { message, details: { ...details, width, height, maxPixels } })
  }
  return facts
}

export function createImages ({ maxPx, log }: ImagesOptions): Images {
  let scaler: Promise<ImageScaler> | undefined
  const theScaler = async (): Promise<ImageScaler> =>
    await (scaler ??= import('./image-scaler.ts').then(({ createImageScaler }) => createImageScaler()))

  async function smaller (bytes: Buffer, facts: ImageFacts, index: number): Promise<ImagePart> {
    const { mimeType, width, height, orientation } = facts
    const factor = Math.min(1, maxPx() / Math.max(width, height))
    const side = (length: number): number => Math.max(1, Math.round(length * factor))
    const job = { bytes: new Uint8Array(bytes), width: side(width), height: side(height), orientation, keepPng: mimeType !== 'image/jpeg' }
    try {
      return { type: 'image', ...await (await theScaler()).scale(job) }
    } catch (err) {
      if (err instanceof GatewayError) throw err
      log.warn({ err, mimeType, width, height }, 'a picture could not be scaled')
      throw refuse(index, 'cannot be read; it may be broken')
    }
  }

  async function prepared ({ image, bytes, facts }: Checked, index: number): Promise<ImagePart> {
    if (Math.max(facts.width, facts.height) > maxPx() || facts.orientation !== 1) return await smaller(bytes, facts, index)
    const isPlain = image.data.length === Math.ceil(bytes.length / 3) * 4 && !/[-_]/.test(image.data)
    return { type: 'image', data: isPlain ? image.data : bytes.toString('base64'), mimeType: facts.mimeType }
  }

  return {
    async prepare (images) {
      if (images.length > maxImages) throw new GatewayError('INVALID_PARAMS', { message: `at most ${maxImages} images go with one message` })
      // Everything is looked at before anything is scaled.
      const checked = images.map((image, index) => {
        const bytes = decode(image, index)
        return { image, bytes, facts: check(bytes, index) }
      })
      const done: ImagePart[] = []
      for (const [index, image] of checked.entries()) done.push(await prepared(image, index))
      return done
    },
    close: async () => await (await scaler)?.close()
  }
}

const isImage = ({ type }: { readonly type: string }): boolean => type === 'image'

async function preparedMessage (message: Message, prepare: Images['prepare']): Promise<Message> {
  if (message.role === 'assistant' || typeof message.content === 'string' || !message.content.some(isImage)) return message
  const images = (await prepare(message.content.filter(part => part.type === 'image'))).values()
  return { ...message, content: message.content.map(part => part.type === 'image' ? images.next().value! : part) }
}

async function preparedRequest (request: RunRequest, prepare: Images['prepare']): Promise<RunRequest> {
  const { images = [], history = [], toolResults = [] } = request
  const prepared: Message[] = []
  for (const message of [...history, ...toolResults]) prepared.push(await preparedMessage(message, prepare))
  return {
    ...request,
    ...(images.length > 0 ? { images: await prepare(images) } : {}),
    ...(history.length > 0 ? { history: prepared.slice(0, history.length) } : {}),
    ...(toolResults.length > 0 ? { toolResults: prepared.slice(history.length) as ToolResultMessage[] } : {})
  }
}

const hasImages = ({ images = [], history = [], toolResults = [] }: RunRequest): boolean =>
  images.length > 0 || [...history, ...toolResults].some(({ content }) => typeof content !== 'string' && content.some(isImage))

/** The same runs, for messages whose pictures are prepared before they are accepted. */
export const withPreparedImages = (runs: Runs, { prepare }: Pick<Images, 'prepare'>): Runs => ({
  ...runs,
  start: request => hasImages(request)
    ? preparedRequest(request, prepare).then(async prepared => await runs.start(prepared))
    : runs.start(request)
})
