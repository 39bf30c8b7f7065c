/**
 * Markdown as the HTML that Telegram knows: a handful of tags, nothing else, and always closed in the order in which they were opened.
 * What is not finished yet, as in text that is still being written, stands as it is.
 */

const escapes: { readonly [character: string]: string } = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escapeText = (text: string): string => text.replace(/[&<>]/g, character => escapes[character]!)
const escapeAttribute = (text: string): string => escapeText(text).replaceAll('"', '&quot;')

/** The longest first: two asterisks are not one and one. */
const marks: ReadonlyArray<readonly [mark: string, tag: string, inner?: string]> = [
  ['***', 'b', 'i'], ['**', 'b'], ['__', 'b'], ['~~', 's'], ['||', 'tg-spoiler'], ['*', 'i'], ['_', 'i']
]
const deepest = 6
const linkable = /^(?:https?|tg|mailto):/i
const isWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}_]/u.test(character)
const isSpace = (character: string | undefined): boolean => character === undefined || /\s/.test(character)

interface Piece { readonly html: string, readonly length: number }

/** `code`, with as many backticks as its text needs. */
function codeAt (text: string, at: number): Piece | undefined {
  const ticks = /`+/y
  ticks.lastIndex = at
  const fence = ticks.exec(text)?.[0]
  if (fence === undefined) return undefined
  const end = text.indexOf(fence, at + fence.length)
  if (end < 0) return { html: fence, length: fence.length }
  const inner = text.slice(at + fence.length, end)
  if (inner.trim() === '' || inner.includes('\n\n')) return { html: fence, length: fence.length }
  return { html: `<code>${escapeText(fence.length > 1 ? inner.trim() : inner)}</code>`, length: end + fence.length - at }
}

/** The place of the bracket that closes the one at `at`; brackets in between come in pairs. */
function closing (text: string, at: number, open: string, close: string): number {
  let depth = 0
  for (let index = at; index < text.length && text[index] !== '\n'; index++) {
    if (text[index] === '\\') index++
    else if (text[index] === open) depth++
    else if (text[index] === close && --depth === 0) return index
  }
  return -1
}

/** A link, or a picture, which becomes one. */
function linkAt (text: string, at: number, depth: number): Piece | undefined {
  const start = text[at] === '!' ? at + 1 : at
  if (text[start] !== '[') return undefined
  const middle = closing(text, start, '[', ']')
  if (middle < 0 || text[middle + 1] !== '(') return undefined
  const end = closing(text, middle + 1, '(', ')')
  if (end < 0) return undefined
  const [address = ''] = text.slice(middle + 2, end).trim().replace(/^<(.*)>$/, '$1').split(/\s+"/)
  const label = text.slice(start + 1, middle)
  const length = end + 1 - at
  if (!linkable.test(address) || /\s/.test(address)) return { html: escapeText(text.slice(at, end + 1)), length }
  return { html: `<a href="${escapeAttribute(address)}">${inline(label === '' ? address : label, depth + 1)}</a>`, length }
}

function endOfMark (text: string, from: number, mark: string): number {
  for (let end = text.indexOf(mark, from); end >= 0; end = text.indexOf(mark, end + 1)) {
    const isLonger = mark.length === 1 && (text[end - 1] === mark || text[end + 1] === mark)
    if (isLonger || isSpace(text[end - 1]) || text[end - 1] === '\\') continue
    // snake_case is no emphasis.
    if (mark.startsWith('_') && isWord(text[end + mark.length])) continue
    return end
  }
  return -1
}

function emphasisAt (text: string, at: number, depth: number): Piece | undefined {
  for (const [mark, tag, inner] of marks) {
    if (!text.startsWith(mark, at)) continue
    const from = at + mark.length
    if (isSpace(text[from]) || (mark.startsWith('_') && isWord(text[at - 1]))) continue
    const end = endOfMark(text, from + 1, mark)
    if (end < 0 || text.slice(from, end).includes('\n\n')) continue
    const content = inline(text.slice(from, end), depth + 1)
    const html = inner === undefined ? content : `<${inner}>${content}</${inner}>`
    return { html: `<${tag}>${html}</${tag}>`, length: end + mark.length - at }
  }
  return undefined
}

function pieceAt (text: string, at: number, depth: number): Piece | undefined {
  const character = text[at]!
  if (character === '\\' && /[!-/:-@[-`{-~]/.test(text[at + 1] ?? '')) return { html: escapeText(text[at + 1]!), length: 2 }
  if (character === '`') return codeAt(text, at)
  if (depth >= deepest) return undefined
  if (character === '[' || character === '!') return linkAt(text, at, depth)
  return '*_~|'.includes(character) ? emphasisAt(text, at, depth) : undefined
}

