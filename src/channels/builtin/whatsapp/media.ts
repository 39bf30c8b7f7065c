import { plainType } from '../../../lib/media-type.ts'
import type { OutboundMedia } from '../../define-channel.ts'

type Kind = 'image' | 'audio' | 'video' | 'document'

const MB = 1024 * 1024
const limits: { readonly [kind in Kind]: number } = { image: 5 * MB, audio: 16 * MB, video: 16 * MB, document: 100 * MB }
export const mediaLimitBytes = limits.document

const shown: { readonly [kind in Exclude<Kind, 'document'>]: ReadonlySet<string> } = {
  image: new Set(['image/jpeg', 'image/png']),
  audio: new Set(['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg']),
  video: new Set(['video/mp4', 'video/3gpp'])
}

/** What WhatsApp shows in the way of its kind; everything else, and what is too large for that, is a document. */
export function kindOf ({ kind, mimeType, data }: OutboundMedia): Kind {
  return kind !== 'file' && shown[kind].has(plainType(mimeType)) && data.length <= limits[kind] ? kind : 'document'
}

export const limitOf = (media: OutboundMedia): number => limits[kindOf(media)]

const extensions: { readonly [mimeType: string]: string } = {
  'image/jpeg': 'jpg', 'image/png': 'png', 'audio/mpeg': 'mp3', 'audio/ogg': 'ogg', 'audio/mp4': 'm4a', 'video/mp4': 'mp4', 'application/pdf': 'pdf', 'text/plain': 'txt'
}

export const nameOf = ({ kind, mimeType, name }: OutboundMedia): string => name ?? `${kind}.${extensions[plainType(mimeType)] ?? 'bin'}`
