import type { OutboundMedia } from '../../define-channel.ts'
import type { Upload } from '../../http/multipart.ts'

export interface MediaCall {
  readonly method: string
  readonly upload: Upload
}

const photoBytes = 10 * 1024 * 1024
const photoTypes = new Set(['image/jpeg', 'image/png', 'image/webp'])
const extensions: { readonly [mimeType: string]: string } = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'ogg',
  'audio/mp4': 'm4a',
  'video/mp4': 'mp4',
  'application/pdf': 'pdf',
  'text/plain': 'txt'
}

function methodOf ({ kind, mimeType, data }: OutboundMedia): readonly [method: string, field: string] {
  if (mimeType === 'image/gif') return ['sendAnimation', 'animation']
  if (kind === 'image' && photoTypes.has(mimeType) && data.length <= photoBytes) return ['sendPhoto', 'photo']
  if (kind === 'audio' && /^audio\/(?:ogg|opus)$/.test(mimeType)) return ['sendVoice', 'voice']
  if (kind === 'audio' && /^audio\/(?:mpeg|mp3|mp4|m4a|x-m4a)$/.test(mimeType)) return ['sendAudio', 'audio']
  return kind === 'video' && mimeType === 'video/mp4' ? ['sendVideo', 'video'] : ['sendDocument', 'document']
}

const bareType = (mimeType: string): string => mimeType.split(';')[0]!.trim().toLowerCase()

/** The call that shows a file in the way of its kind. */
export function mediaCall (media: OutboundMedia): MediaCall {
  const mimeType = bareType(media.mimeType)
  const [method, field] = methodOf({ ...media, mimeType })
  const name = media.name ?? `${media.kind}.${extensions[mimeType] ?? 'bin'}`
  return { method, upload: { field, name, mimeType, data: media.data } }
}

/** Shows nothing, and takes whatever there is. */
export const asDocument = ({ upload }: MediaCall): MediaCall => ({ method: 'sendDocument', upload: { ...upload, field: 'document' } })

/** Telegram does not take it as what it is: too wide, broken, or the receiver wants no voice messages. */
export const isWrongKind = (description: string): boolean => /PHOTO_|IMAGE_|VIDEO_|VOICE_MESSAGES|wrong type|dimensions/i.test(description)
