import type { Attachment } from '../../define-channel.ts'
import { Refusal, type Api } from './api.ts'
import type { Message, WireFile } from './wire.ts'

interface Found {
  readonly kind: Attachment['kind']
  readonly file: WireFile
  readonly name?: string
  readonly mimeType?: string
}

const kindOf = (mimeType = ''): Attachment['kind'] => {
  const [type] = mimeType.split('/')
  return type === 'image' || type === 'audio' || type === 'video' ? type : 'file'
}

/** The largest of the sizes that a photo comes in. */
function photoOf ({ photo }: Message): Found[] {
  const [largest] = (photo ?? []).toSorted((a, b) => (b.width ?? 0) * (b.height ?? 0) - (a.width ?? 0) * (a.height ?? 0))
  return largest ? [{ kind: 'image', file: largest, name: 'photo.jpg', mimeType: 'image/jpeg' }] : []
}

function filesOf (message: Message): Found[] {
  const { video, animation, video_note: note, voice, audio, sticker } = message
  // An animation comes a second time as a document.
  const document = animation ? undefined : message.document
  return [
    ...photoOf(message),
    ...document ? [{ kind: kindOf(document.mime_type), file: document, name: 'document' }] : [],
    ...video ? [{ kind: 'video', file: video, name: 'video.mp4', mimeType: 'video/mp4' } as const] : [],
    ...animation ? [{ kind: 'video', file: animation, name: 'animation.mp4', mimeType: 'video/mp4' } as const] : [],
    ...note ? [{ kind: 'video', file: note, name: 'video-note.mp4', mimeType: 'video/mp4' } as const] : [],
    ...voice ? [{ kind: 'audio', file: voice, name: 'voice.ogg', mimeType: 'audio/ogg' } as const] : [],
    ...audio ? [{ kind: 'audio', file: audio, name: 'audio.mp3', mimeType: 'audio/mpeg' } as const] : [],
    ...sticker && !sticker.is_animated && !sticker.is_video ? [{ kind: 'image', file: sticker, name: 'sticker.webp', mimeType: 'image/webp' } as const] : []
  ]
}

/** The path of a file holds for an hour, so it is asked for when the file is. */
async function fetchFile (api: Api, wanted: WireFile, limitBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const { file_id: id, file_size: size = 0 } = wanted
  const tooLarge = (bytes: number): Error => new Error(`the attachment has ${bytes} bytes, and ${limitBytes} are allowed`)
  if (size > limitBytes) throw tooLarge(size)
  try {
    const file = await api.call<{ file_path?: unknown, file_size?: number }>('getFile', { file_id: id }, { signal })
    const { file_path: path, file_size: told = 0 } = file
    if (told > limitBytes) throw tooLarge(told)
    if (typeof path !== 'string') throw new Error('Telegram told no path of the attachment')
    return await api.download(path, limitBytes, signal)
  } catch (error) {
    if (!(error instanceof Refusal) || !error.description.includes('too big')) throw error
    throw new Error('the attachment is larger than bots may fetch (20 MB); a Bot API server of your own (channels.telegram.apiRoot) has no such limit')
  }
}

export const attachmentsOf = (message: Message, api: Api): Attachment[] => filesOf(message).map(({ kind, file, name, mimeType }) => {
  const type = file.mime_type ?? mimeType
  return {
    kind,
    ...(type === undefined ? {} : { mimeType: type }),
    name: file.file_name ?? name,
    ...(file.file_size === undefined ? {} : { sizeBytes: file.file_size }),
    fetch: async (limitBytes, signal) => await fetchFile(api, file, limitBytes, signal)
  }
})
