/** Which candidates are shown, and in which order. */
import { wordsOf } from './words.ts'

export interface Weights {
  readonly vectorWeight: number
  readonly textWeight: number
}

export interface RankingRules extends Weights {
  readonly maxResults: number
  readonly minScore: number
  /** Absent: what says the same again is shown, too. */
  readonly diversity?: number
  /** Absent: the age of a note does not matter. */
  readonly halfLifeDays?: number
  readonly nowMs: number
}

export interface Candidate {
  readonly path: string
  readonly text: string
  /** Absent: none of the words stands there. */
  readonly textScore?: number
  /** Absent: its meaning is not known, or nobody asked for it. */
  readonly vectorScore?: number
}

export type Ranked<C extends Candidate> = C & { readonly score: number }

/** What words alone are worth where the model sees no likeness: names and numbers mean nothing to it. */
const wordsAlone = 0.5

/** Both together; what is known of one kind only is judged by that. */
export function relevance ({ textScore = 0, vectorScore }: Candidate, { vectorWeight, textWeight }: Weights): number {
  if (vectorScore === undefined) return textScore
  const sum = vectorWeight + textWeight
  if (sum === 0) return 0
  const both = (vectorWeight * Math.max(0, vectorScore) + textWeight * textScore) / sum
  return textWeight === 0 ? both : Math.max(both, wordsAlone * textScore)
}

const dayMs = 86_400_000

/** The day that a note is about, by its name. */
export const dayOf = (path: string): string | undefined => /(?:^|\/)(\d{4}-\d{2}-\d{2})[^/]*\.md$/.exec(path)?.[1]

function freshness (path: string, { halfLifeDays, nowMs }: RankingRules): number {
  const day = halfLifeDays === undefined ? undefined : dayOf(path)
  const ageMs = day === undefined ? NaN : nowMs - Date.parse(`${day}T00:00:00Z`)
  return ageMs > 0 ? 0.5 ** (ageMs / dayMs / halfLifeDays!) : 1
}

function likeness (a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 || b.size === 0) return 0
  const common = a.keys().filter(word => b.has(word)).reduce(count => count + 1, 0)
  return common / (a.size + b.size - common)
}

/** One after the other: what fits best and is least like those that were taken before. */
function diverse<C extends Candidate> (ranked: ReadonlyArray<Ranked<C>>, count: number, lambda: number): Array<Ranked<C>> {
  const left = ranked.map(candidate => ({ candidate, words: new Set(wordsOf(candidate.text)), closest: 0 }))
  const taken: Array<Ranked<C>> = []
  while (taken.length < count && left.length > 0) {
    const worth = ({ candidate, closest }: typeof left[number]): number => lambda * candidate.score - (1 - lambda) * closest
    const best = left.reduce((a, b) => worth(b) > worth(a) ? b : a)
    left.splice(left.indexOf(best), 1)
    taken.push(best.candidate)
    for (const other of left) other.closest = Math.max(other.closest, likeness(best.words, other.words))
  }
  return taken
}

/** More than these are not compared with each other. */
const maxCompared = 100

/** Best first. `minScore` is held against what a text says; how old it is only decides about the order. */
export function rank<C extends Candidate> (candidates: readonly C[], rules: RankingRules): Array<Ranked<C>> {
  const { maxResults, minScore, diversity } = rules
  const ranked = candidates
    .map(candidate => ({ candidate, fits: relevance(candidate, rules) }))
    .filter(({ fits }) => fits > 0 && fits >= minScore)
    .map(({ candidate, fits }) => ({ ...candidate, score: fits * freshness(candidate.path, rules) }))
    .sort((a, b) => b.score - a.score)
  if (diversity === undefined || ranked.length <= maxResults) return ranked.slice(0, maxResults)
  return diverse(ranked.slice(0, Math.max(maxCompared, maxResults)), maxResults, diversity).sort((a, b) => b.score - a.score)
}
