/** Text that strangers wrote, made fit for one line of a log, a terminal or a close frame. */

/** Control characters, line separators and the marks that turn the reading direction. */
const unsafe = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u

/** The same set as `unsafe`, cheap enough to ask of every character of a long text. */
const isUnsafe = (code: number): boolean =>
  code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x061c || code === 0x200e || code === 0x200f ||
  (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)

/** One line without control characters, each written as \uXXXX; at most `maxCharacters` long, the cut shown as … */
export function escapeControl (text: string, maxCharacters = 256): string {
  if (text.length <= maxCharacters && !unsafe.test(text)) return text
  let out = ''
  let lengthWithMark = 0
  for (const character of text) {
    const code = character.charCodeAt(0)
    const piece = isUnsafe(code) ? `\\u${code.toString(16).padStart(4, '0')}` : character
    if (out.length + piece.length > maxCharacters) return `${out.slice(0, lengthWithMark)}…`
    out += piece
    // Where to cut should the text turn out too long: a whole piece that leaves room for the mark.
    if (out.length < maxCharacters) lengthWithMark = out.length
  }
  return out
}

/** The longest beginning of `text` that fits `maxBytes` of UTF-8; no character is cut in two. */
export function truncateUtf8 (text: string, maxBytes: number): string {
  // No code unit needs more than three bytes.
  if (text.length * 3 <= maxBytes) return text
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(Math.max(0, maxBytes)))
  return text.slice(0, read)
}

/** For lists: what strangers wrote, without line ends and control characters. */
export const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, ' ').trim()

/** The marks between which a model reads what strangers wrote. */
export const openingMark = (id: string): string => `<<<EXTERNAL_UNTRUSTED_CONTENT id="${id}">>>`
export const closingMark = (id: string): string => `<<<END_EXTERNAL_UNTRUSTED_CONTENT id="${id}">>>`

const leading = new RegExp(`^${openingMark('([0-9a-f]{16})')}\n[^]*?\n${closingMark('\\1')}\\s*`)

/** What a person said behind what was given along for context; all of it when nothing else was said. */
export const behindMarks = (text: string): string => (text.startsWith('<<<') && text.replace(leading, '')) || text
