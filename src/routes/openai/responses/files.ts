/** Parts of `input` that hold more than words: pictures stay what they are, of files the model reads the text. */
import type { Documents } from '../../../agent/documents.ts'
import type { LoadedConfig } from '../../../config/load.ts'
import type { Outbound } from '../../../lib/outbound/outbound.ts'
import { isGatewayError } from '../../../protocol/errors.ts'
import type { ImagePart, TextPart } from '../../../protocol/transcript.ts'
import { wrapUntrusted } from '../../../tools/guards/untrusted.ts'
import { createAttachmentReader } from '../attachments.ts'
import { invalid } from '../errors.ts'
import type { Fields } from '../fields.ts'
import { createImageReader } from '../images.ts'

export interface FileReaderOptions {
  readonly config: LoadedConfig
  readonly outbound: Outbound
  readonly documents: () => Promise<Documents>
  readonly signal: AbortSignal
}

export interface FileReader {
  image (part: Fields, place: string): Promise<ImagePart>
  file (part: Fields, place: string): Promise<TextPart>
}

const setting = 'gateway.http.endpoints.responses'
const maxNameChars = 200

/** For files that come without saying what they are. */
const typesByEnding: ReadonlyArray<readonly [ending: RegExp, mimeType: string]> = [
  [/\.(?:txt|log)$/i, 'text/plain'], [/\.(?:md|markdown)$/i, 'text/markdown'], [/\.html?$/i, 'text/html'], [/\.csv$/i, 'text/csv'],
  [/\.json$/i, 'application/json'], [/\.pdf$/i, 'application/pdf']
]

function refuseId ({ file_id: id }: Fields, place: string): void {
  if (typeof id === 'string') throw invalid('Files are not kept here, so `file_id` names none: send the file itself or its URL.', `${place}.file_id`)
}

/** As a data: URL, which some clients send and others leave to us. */
function dataUrlOf (data: unknown, name: string, place: string): string {
  if (typeof data !== 'string' || data === '') throw invalid('A file needs `file_data` or `file_url`.', place)
  if (/^data:/i.test(data)) return data
  const [, mimeType] = typesByEnding.find(([ending]) => ending.test(name)) ?? []
  if (mimeType === undefined) {
    throw invalid('`file_data` must be data:<type>;base64,<data>, or `filename` must say what kind of file it is.', `${place}.file_data`)
  }
  return `data:${mimeType};base64,${data}`
}

const nameOf = (part: Fields): string => {
  const { filename } = part
  const url = typeof part.file_url === 'string' ? URL.parse(part.file_url)?.pathname.split('/').at(-1) : undefined
  const name = typeof filename === 'string' && filename.trim() !== '' ? filename : url
  return (name === undefined || name === '' ? 'file' : name).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ').slice(0, maxNameChars)
}

/** One for each request. */
export function createFileReader ({ config, outbound, documents, signal }: FileReaderOptions): FileReader {
  const { files, images, maxUrlParts } = config.config.gateway.http.endpoints.responses
  let urls = 0
  function countUrl (param: string): void {
    if (++urls > maxUrlParts) throw invalid(`The request has more than ${maxUrlParts} URLs to fetch (${setting}.maxUrlParts).`, param)
  }
  const common = { config, outbound, signal, countUrl }
  const imageReader = createImageReader({ ...common, settings: images, setting: `${setting}.images` })
  const fileReader = createAttachmentReader({ ...common, kind: 'file', settings: files, setting: `${setting}.files` })

  return {
    async image (part, place) {
      refuseId(part, place)
      const url = typeof part.image_url === 'object' ? (part.image_url as Fields | null)?.url : part.image_url
      return await imageReader.read(url, `${place}.image_url`)
    },
    async file (part, place) {
      refuseId(part, place)
      const name = nameOf(part)
      const [url, param] = typeof part.file_url === 'string'
        ? [part.file_url, `${place}.file_url`]
        : [dataUrlOf(part.file_data, name, place), `${place}.file_data`]
      const { data, mimeType, charset } = await fileReader.read(url, param)
      const { read } = await documents()
      try {
        const { text, note } = await read({
          name, bytes: Buffer.from(data, 'base64'), mimeType: charset === undefined ? mimeType : `${mimeType}; charset=${charset}`
        }, { maxChars: files.maxChars, maxPages: files.pdf.maxPages })
        return { type: 'text', text: wrapUntrusted(text, { source: `File ${name}${note === undefined ? '' : ` (${note})`}` }) }
      } catch (error) {
        if (isGatewayError(error) && error.code === 'INVALID_PARAMS') throw invalid(error.message, param)
        throw error
      }
    }
  }
}
