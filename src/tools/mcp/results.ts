/** What a server answers, as a tool of ours would: within bounds, and nothing hidden in it. */
import type { ImagePart, TextPart } from '../../protocol/transcript.ts'
import type { ToolResult } from '../tool.ts'
import { visible } from '../web/visible-text.ts'
import type { ForeignResult } from './connection.ts'

type Part = TextPart | ImagePart
type Foreign = ForeignResult['content'][number]

/** Far more than any prompt takes. */
const maxChars = 400_000
const maxParts = 64
/** As base64. */
const maxImageChars = 7_000_000
const imageTypes = /^image\/(png|jpeg|gif|webp)$/

const field = (part: Foreign, name: string): string => typeof part[name] === 'string' ? part[name] as string : ''
const text = (value: string): TextPart => ({ type: 'text', text: value })

function resourceText (part: Foreign): string {
  const { uri, text: content, mimeType = 'unknown type' } = (part.resource ?? {}) as { uri?: unknown, text?: unknown, mimeType?: unknown }
  return typeof content === 'string' ? content : `[resource ${String(uri).slice(0, 2_000)} (${String(mimeType).slice(0, 100)}), not shown]`
}

function partOf (part: Foreign): Part {
  switch (part.type) {
    case 'text': return text(field(part, 'text'))
    case 'image': {
      const [data, mimeType] = [field(part, 'data'), field(part, 'mimeType')]
      const isShown = imageTypes.test(mimeType) && data.length > 0 && data.length <= maxImageChars && /^[A-Za-z0-9+/]+=*$/.test(data)
      return isShown ? { type: 'image', data, mimeType } : text(`[image of ${mimeType.slice(0, 100) || 'unknown type'}, not shown]`)
    }
    case 'resource': return text(resourceText(part))
    case 'resource_link': return text(`[resource ${field(part, 'name').slice(0, 200)}: ${field(part, 'uri').slice(0, 2_000)}]`)
    default: return text(`[${part.type.slice(0, 40)}, not shown]`)
  }
}

/** All texts together stay within the bound; the rest is said to be missing. */
function withinBound (parts: readonly Part[], mask: (text: string) => string): Part[] {
  let left = maxChars
  let missing = 0
  const kept = parts.map(part => {
    if (part.type !== 'text') return part
    const whole = visible(mask(part.text))
    const shown = whole.slice(0, left)
    left -= shown.length
    missing += whole.length - shown.length
    return { ...part, text: shown }
  })
  return missing === 0 ? kept : [...kept, text(`[… ${missing} characters left out …]`)]
}

/** Undefined when it is too large, or no JSON any more without what was masked. */
function maskedJson (value: unknown, mask: (text: string) => string): unknown {
  const shown = mask(JSON.stringify(value))
  if (shown.length > maxChars) return undefined
  try {
    return JSON.parse(shown)
  } catch {
    return undefined
  }
}

export const failedResult = (message: string): ToolResult => ({ content: [text(message)], details: { status: 'error', error: message }, isError: true })

export function resultOf ({ content, structuredContent, isError = false }: ForeignResult, mask: (text: string) => string): ToolResult {
  const more = content.length > maxParts ? [text(`[… ${content.length - maxParts} parts left out …]`)] : []
  const parts = withinBound([...content.slice(0, maxParts).map(partOf), ...more], mask)
  const details = structuredContent === undefined ? undefined : maskedJson(structuredContent, mask)
  // Some servers say in this field alone what they found.
  if (parts.length === 0 && details !== undefined) parts.push(text(visible(JSON.stringify(details))))
  return {
    content: parts.length === 0 ? [text('(no output)')] : parts,
    ...(details !== undefined ? { details } : isError ? { details: { status: 'error' } } : {}),
    ...(isError ? { isError } : {})
  }
}
