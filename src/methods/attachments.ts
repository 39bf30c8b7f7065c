import { GatewayError } from '../protocol/errors.ts'
import type { ImagePart } from '../protocol/transcript.ts'
import { Type } from '../protocol/type.ts'
import { wireLimits } from '../protocol/version.ts'

export const attachments = Type.Optional(Type.Array(Type.Object({
  type: Type.Optional(Type.String()),
  mimeType: Type.Optional(Type.String()),
  fileName: Type.Optional(Type.String()),
  content: Type.Optional(Type.Unknown())
}, { additionalProperties: true }), { maxItems: 20 }))

interface Attachment {
  readonly type?: string
  readonly mimeType?: string
  readonly fileName?: string
  readonly content?: unknown
}

const untold = 'application/octet-stream'
const dataUrl = /^data:([\w.+/-]+);base64,/

function imageOf ({ mimeType, fileName, content }: Attachment, index: number): ImagePart {
  const name = fileName ?? `attachment ${index + 1}`
  if (typeof content !== 'string' || content === '') {
    throw new GatewayError('INVALID_PARAMS', { message: `${name} has no content; send it as base64`, details: { attachment: index } })
  }
  const [prefix = '', named] = dataUrl.exec(content) ?? []
  const type = mimeType ?? named ?? untold
  // What it really is, its bytes say later.
  if (!type.startsWith('image/') && type !== untold) {
    throw new GatewayError('INVALID_PARAMS', {
      message: `${name} is ${type}; only images can be attached`, details: { attachment: index }
    })
  }
  const data = content.slice(prefix.length)
  if (data.length * 3 / 4 > wireLimits.maxImageBytes) {
    throw new GatewayError('PAYLOAD_TOO_LARGE', { message: `${name} is larger than ${wireLimits.maxImageBytes} bytes`, details: { attachment: index } })
  }
  return { type: 'image', data, mimeType: type }
}

export const imagesOf = (given: readonly unknown[] | undefined): ImagePart[] =>
  (given ?? []).map((attachment, index) => imageOf(attachment as Attachment, index))
