/** Content parts: what each is is settled before anything is fetched or written. */
import { invalid, textIn, fold, isObject, type Json } from './fields.ts'
import type { DataPlaneSettings } from './policy.ts'

/** Bytes that came with the message, or the address where they are. */
export type Source = { readonly url: string } | { readonly bytes: Buffer }

export type Part =
  | { readonly kind: 'text', readonly text: string }
  | { readonly kind: 'image', readonly index: number, readonly source: Source, readonly mimeType: string }
  | { readonly kind: 'audio', readonly index: number, readonly source: Source, readonly format: string }
  | { readonly kind: 'file', readonly index: number, readonly source: Source, readonly name: string, readonly mimeType: string }
  | { readonly kind: 'known-file', readonly index: number, readonly id: string }

export const refuse = (index: number, reason: string): Error => invalid(`content_parts[${index}]: ${reason}`)

type Limits = Pick<DataPlaneSettings, 'maxParts' | 'maxPartBytes' | 'maxTotalPartBytes'>

/** The payload of a part; what is missing or of another kind is none. */
function payload (part: Json, name: string, index: number): Json {
  const value = part[name]
  if (value === undefined) throw refuse(index, `missing ${name}`)
  if (!isObject(value)) throw refuse(index, `${name} must be an object`)
  return fold(value, name)
}

function bytesIn (fields: Json, index: number, { maxPartBytes }: Limits): Buffer | undefined {
  const text = textIn(fields, 'data')
  if (text === '') return undefined
  const bytes = Buffer.from(text, 'base64')
  const padding = /={0,2}$/.exec(text.slice(-2))![0].length
  // The decoder leaves out what is none of its letters.
  if (bytes.length !== Math.floor((text.replace(/\s+/g, '').length - padding) * 3 / 4)) throw refuse(index, 'data is not valid base64')
  if (bytes.length > maxPartBytes) throw refuse(index, 'content part too large')
  return bytes
}

const dataUrl = /^data:([\w.+-]+\/[\w.+-]+);base64,/i

function imagePart (fields: Json, index: number, limits: Limits): Part {
  const url = textIn(fields, 'url')
  const format = textIn(fields, 'format').toLowerCase()
  const given = format === '' ? 'image/png' : format.includes('/') ? format : `image/${format === 'jpg' ? 'jpeg' : format}`
  const [prefix = '', inline] = dataUrl.exec(url.slice(0, 100)) ?? []
  if (inline !== undefined) {
    const bytes = bytesIn({ data: url.slice(prefix.length) }, index, limits)
    if (!bytes) throw refuse(index, 'missing image url or data')
    return { kind: 'image', index, source: { bytes }, mimeType: inline.toLowerCase() }
  }
  if (url !== '') return { kind: 'image', index, source: { url }, mimeType: given }
  const bytes = bytesIn(fields, index, limits)
  if (!bytes) throw refuse(index, 'missing image url or data')
  if (format === '') throw refuse(index, 'missing image format')
  return { kind: 'image', index, source: { bytes }, mimeType: given }
}

/** `wav` and `mp3`; undefined while only the answer to a fetch can say. */
export function audioFormat (index: number, given: string, path: string, contentType: string): string | undefined {
  if (given !== '' && given !== 'wav' && given !== 'mp3') throw refuse(index, 'unsupported audio format')
  if (given !== '') return given
  const extension = /\.(wav|mp3)$/i.exec(path)?.[1]
  if (extension !== undefined) return extension.toLowerCase()
  if (/^audio\/(?:x-)?wav\b/i.test(contentType)) return 'wav'
  if (/^audio\/(?:mpeg|mp3)\b/i.test(contentType)) return 'mp3'
  return undefined
}

function audioPart (fields: Json, index: number, limits: Limits): Part {
  const [url, format] = [textIn(fields, 'url'), textIn(fields, 'format')]
  audioFormat(index, format, '', '')
  if (url !== '') return { kind: 'audio', index, source: { url }, format }
  const bytes = bytesIn(fields, index, limits)
  if (!bytes) throw refuse(index, 'missing audio url or data')
  if (format === '') throw refuse(index, 'missing audio format')
  return { kind: 'audio', index, source: { bytes }, format }
}

function filePart (fields: Json, index: number, limits: Limits): Part {
  const [id, url, name, mimeType] = ['file_id', 'url', 'filename', 'format'].map(field => textIn(fields, field)) as [string, string, string, string]
  if (id !== '') return { kind: 'known-file', index, id }
  if (url !== '') return { kind: 'file', index, source: { url }, name, mimeType }
  const bytes = bytesIn(fields, index, limits)
  if (!bytes) throw refuse(index, 'missing file url, data, or file_id')
  if (name === '') throw refuse(index, 'missing filename')
  return { kind: 'file', index, source: { bytes }, name, mimeType }
}

function linkPart (fields: Json, index: number): Part {
  const url = textIn(fields, 'url')
  if (url === '') throw refuse(index, 'missing link url')
  return { kind: 'text', text: [textIn(fields, 'title'), url].filter(Boolean).join('\n') }
}

function locationPart (fields: Json): Part {
  const number = (name: string): number => typeof fields[name] === 'number' ? fields[name] : 0
  const name = textIn(fields, 'name')
  return { kind: 'text', text: [name, `latitude=${number('latitude')}`, `longitude=${number('longitude')}`].filter(Boolean).join('\n') }
}

function textPart (part: Json, index: number): Part {
  if (part.text === undefined) throw refuse(index, 'missing text')
  const text = textIn(part, 'text')
  if (text === '') throw refuse(index, 'empty text')
  return { kind: 'text', text }
}

function readPart (part: Json, index: number, limits: Limits): Part {
  const type = textIn(part, 'type')
  switch (type) {
    case 'text': return textPart(part, index)
    case 'image': return imagePart(payload(part, 'image', index), index, limits)
    case 'audio':
    case 'voice': return audioPart(payload(part, 'audio', index), index, limits)
    case 'file':
    case 'video': return filePart(payload(part, 'file', index), index, limits)
    case 'link': return linkPart(payload(part, 'link', index), index)
    case 'location': return locationPart(payload(part, 'location', index))
    default: throw refuse(index, 'unsupported content part type')
  }
}

/** Throws for the first that is wrong. */
export function readParts (given: readonly Json[], limits: Limits): Part[] {
  if (given.length > limits.maxParts) throw invalid(`content_parts: more than ${limits.maxParts} parts`)
  let total = 0
  return given.map((one, index) => {
    const part = readPart(one, index, limits)
    if ('source' in part && 'bytes' in part.source) total += part.source.bytes.length
    if (total > limits.maxTotalPartBytes) throw refuse(index, `the parts together are larger than ${limits.maxTotalPartBytes} bytes`)
    return part
  })
}

/** What the message says in words, parts included. */
export const wordsOf = (text: string, parts: readonly Part[]): string =>
  [text, ...parts.map(part => part.kind === 'text' ? part.text : '')].filter(Boolean).join('\n')
