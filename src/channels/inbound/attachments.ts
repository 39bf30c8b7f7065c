/** What is attached to a message, fetched within bounds: pictures for the model, other files where the agent can read them. */
import type { ImagePart } from '../../protocol/transcript.ts'
import { plainType, typeOfName } from '../../lib/media-type.ts'
import { wireLimits } from '../../protocol/version.ts'
import type { Hear } from '../../tools/media/hearing.ts'
import { contained } from '../containment.ts'
import type { Attachment } from '../define-channel.ts'

export interface Brought {
  readonly images: readonly ImagePart[]
  /** Where files lie, and what could not be had. */
  readonly notes: readonly string[]
}

export interface Fetching {
  readonly limitBytes: number
  /** Keeps it for the agent; its path as the agent knows it. */
  readonly keep: (name: string, bytes: Buffer) => Promise<{ readonly path: string }>
  readonly warn: (error: unknown, name: string) => void
  /** What is said in it; undefined: nobody here can tell. */
  readonly hear?: Hear
}

const maxAttachments = 10
const fetchLimitMs = 60_000
const hearingLimitMs = 120_000

const shownName = ({ name, kind }: Attachment): string => (name ?? kind).replace(/[\p{C}\p{Zl}\p{Zp}\s[\]]+/gu, ' ').trim().slice(0, 96) || kind

/** Services go by the ending. */
function soundName (name: string, type: string): string {
  if (/\.\w{2,5}$/.test(name)) return name
  return `${name}.${/mpeg|mp3/.test(type) ? 'mp3' : /mp4|m4a|aac/.test(type) ? 'm4a' : /wav/.test(type) ? 'wav' : 'ogg'}`
}

async function bytesOf (attachment: Attachment, limitBytes: number): Promise<Buffer> {
  const tooLarge = (size: number): Error => new Error(`it has ${size} bytes, and ${limitBytes} are allowed`)
  if ((attachment.sizeBytes ?? 0) > limitBytes) throw tooLarge(attachment.sizeBytes!)
  const bytes = await contained(() => {}, async () => await attachment.fetch(limitBytes, AbortSignal.timeout(fetchLimitMs)))
  if (bytes.length > limitBytes) throw tooLarge(bytes.length)
  if (bytes.length === 0) throw new Error('it is empty')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

async function bring (attachment: Attachment, { limitBytes, keep, hear }: Fetching): Promise<ImagePart | string> {
  const name = shownName(attachment)
  const type = plainType(attachment.mimeType ?? '') || typeOfName(name)
  const bytes = await bytesOf(attachment, limitBytes)
  if ((attachment.kind === 'image' || type.startsWith('image/')) && bytes.length <= wireLimits.maxImageBytes) {
    return { type: 'image', data: bytes.toString('base64'), mimeType: type.startsWith('image/') ? type : 'image/jpeg' }
  }
  const { path } = await keep(name, bytes)
  const heard = await hear?.({ bytes, mimeType: type, name: soundName(name, type) }, AbortSignal.timeout(hearingLimitMs))
  const said = heard === undefined ? '' : `[voice message, as it was heard] ${heard}\n`
  return `${said}[file ${path} (${/^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : 'application/octet-stream'}, ${bytes.length} bytes)]`
}

export async function fetchAttachments (attachments: readonly Attachment[], fetching: Fetching): Promise<Brought> {
  const images: ImagePart[] = []
  const notes: string[] = []
  // Listening takes its time, and whoever says something says it in one.
  const sound = attachments.find(({ kind, mimeType = '' }) => kind === 'audio' || mimeType.startsWith('audio/'))
  const { hear: _hear, ...deaf } = fetching
  for (const attachment of attachments.slice(0, maxAttachments)) {
    try {
      const brought = await bring(attachment, attachment === sound ? fetching : deaf)
      if (typeof brought === 'string') notes.push(brought)
      else images.push(brought)
    } catch (error) {
      const name = shownName(attachment)
      fetching.warn(error, name)
      notes.push(`[attachment ${name} could not be had: ${error instanceof Error ? error.message.slice(0, 200) : 'unknown reason'}]`)
    }
  }
  const left = attachments.length - maxAttachments
  return { images, notes: left > 0 ? [...notes, `[${left} more attachments were left out]`] : notes }
}
