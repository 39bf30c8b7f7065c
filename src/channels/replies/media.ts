/** Files that a reply brings: a line `MEDIA: <path or address>` of it, outside of code. */
import type { OutboundItem } from '../delivery/item.ts'

export interface ReplyFile {
  readonly data: Uint8Array
  readonly mimeType: string
  readonly name?: string
}

export type Media = NonNullable<OutboundItem['media']>

const maxFiles = 10
const mark = /^\s*MEDIA:\s*(?:"([^"]+)"|`([^`]+)`|(\S.*?))\s*$/
const fence = /^\s*(?:```|~~~)/

/** The text without these lines, and what they name. */
export function readMedia (text: string): { readonly text: string, readonly names: readonly string[] } {
  if (!text.includes('MEDIA:')) return { text, names: [] }
  const names: string[] = []
  let isCode = false
  const lines = text.split('\n').filter(line => {
    if (fence.test(line)) isCode = !isCode
    const found = isCode || names.length >= maxFiles ? null : mark.exec(line)
    if (found) names.push((found[1] ?? found[2] ?? found[3])!)
    return !found
  })
  return { text: lines.join('\n').trim(), names }
}

function kindOf (mimeType: string): Media['kind'] {
  const [kind] = mimeType.split('/')
  return kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'file'
}

export const mediaOf = ({ data, mimeType, name }: ReplyFile): Media =>
  ({ kind: kindOf(mimeType), mimeType, ...(name === undefined ? {} : { name }), base64: Buffer.from(data).toString('base64') })
