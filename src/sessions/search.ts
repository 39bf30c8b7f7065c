/**
 * Looking for words in what was said. A bounded scan of the newest conversations, newest lines first: no index has to be kept
 * beside every message, and the loop is let go between pages.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TranscriptLine } from '../protocol/transcript.ts'
import type { Lines } from '../store/store.ts'
import { visibleText } from './projection.ts'
import type { SessionRecord } from './record.ts'
import type { SessionParts } from './sessions.ts'

export interface SearchQuery {
  readonly query: string
  readonly agentId?: string
  readonly sessionKeys?: readonly string[]
  /** Conversations that are left out are not looked into. */
  readonly mayRead?: (record: SessionRecord) => boolean
  readonly limit?: number
}

export interface SearchHit {
  readonly sessionKey: string
  readonly sessionId: string
  readonly messageId: string
  readonly role: 'user' | 'assistant'
  readonly timestamp: number
  readonly snippet: string
  readonly score: number
}

export interface SearchResult {
  readonly results: SearchHit[]
  /** There is more than was looked through. */
  readonly truncated?: true
}

const defaultHits = 10
const maxSessions = 500
const maxLines = 20_000
const pageLines = 200
const snippetCharacters = 160

interface Scan { hits: SearchHit[], lines: number }

/** The text around the first word that was found. */
function snippetOf (text: string, at: number): string {
  const from = Math.max(0, at - snippetCharacters / 4)
  const piece = text.slice(from, from + snippetCharacters).replace(/\s+/g, ' ').trim()
  return `${from > 0 ? '…' : ''}${piece}${from + snippetCharacters < text.length ? '…' : ''}`
}

/** How much of it is about the words: 1 when nothing else is said. */
function scoreOf (text: string, words: readonly string[]): number {
  let found = 0
  for (const word of words) found += (text.split(word).length - 1) * word.length
  return Math.min(1, found / Math.max(text.length, 1))
}

function hitIn (record: SessionRecord, sessionId: string, value: TranscriptLine, words: readonly string[]): SearchHit | undefined {
  if (value.type !== 'message' || value.message.role === 'toolResult') return undefined
  const text = visibleText(value.message)
  const lower = text.toLowerCase()
  if (!words.every(word => lower.includes(word))) return undefined
  return {
    sessionKey: record.key,
    sessionId,
    messageId: value.id,
    role: value.message.role,
    timestamp: Math.max(0, Math.floor(value.timestamp)),
    snippet: snippetOf(text, lower.indexOf(words[0]!)),
    score: scoreOf(lower, words)
  }
}

interface Place { readonly record: SessionRecord, readonly sessionId: string }

async function scanTranscript (lines: Lines, { record, sessionId }: Place, words: readonly string[], scan: Scan, limit: number) {
  let before: number | undefined
  while (scan.hits.length < limit && scan.lines < maxLines) {
    const page = await lines.tail<TranscriptLine>(sessionId, { limit: pageLines, ...(before === undefined ? {} : { before }) })
    scan.lines += page.length
    for (const { value } of [...page].reverse()) {
      const hit = hitIn(record, sessionId, value, words)
      if (hit && scan.hits.length < limit) scan.hits.push(hit)
    }
    if (page.length < pageLines) return
    before = page[0]!.seq
    await nextTurn()
  }
}

export function createSearch ({ rows, lines, ready }: SessionParts): (query: SearchQuery) => Promise<SearchResult> {
  return async ({ query, agentId, sessionKeys, mayRead, limit = defaultHits }) => {
    await ready()
    const words = [...new Set(query.toLowerCase().split(/\s+/).filter(Boolean))].slice(0, 16)
    if (words.length === 0) return { results: [] }
    const wanted = sessionKeys && new Set(sessionKeys)
    const scan: Scan = { hits: [], lines: 0 }
    let sessions = 0
    for (const { record } of rows.ranking('updatedAt').list('all')) {
      if ((agentId !== undefined && record.agentId !== agentId) || (wanted && !wanted.has(record.key))) continue
      if (mayRead?.(record) === false) continue
      if (scan.hits.length >= limit || scan.lines >= maxLines || sessions >= maxSessions) return { results: scan.hits, truncated: true }
      sessions++
      for (const sessionId of [record.sessionId, ...[...record.generations ?? []].reverse()]) {
        await scanTranscript(lines, { record, sessionId }, words, scan, limit)
      }
    }
    return { results: scan.hits }
  }
}
