/** The body of a message: `{"role": "user", "content": …}` and a few words about how to answer it. */
import { GatewayError } from '../../protocol/errors.ts'
import type { ImagePart } from '../../protocol/transcript.ts'

export interface Message {
  readonly text: string
  readonly images: readonly ImagePart[]
  readonly thinking?: string
  readonly timeoutMs?: number
  readonly agentId?: string
  readonly idempotencyKey?: string
}

type Body = { readonly [field: string]: unknown }

const maxKeyLength = 512
const longestTimeoutMs = 2 ** 31 - 1

const invalid = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })
export const isObject = (value: unknown): value is Body => typeof value === 'object' && value !== null && !Array.isArray(value)

export function wordIn (body: Body, field: string): string | undefined {
  const value = body[field] ?? undefined
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value.trim() === '' || value.length > maxKeyLength) {
    throw invalid(`${field} must be a text of at most ${maxKeyLength} characters`)
  }
  return value.trim()
}

function contentOf (content: unknown): Pick<Message, 'text' | 'images'> {
  if (typeof content === 'string') return { text: content, images: [] }
  if (!Array.isArray(content)) throw invalid('content must be a text, or a list of {"type":"text",…} and {"type":"image",…}')
  const texts: string[] = []
  const images: ImagePart[] = []
  for (const [index, part] of content.entries()) {
    if (isObject(part) && part.type === 'text' && typeof part.text === 'string') texts.push(part.text)
    else if (isObject(part) && part.type === 'image' && typeof part.data === 'string' && typeof part.mimeType === 'string') {
      images.push({ type: 'image', data: part.data, mimeType: part.mimeType })
    } else throw invalid(`content[${index}] must be {"type":"text","text":"…"} or {"type":"image","mimeType":"image/png","data":"<base64>"}`)
  }
  return { text: texts.join('\n'), images }
}

function timeoutIn ({ timeoutMs = null }: Body): number | undefined {
  if (timeoutMs === null) return undefined
  if (!Number.isInteger(timeoutMs) || (timeoutMs as number) < 1) throw invalid('timeoutMs must be a whole number of milliseconds')
  return Math.min(timeoutMs as number, longestTimeoutMs)
}

export function messageOf (body: unknown, headerKey: string | undefined): Message {
  if (!isObject(body)) throw invalid('the body must be a JSON object: {"role":"user","content":"…"}')
  const role = body.role ?? 'user'
  if (role !== 'user') throw invalid('role must be "user"')
  const { text, images } = contentOf(body.content)
  if (text.trim() === '' && images.length === 0) throw invalid('the message is empty; send a text or an image as content')
  const timeoutMs = timeoutIn(body)
  const words: { [field: string]: string | undefined } = {
    thinking: wordIn(body, 'thinking'), agentId: wordIn(body, 'agentId'), idempotencyKey: wordIn({ idempotencyKey: headerKey ?? body.idempotencyKey }, 'idempotencyKey')
  }
  const given = Object.fromEntries(Object.entries(words).filter(([, word]) => word !== undefined))
  return { text, images, ...(timeoutMs === undefined ? {} : { timeoutMs }), ...given }
}
