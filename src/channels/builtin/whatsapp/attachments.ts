import { createHash } from 'node:crypto'
import type { Attachment } from '../../define-channel.ts'
import type { Api } from './api.ts'
import type { WireMedia, WireMessage } from './wire.ts'

const idShape = /^\d{1,40}$/

/** The address of a file holds for five minutes, so it is asked for when the file is. */
async function fetchMedia (api: Api, { id }: WireMedia, limitBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  if (!idShape.test(id)) throw new Error('WhatsApp told an id of a file that is none')
  const { url, file_size: size, sha256 } = await api.call('GET', id, { signal })
  if (Number(size) > limitBytes) throw new Error(`the attachment has ${Number(size)} bytes, and ${limitBytes} are allowed`)
  if (typeof url !== 'string') throw new Error('WhatsApp told no address of the attachment')
  const bytes = await api.download(url, limitBytes, signal)
  const isWhole = typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256) || createHash('sha256').update(bytes).digest('hex') === sha256.toLowerCase()
  if (!isWhole) throw new Error('the attachment came damaged')
  return bytes
}

export function attachmentsOf ({ image, audio, video, document, sticker }: WireMessage, api: Api): Attachment[] {
  const found: ReadonlyArray<readonly [kind: Attachment['kind'], media: WireMedia | undefined, name: string]> = [
    ['image', image, 'image.jpg'], ['audio', audio, 'audio.ogg'], ['video', video, 'video.mp4'], ['file', document, 'document'], ['image', sticker, 'sticker.webp']
  ]
  return found.flatMap(([kind, media, name]) => media
    ? [{
        kind,
        name: media.filename ?? name,
        ...(media.mime_type === undefined ? {} : { mimeType: media.mime_type }),
        fetch: async (limitBytes: number, signal: AbortSignal) => await fetchMedia(api, media, limitBytes, signal)
      }]
    : [])
}
