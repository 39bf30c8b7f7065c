/** Asks the index: by words, by meaning, and puts both together. */
import type { Index } from './database.ts'
import { longTerm } from './found-files.ts'
import { nearness, type Asked } from './nearness.ts'
import { rank, type RankingRules } from './ranking.ts'
import { snippetOf } from './snippets.ts'
import { countOf } from './upkeep.ts'
import { placeIn, plain, termsOf, type Term } from './words.ts'

export interface Question {
  readonly text: string
  readonly vector?: Asked
  /** Without what a person told their agent alone. */
  readonly hidesLongTerm: boolean
  /** Of words and of meaning, each. */
  readonly candidates: number
  readonly rules: RankingRules
}

export interface Hit {
  readonly path: string
  readonly startLine: number
  readonly endLine: number
  readonly text: string
  readonly score: number
  readonly textScore?: number
  readonly vectorScore?: number
  readonly updatedAtMs: number
}

export interface Found {
  readonly hits: readonly Hit[]
  /** Pieces that were compared. */
  readonly candidates: number
}

interface Row {
  readonly id: number
  readonly path: string
  readonly startLine: number
  readonly endLine: number
  readonly text: string
  readonly updatedAtMs: number
}

const columns = 'c.id AS id, c.path AS path, c.start_line AS startLine, c.end_line AS endLine, c.text AS text, f.mtime_ms AS updatedAtMs'
const tables = 'words JOIN chunks c ON c.id = words.rowid JOIN files f ON f.path = c.path'
/** No path is empty. */
const hiddenPath = (question: Question): string => question.hidesLongTerm ? longTerm : ''

interface Weighed { readonly term: Term, readonly weight: number }

/** A word that stands nowhere says a little about what is not there; the rarer one that stands somewhere, the more it says. */
const absentShare = 0.15

function weigh (index: Index, terms: readonly Term[], hidden: string): Weighed[] {
  const total = countOf(index, 'SELECT count(*) AS n FROM chunks WHERE path <> ?', hidden)
  return terms.map(term => {
    const having = countOf(index, 'SELECT count(*) AS n FROM words JOIN chunks c ON c.id = words.rowid WHERE words MATCH ? AND c.path <> ?', term.match, hidden)
    const rarity = Math.log(1 + (total - having + 0.5) / (having + 0.5))
    return { term, weight: term.weight * (1 + rarity) * (having === 0 ? absentShare : 1) }
  })
}

type Match = Row & { readonly rank: number }

/** How much of what was asked stands there; what the index thinks of it only tells apart what has the same words. */
function textScores (rows: readonly Match[], weighed: readonly Weighed[], hidden: string): Map<number, number> {
  const asked = weighed.reduce((sum, { weight }) => sum + weight, 0)
  // It also knows the words of what is hidden.
  const best = hidden === '' ? Math.min(...rows.map(row => row.rank)) : 0
  return new Map(rows.map(({ id, text, rank: place }) => {
    const words = plain(text)
    const has = weighed.reduce((sum, { term, weight }) => placeIn(words, term) < 0 ? sum : sum + weight, 0)
    const closeness = best < 0 ? Math.max(0, place / best) : 1
    return [id, asked > 0 ? has / asked * (0.75 + 0.25 * closeness) : 0]
  }))
}

function byWords (index: Index, question: Question, terms: readonly Term[]): { rows: Row[], scores: Map<number, number> } {
  if (terms.length === 0) return { rows: [], scores: new Map() }
  const hidden = hiddenPath(question)
  const rows = index.statement(`SELECT ${columns}, bm25(words) AS rank FROM ${tables} WHERE words MATCH ? AND c.path <> ? ORDER BY rank LIMIT ?`)
    .all(terms.map(({ match }) => match).join(' OR '), hidden, question.candidates) as unknown as Match[]
  return { rows, scores: textScores(rows, weigh(index, terms, hidden), hidden) }
}

const nearest = (scores: ReadonlyMap<number, number>, most: number): number[] =>
  [...scores].filter(([, score]) => score > 0).sort(([, a], [, b]) => b - a).slice(0, most).map(([id]) => id)

function rowsOf (index: Index, ids: readonly number[]): Row[] {
  if (ids.length === 0) return []
  return index.statement(`SELECT ${columns} FROM chunks c JOIN files f ON f.path = c.path WHERE c.id IN (SELECT value FROM json_each(?))`)
    .all(JSON.stringify(ids)) as unknown as Row[]
}

export function find (index: Index, question: Question): Found {
  const terms = termsOf(question.text, index.tokenizer)
  const { rows, scores } = byWords(index, question, terms)
  const near = question.vector ? nearness(index, question.vector, question.hidesLongTerm) : new Map<number, number>()
  const more = rowsOf(index, nearest(near, question.candidates).filter(id => !scores.has(id)))
  const candidates = [...rows, ...more].map(row => ({
    ...row,
    ...(scores.has(row.id) ? { textScore: scores.get(row.id)! } : {}),
    ...(near.has(row.id) ? { vectorScore: near.get(row.id)! } : {})
  }))
  const hits = rank(candidates, question.rules).map(({ path, score, textScore, vectorScore, updatedAtMs, ...chunk }) => ({
    path,
    ...snippetOf(chunk, terms),
    score,
    ...(textScore === undefined ? {} : { textScore }),
    ...(vectorScore === undefined ? {} : { vectorScore }),
    updatedAtMs
  }))
  return { hits, candidates: candidates.length }
}
