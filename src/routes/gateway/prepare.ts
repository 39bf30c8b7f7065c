/** From the parts of a message to what an agent is told: fetched, kept, and put into words. */
import { plainType, typeOfName } from '../../lib/media-type.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import type { ImagePart } from '../../protocol/transcript.ts'
import { invalid } from './fields.ts'
import { fetchParts, type Fetched } from './fetch-parts.ts'
import { audioFormat, refuse, type Part } from './parts.ts'
import type { DataPlaneSettings } from './policy.ts'
import { TranscriptionFailure, type Transcriber } from './transcription.ts'
import { safeName, type Place, type Upload, type Uploads } from './uploads.ts'

export interface Told {
  readonly message: string
  readonly images: readonly ImagePart[]
  readonly uploads: readonly Upload[]
  readonly transcripts: readonly string[]
}

export interface Tools {
  readonly settings: DataPlaneSettings
  readonly outbound: Outbound
  readonly uploads: Uploads
  readonly transcriber: Transcriber | undefined
}

type Loaded = { readonly bytes: Buffer, readonly fetched: Fetched | undefined }

function loadedOf (part: Part & { readonly index: number }, fetched: ReadonlyMap<number, Fetched>): Loaded {
  const found = fetched.get(part.index)
  const bytes = found?.bytes ?? ('source' in part && 'bytes' in part.source ? part.source.bytes : undefined)
  if (!bytes) throw refuse(part.index, 'nothing was fetched')
  return { bytes, fetched: found }
}

const mention = ({ path, bytes }: Upload, type: string): string => `[file ${path} (${type}, ${bytes} bytes)]`

async function keptFile (
  part: Part & { kind: 'file' }, { bytes, fetched }: Loaded, place: Place, uploads: Uploads
): Promise<{ upload: Upload, words: string }> {
  if (bytes.length === 0) throw refuse(part.index, 'uploads: empty file data')
  const name = safeName(part.name || fetched?.name || 'attachment')
  const given = plainType(part.mimeType) || fetched?.contentType || typeOfName(name)
  const upload = await uploads.keep(place, name, bytes)
  // It stands in the message: nothing but the name of a type.
  return { upload, words: mention(upload, /^[\w.+-]+\/[\w.+-]+$/.test(given) ? given : 'application/octet-stream') }
}

async function wordsOf (part: Part & { kind: 'audio' }, loaded: Loaded, { transcriber }: Tools, signal: AbortSignal): Promise<string> {
  const { bytes, fetched } = loaded
  const format = audioFormat(part.index, part.format, fetched?.path ?? '', fetched?.contentType ?? '')
  if (format === undefined) throw refuse(part.index, 'missing audio format')
  try {
    return await transcriber!.transcribe({ bytes, format }, signal)
  } catch (error) {
    throw error instanceof TranscriptionFailure ? refuse(part.index, error.message) : error
  }
}

/** One alone is the message; otherwise it is said that these words were spoken. */
function withTranscripts (text: string, transcripts: readonly string[]): string {
  if (transcripts.length === 0) return text
  if (text === '' && transcripts.length === 1) return transcripts[0]!
  const spoken = transcripts.length === 1 ? transcripts[0]! : transcripts.map((one, index) => `${index + 1}. ${one}`).join('\n')
  return [text, `Audio transcript:\n${spoken}`].filter(Boolean).join('\n\n')
}

/** Throws for the first part that cannot be had. */
export async function prepareMessage (
  text: string, parts: readonly Part[], place: Place, tools: Tools, signal: AbortSignal
): Promise<Told> {
  const fetched = await fetchParts(parts, tools.settings, tools.outbound, signal)
  const said: string[] = text === '' ? [] : [text]
  const images: ImagePart[] = []
  const uploads: Upload[] = []
  const transcripts: string[] = []
  for (const part of parts) {
    signal.throwIfAborted()
    if (part.kind === 'text') said.push(part.text)
    else if (part.kind === 'known-file') {
      const upload = await tools.uploads.find(place, part.id)
      if (!upload) throw refuse(part.index, 'unknown file_id: it was not uploaded in this conversation')
      uploads.push(upload)
      said.push(mention(upload, typeOfName(upload.name)))
    } else if (part.kind === 'image') {
      const { bytes, fetched: found } = loadedOf(part, fetched)
      const mimeType = found?.contentType.startsWith('image/') ? found.contentType : part.mimeType
      images.push({ type: 'image', data: bytes.toString('base64'), mimeType })
    } else if (part.kind === 'file') {
      const { upload, words: mentioned } = await keptFile(part, loadedOf(part, fetched), place, tools.uploads)
      uploads.push(upload)
      said.push(mentioned)
    } else transcripts.push(await wordsOf(part, loadedOf(part, fetched), tools, signal))
  }
  const message = withTranscripts(said.join('\n'), transcripts.filter(Boolean))
  if (message === '' && images.length === 0) throw invalid('missing text')
  return { message, images, uploads, transcripts }
}
