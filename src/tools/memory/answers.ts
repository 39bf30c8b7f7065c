/** What was found, as the contract has it, with the fields that older programs read beside them. */
import type { Found, Hit, Question } from './index/finding.ts'
import { dayOf } from './index/ranking.ts'
import type { MemoryResult, SearchAnswer, SearchRequest } from './memory.ts'
import type { Scope } from './scope.ts'

export interface Circumstances {
  readonly scope: Scope
  readonly question: Question
  /** Files that are not read yet. */
  readonly left: number
  readonly showsSource: boolean
  /** Why there was no vector although there should have been one. */
  readonly failure?: string
  readonly tookMs: number
}

const rounded = (score: number): number => Math.round(score * 10_000) / 10_000

/** A file may claim a time that no calendar has. */
const latestMs = 8.64e15
const timeOf = (ms: number): { updatedAt?: string } => Math.abs(ms) <= latestMs ? { updatedAt: new Date(ms).toISOString() } : {}

function resultOf (hit: Hit, showsSource: boolean): MemoryResult {
  const { path, startLine, endLine, text, score, textScore, vectorScore, updatedAtMs } = hit
  const citation = `${path}#L${startLine}${endLine === startLine ? '' : `-L${endLine}`}`
  const day = dayOf(path)
  return {
    path,
    startLine,
    endLine,
    score: rounded(score),
    ...vectorScore === undefined ? {} : { vectorScore: rounded(vectorScore) },
    ...textScore === undefined ? {} : { textScore: rounded(textScore) },
    snippet: showsSource ? `${text}\n\nSource: ${citation}` : text,
    source: 'memory',
    provenance: { originClass: 'agent', sessionKind: 'unknown', observedAt: Math.round(updatedAtMs) },
    corpus: 'memory',
    citation,
    content: text,
    metadata: { source: 'memory', startLine, endLine, ...timeOf(updatedAtMs), ...day === undefined ? {} : { date: day } }
  }
}

export function answerOf ({ hits, candidates }: Found, circumstances: Circumstances): SearchAnswer {
  const { scope: { settings }, question, left, showsSource, failure, tookMs } = circumstances
  const [provider, model] = question.vector ? settings.model!.split(/\/(.*)/s) : ['none']
  const warnings = [
    ...failure === undefined ? [] : [`Only the words were searched, not their meaning: ${failure}`],
    ...left === 0 ? [] : [`${left} files are still to be read; what they say is not found yet.`]
  ]
  const actions = [
    ...failure === undefined ? [] : ['openclaw memory status --deep says whether the provider answers.'],
    ...left === 0 ? [] : ['Search again in a moment.']
  ]
  return {
    results: hits.map(hit => resultOf(hit, showsSource)),
    provider: provider!,
    ...model === undefined ? {} : { model },
    citations: settings.citations,
    ...warnings.length === 0 ? {} : { warning: warnings.join(' '), action: actions.join(' ') },
    debug: {
      backend: 'builtin',
      effectiveMode: question.vector ? 'hybrid' : 'fts-only',
      hits: hits.length,
      candidateHits: candidates,
      withheldHits: 0,
      searchWindow: question.candidates,
      toolMs: Math.round(tookMs)
    }
  }
}

const unavailable = (error: string, action: string): SearchAnswer =>
  ({ results: [], disabled: true, unavailable: true, error, warning: `Memory was not searched: ${error}.`, action })

/** Nothing was searched, and why. */
export function refusal ({ corpus = 'memory' }: SearchRequest, isEnabled: boolean, why?: string, action = ''): SearchAnswer | undefined {
  if (!isEnabled) return unavailable('memory search is switched off', 'Set memory.search.enabled to true.')
  if (corpus === 'sessions') return unavailable('conversations are not part of memory', 'Use the tool sessions_search.')
  if (corpus === 'wiki') return unavailable('there is no wiki here', 'Leave "corpus" out.')
  return why === undefined ? undefined : unavailable(why, action)
}

/** For the model: once each, without what stands there a second time for programs. */
export const forModel = ({ results, ...rest }: SearchAnswer): string =>
  JSON.stringify({ results: results.map(({ content: _content, metadata: _metadata, ...result }) => result), ...rest }, null, 2)
