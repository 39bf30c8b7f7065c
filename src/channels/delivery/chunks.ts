/** Cuts a text into what a service takes as one message. */
import type { ChannelLimits } from '../define-channel.ts'

const encoder = new TextEncoder()

export function lengthOf (text: string, unit: ChannelLimits['textUnit']): number {
  if (unit === 'bytes') return encoder.encode(text).length
  return unit === 'code-points' ? [...text].length : text.length
}

/** How many UTF-16 units of the text fit; never the first half of a character. */
function fitting (text: string, { textLength, textUnit }: ChannelLimits): number {
  let units = 0
  let length = 0
  for (const character of text) {
    length += textUnit === 'utf16' ? character.length : textUnit === 'bytes' ? encoder.encode(character).length : 1
    if (length > textLength) break
    units += character.length
  }
  return units
}

/** At the end of a paragraph, a line, a sentence or a word, unless that would leave the message half empty. */
function breakAt (text: string, most: number): number {
  const least = Math.floor(most / 2)
  for (const mark of ['\n\n', '\n', '. ', ' ']) {
    // Blanks at the end are left out, so they need no room.
    const found = text.lastIndexOf(mark, most - mark.trimEnd().length)
    if (found >= least) return found + mark.length
  }
  return most
}

const fence = /^[ \t]*(```+|~~~+)([^\n`]*)$/gm

/** The block of code that is still open at the end, as it was opened. */
function openFence (text: string): { readonly mark: string, readonly opening: string } | undefined {
  let open: { mark: string, opening: string } | undefined
  for (const [line, mark] of text.matchAll(fence)) {
    if (!open) open = { mark: mark!, opening: line.trim() }
    else if (mark!.startsWith(open.mark)) open = undefined
  }
  return open
}

/** Code that is cut in two stays code on both sides. */
export function chunksOf (text: string, limits: ChannelLimits): string[] {
  const chunks: string[] = []
  let rest = text.trim()
  while (lengthOf(rest, limits.textUnit) > limits.textLength) {
    // What closes and opens a block again has to fit as well.
    const reserved = rest.includes('```') || rest.includes('~~~') ? Math.min(40, Math.floor(limits.textLength / 4)) : 0
    const most = Math.max(1, fitting(rest, { ...limits, textLength: limits.textLength - reserved }))
    const at = breakAt(rest, most)
    const head = rest.slice(0, at).trimEnd()
    const open = reserved > 0 ? openFence(head) : undefined
    const fits = open !== undefined && open.opening.length + open.mark.length + 2 <= reserved
    if (head !== '') chunks.push(fits ? `${head}\n${open.mark}` : head)
    const tail = rest.slice(at)
    rest = fits ? `${open.opening}\n${tail.replace(/^\n+/, '')}` : tail.trimStart()
  }
  if (rest !== '') chunks.push(rest)
  return chunks
}