/** An address that stands in the text by itself: what it contains is no markup. */
const address = /https?:\/\/[^\s<>()[\]]+/y

function inline (text: string, depth = 0): string {
  let html = ''
  for (let at = 0; at < text.length;) {
    address.lastIndex = at
    const bare = text[at] === 'h' && !isWord(text[at - 1]) ? address.exec(text)?.[0].replace(/[*_~|`]+$/, '') : undefined
    const piece = bare === undefined ? pieceAt(text, at, depth) : { html: escapeText(bare), length: bare.length }
    html += piece ? piece.html : escapes[text[at]!] ?? text[at]!
    at += piece ? piece.length : 1
  }
  return html
}

const fence = /^ {0,3}(```+|~~~+) *([\w+#.-]*)[^`]*$/
const tableRule = /^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)+\|?\s*$/

/** Lines up to the one that ends the block, and how many they are with it. Without an end it goes on to the last. */
function fenced (lines: readonly string[], at: number): { html: string, used: number } | undefined {
  const opened = fence.exec(lines[at]!)
  if (!opened) return undefined
  const [, mark = '', language = ''] = opened
  let end = at + 1
  while (end < lines.length && !(lines[end]!.trim().startsWith(mark) && /^[`~]+$/.test(lines[end]!.trim()))) end++
  const code = escapeText(lines.slice(at + 1, end).join('\n'))
  const html = language === '' ? `<pre>${code}</pre>` : `<pre><code class="language-${escapeAttribute(language)}">${code}</code></pre>`
  return { html: code === '' ? '' : html, used: end + 1 - at }
}

function quoted (lines: readonly string[], at: number): { html: string, used: number } | undefined {
  let end = at
  while (end < lines.length && /^ {0,3}>/.test(lines[end]!)) end++
  if (end === at) return undefined
  const inner = lines.slice(at, end).map(line => line.replace(/^ {0,3}> ?/, ''))
  const html = inner.map(lineOf).join('\n')
  return { html: html.trim() === '' ? '' : `<blockquote>${html}</blockquote>`, used: end - at }
}

/** There are no tables; their columns stand below each other where letters have the same width. */
function table (lines: readonly string[], at: number): { html: string, used: number } | undefined {
  if (!lines[at]!.includes('|') || !tableRule.test(lines[at + 1] ?? '')) return undefined
  let end = at + 2
  while (end < lines.length && lines[end]!.includes('|')) end++
  return { html: `<pre>${escapeText(lines.slice(at, end).join('\n'))}</pre>`, used: end - at }
}

/** A line by itself; emphasis that runs over its end is rare and stands as it is written. */
function lineOf (line: string): string {
  const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/.exec(line)
  if (heading) return heading[1] === '' ? '' : `<b>${inline(heading[1]!)}</b>`
  if (/^ {0,3}(?:-{3,}|\*{3,}|_{3,})\s*$/.test(line)) return '———'
  const item = /^(\s*)[-*+]\s+(.*)$/.exec(line)
  if (!item) return inline(line)
  const [, indent = '', rest = ''] = item
  const task = /^\[([ xX])\]\s+(.*)$/.exec(rest)
  return `${indent}${task ? `${task[1] === ' ' ? '☐' : '☑'} ${inline(task[2]!)}` : `• ${inline(rest)}`}`
}

export function toTelegramHtml (markdown: string): string {
  const lines = markdown.split('\n')
  const out: string[] = []
  for (let at = 0; at < lines.length;) {
    const block = fenced(lines, at) ?? table(lines, at) ?? quoted(lines, at)
    out.push(block ? block.html : lineOf(lines[at]!))
    at += block?.used ?? 1
  }
  return out.join('\n')
}
