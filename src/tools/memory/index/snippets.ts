/** The lines of a piece that show why it was found. */
import { placeIn, plain, type Term } from './words.ts'

export interface Lines {
  readonly startLine: number
  readonly endLine: number
  readonly text: string
}

const maxChars = 700

const without = (text: string): string => text.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '')

function bestLine (lines: readonly string[], terms: readonly Term[]): { line: number, at: number } {
  let best = { line: 0, at: 0, worth: 0 }
  for (const [line, text] of lines.entries()) {
    const words = plain(text)
    const places = terms.map(term => ({ weight: term.weight, at: placeIn(words, term) })).filter(({ at }) => at >= 0)
    const worth = places.reduce((sum, { weight }) => sum + weight, 0)
    if (worth > best.worth) best = { line, at: Math.min(...places.map(({ at }) => at)), worth }
  }
  return best
}

/** A line that is too long alone: the part around the word. */
function partOf (text: string, at: number): string {
  const start = Math.max(0, Math.min(at - maxChars / 4, text.length - maxChars))
  return `${start > 0 ? '…' : ''}${without(text.slice(start, start + maxChars))}${start + maxChars < text.length ? '…' : ''}`
}

export function snippetOf ({ startLine, endLine, text }: Lines, terms: readonly Term[]): Lines {
  if (text.length <= maxChars) return { startLine, endLine, text }
  const lines = text.split('\n')
  const { line, at } = bestLine(lines, terms)
  if (lines[line]!.length > maxChars) return { startLine: startLine + line, endLine: startLine + line, text: partOf(lines[line]!, at) }
  let [from, to, chars] = [line, line, lines[line]!.length]
  const fits = (index: number): boolean => index >= 0 && index < lines.length && chars + lines[index]!.length + 1 <= maxChars
  // One line before tells what it is about; the rest is what follows.
  if (fits(from - 1)) chars += lines[--from]!.length + 1
  while (fits(to + 1)) chars += lines[++to]!.length + 1
  while (fits(from - 1)) chars += lines[--from]!.length + 1
  return { startLine: startLine + from, endLine: startLine + to, text: lines.slice(from, to + 1).join('\n') }
}
