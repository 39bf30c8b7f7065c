/** Words of a question, as the index is asked for them and as they are looked for in a text. */

export type Tokenizer = 'unicode61' | 'trigram'

export interface Term {
  /** As the index is asked. */
  readonly match: string
  /** As it stands in a text that was made plain. */
  readonly plain: string
  /** It has to begin where a word does. */
  readonly atStart: boolean
  /** What it counts beside others: short words are mostly grammar. */
  readonly weight: number
}

const maxTerms = 32
const word = /[\p{L}\p{N}\p{M}\p{Co}]+/gu
/** Scripts that put no blanks between words: each sign is a word of the index, and two that follow each other are asked for. */
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const unspacedRun = new RegExp(`${unspaced.source}+`, 'gu')
const unspacedSign = new RegExp(unspaced.source, 'gu')

/** Without capitals and accents. */
export const plain = (text: string): string => text.normalize('NFKD').replace(/\p{M}+/gu, '').toLowerCase()

/** A text as the index takes it. */
export const indexed = (text: string, tokenizer: Tokenizer): string =>
  tokenizer === 'unicode61' && unspaced.test(text) ? text.replace(unspacedSign, ' $& ') : text

export const wordsOf = (text: string): string[] => plain(text).match(word) ?? []

function spacedTerm (text: string): Term | undefined {
  const own = plain(text)
  if (own === '') return undefined
  const isLong = own.length >= 3
  return { match: `"${text}"${isLong ? '*' : ''}`, plain: own, atStart: true, weight: isLong && own.length > 3 ? 1 : 0.3 }
}

function * pairsOf (run: string): Generator<Term> {
  const signs = [...run]
  for (let at = 0; at < Math.max(1, signs.length - 1); at++) {
    const pair = signs.slice(at, at + 2)
    yield { match: `"${pair.join(' ')}"`, plain: plain(pair.join('')), atStart: false, weight: 1 }
  }
}

function * termsIn (text: string, tokenizer: Tokenizer): Generator<Term | undefined> {
  if (tokenizer === 'trigram') {
    // It knows nothing shorter than three signs.
    if ([...text].length >= 3) yield { match: `"${text}"`, plain: plain(text), atStart: false, weight: text.length > 3 ? 1 : 0.3 }
    return
  }
  for (const run of text.match(unspacedRun) ?? []) yield * pairsOf(run)
  for (const rest of text.split(unspacedRun)) yield spacedTerm(rest)
}

export function termsOf (query: string, tokenizer: Tokenizer): Term[] {
  const terms = new Map<string, Term>()
  for (const text of query.match(word) ?? []) {
    for (const term of termsIn(text, tokenizer)) {
      if (term && !terms.has(term.plain)) terms.set(term.plain, term)
      if (terms.size >= maxTerms) return [...terms.values()]
    }
  }
  return [...terms.values()]
}

const isWordSign = /[\p{L}\p{N}]/u

/** Where a term stands in a plain text; -1: nowhere. */
export function placeIn (text: string, { plain: wanted, atStart }: Term): number {
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    if (!atStart || at === 0 || !isWordSign.test(text[at - 1]!) || unspaced.test(text[at - 1]!)) return at
  }
  return -1
}
