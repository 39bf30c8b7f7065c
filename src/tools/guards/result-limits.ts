/** What of a tool's result goes into a conversation. What is left out is named, with the way to get at it. */
import type { ImagePart, TextPart } from '../../protocol/transcript.ts'
import type { ToolResult } from '../tool.ts'

export interface ResultLimits {
  /** Of all texts of one result together. */
  readonly maxChars: number
  readonly maxImages: number
}

type Part = TextPart | ImagePart

/** A model that reads has room for this much of a picture, as base64. */
const maxImageChars = 7_000_000
/** Share of what is kept that comes from the beginning. */
const headShare = 0.7

const isSurrogate = (text: string, index: number): boolean => /^[\udc00-\udfff]/.test(text.charAt(index))

/** The beginning and the end of a text that is too long, never half a character. */
export function shortenText (text: string, maxChars: number, rest: string): string {
  if (text.length <= maxChars) return text
  const headEnd = Math.floor(maxChars * headShare)
  const tailStart = text.length - (maxChars - headEnd)
  const head = text.slice(0, isSurrogate(text, headEnd) ? headEnd - 1 : headEnd)
  const tail = text.slice(isSurrogate(text, tailStart) ? tailStart + 1 : tailStart)
  return `${head}\n\n[… ${text.length - head.length - tail.length} of ${text.length} characters left out here. ${rest} …]\n\n${tail}`
}

/** The longest texts give way first, so that a short one keeps its meaning beside a long one. */
function shares (lengths: readonly number[], total: number): number[] {
  let left = total
  const given = lengths.map(() => 0)
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[a]! - lengths[b]!)
  order.forEach((index, rank) => {
    given[index] = Math.min(lengths[index]!, Math.floor(left / (order.length - rank)))
    left -= given[index]!
  })
  return given
}

const defaultRest = 'Call it again for less: a part, a page, a narrower question.'

export function limitResult (result: ToolResult, { maxChars, maxImages }: ResultLimits, rest = defaultRest): ToolResult {
  const lengths = result.content.map(part => part.type === 'text' ? part.text.length : 0)
  const isLong = lengths.reduce((sum, length) => sum + length, 0) > maxChars
  if (!isLong && result.content.every(({ type }) => type === 'text')) return result
  const room = isLong ? shares(lengths, maxChars) : lengths
  let images = 0
  const content = result.content.map((part, index): Part => {
    if (part.type === 'text') return { ...part, text: shortenText(part.text, room[index]!, rest) }
    if (part.data.length > maxImageChars) return { type: 'text', text: leftOut(part, `at most ${maxImageChars} fit`) }
    return ++images <= maxImages ? part : { type: 'text', text: leftOut(part, `at most ${maxImages} fit into one result`) }
  })
  return { ...result, content }
}

const leftOut = ({ data, mimeType }: ImagePart, why: string): string =>
  `[A picture was left out (${mimeType.slice(0, 40)}, ${data.length} characters as base64; ${why}). Make it smaller, or look at fewer at a time.]`
