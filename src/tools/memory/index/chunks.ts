/** Files cut into pieces that are small enough to be found and read alone, each with its lines. */

export interface Chunk {
  /** From 1. */
  readonly startLine: number
  readonly endLine: number
  readonly text: string
}

export interface Chunking {
  readonly tokens: number
  readonly overlap: number
}

interface Piece {
  readonly line: number
  readonly text: string
  readonly cost: number
}

/** Signs that stand for a word or a syllable are a token each; of others it takes about four. */
const firstWide = 0x2e80
const costOf = (code: number): number => code >= firstWide ? 1 : 0.25

function cost (text: string): number {
  let sum = 0.25
  for (let at = 0; at < text.length; at++) sum += costOf(text.charCodeAt(at))
  return sum
}

/** A line that is longer than a chunk, in parts; no character is cut in two. */
function * partsOf (text: string, most: number): Generator<string> {
  let [start, sum] = [0, 0]
  for (let at = 0; at < text.length; at++) {
    sum += costOf(text.charCodeAt(at))
    const isInPair = (text.charCodeAt(at) & 0xfc00) === 0xd800
    if (sum < most || isInPair) continue
    yield text.slice(start, at + 1)
    start = at + 1
    sum = 0
  }
  if (start < text.length) yield text.slice(start)
}

function * piecesOf (text: string, most: number): Generator<Piece> {
  let line = 0
  for (const content of text.split(/\r?\n/)) {
    line++
    const whole = cost(content)
    if (whole <= most) yield { line, text: content, cost: whole }
    else for (const part of partsOf(content, most)) yield { line, text: part, cost: cost(part) }
  }
}

/** The end of a chunk with which the next one begins. */
function tailOf (pieces: readonly Piece[], overlap: number): Piece[] {
  let [from, sum] = [pieces.length, 0]
  while (from > 1 && sum + pieces[from - 1]!.cost <= overlap) sum += pieces[--from]!.cost
  return pieces.slice(from)
}

const isBlank = ({ text }: Piece): boolean => text.trim() === ''

function joined (pieces: readonly Piece[]): Chunk | undefined {
  const first = pieces.findIndex(piece => !isBlank(piece))
  const last = pieces.findLastIndex(piece => !isBlank(piece))
  if (first < 0) return undefined
  let text = pieces[first]!.text
  for (let at = first + 1; at <= last; at++) text += pieces[at]!.line === pieces[at - 1]!.line ? pieces[at]!.text : `\n${pieces[at]!.text}`
  return { startLine: pieces[first]!.line, endLine: pieces[last]!.line, text }
}

export function chunksOf (text: string, { tokens, overlap }: Chunking): Chunk[] {
  const shared = Math.min(overlap, Math.floor(tokens / 2))
  const chunks: Chunk[] = []
  let [open, sum, added]: [Piece[], number, number] = [[], 0, 0]
  const close = (): void => {
    const chunk = added > 0 ? joined(open) : undefined
    if (chunk) chunks.push(chunk)
    open = tailOf(open, shared)
    sum = open.reduce((total, piece) => total + piece.cost, 0)
    added = 0
  }
  for (const piece of piecesOf(text, tokens)) {
    if (added > 0 && sum + piece.cost > tokens) close()
    open.push(piece)
    sum += piece.cost
    // A chunk of nothing but what the one before ends with says nothing.
    if (!isBlank(piece)) added++
  }
  close()
  return chunks
}
