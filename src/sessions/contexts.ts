/** What models see of the conversations that go on now, so that a turn reads no transcript. The rest is read from the store. */
import type { TranscriptLine } from '../protocol/transcript.ts'
import { createOrderedMap } from '../lib/ordered-map.ts'
import type { Line, Lines } from '../store/store.ts'
import type { SessionRecord } from './record.ts'
import { visibleText } from './projection.ts'

export type StoredLine = Line<TranscriptLine>

/** The most lines that one context has, whatever the transcript has; the newest ones. */
export const maxContextLines = 2_000
const maxKept = 256
const maxKeptCharacters = 16 * 1024 * 1024

interface Kept {
  readonly contextSeq: number
  readonly compactionId: string | undefined
  lines: StoredLine[]
  characters: number
}

export interface Contexts {
  read (record: SessionRecord): Promise<readonly StoredLine[]>
  /** Told of every commit; `first`: nothing was in this generation before. */
  added (record: SessionRecord, lines: readonly StoredLine[], first: boolean): void
  forget (sessionId: string): void
  stats (): { kept: number, characters: number }
}

/** An estimate: what counts is that it grows with the line. */
function charactersOf ({ value }: StoredLine): number {
  if (value.type !== 'message') return 400
  const { message } = value
  let size = 400 + visibleText(message).length
  if (typeof message.content === 'string') return size
  for (const part of message.content) {
    if (part.type === 'image') size += part.data.length
    else if (part.type === 'thinking') size += part.thinking.length
    else if (part.type === 'toolCall') size += 200
    else if (message.role === 'toolResult') size += part.text.length
  }
  return size
}

const sizeOf = (lines: readonly StoredLine[]): number => lines.reduce((sum, line) => sum + charactersOf(line), 0)

/** Adds lines and takes away the oldest beyond the bound, which it returns; a summary stays in front of them. */
function slide (lines: StoredLine[], added: readonly StoredLine[]): StoredLine[] {
  for (const line of added) lines.push(line)
  const first = lines[0]?.value.type === 'compaction' ? 1 : 0
  return lines.splice(first, Math.max(0, lines.length - first - maxContextLines))
}

/** Lines that steer how the others are read are not read themselves. */
const isHeard = ({ value }: StoredLine): boolean => value.type !== 'compaction' && value.type !== 'reset'

export function createContexts (lines: Lines): Contexts {
  const kept = createOrderedMap<string, Kept>()
  let characters = 0

  function drop (sessionId: string): void {
    const known = kept.get(sessionId)
    if (!known) return
    characters -= known.characters
    kept.delete(sessionId)
  }

  function keep (sessionId: string, entry: Kept): void {
    drop(sessionId)
    if (entry.characters > maxKeptCharacters) return
    kept.set(sessionId, entry)
    characters += entry.characters
    while (kept.size() > maxKept || characters > maxKeptCharacters) drop(kept.oldest()!.key)
  }

  const entryOf = ({ contextSeq = 0, compactionId }: SessionRecord, found: StoredLine[]): Kept =>
    ({ contextSeq, compactionId, lines: found, characters: sizeOf(found) })

  async function load (record: SessionRecord): Promise<Kept> {
    const { sessionId, contextSeq = 0, lastSeq = 0, compactionId } = record
    const isLong = lastSeq - contextSeq > maxContextLines
    const found = isLong
      ? await lines.tail<TranscriptLine>(sessionId, { limit: maxContextLines })
      : await lines.after<TranscriptLine>(sessionId, { seq: contextSeq, limit: maxContextLines })
    const summary = compactionId === undefined ? undefined : await lines.find<TranscriptLine>(sessionId, compactionId)
    const kept = found.filter(isHeard)
    const says = summary?.value.type === 'compaction' && summary.value.summary !== ''
    return entryOf(record, says ? [summary, ...kept] : kept)
  }

  return {
    async read (record) {
      const known = kept.get(record.sessionId)
      if (known && known.contextSeq === (record.contextSeq ?? 0) && known.compactionId === record.compactionId) {
        kept.set(record.sessionId, known)
        return known.lines.slice()
      }
      const loaded = await load(record)
      keep(record.sessionId, loaded)
      return loaded.lines.slice()
    },
    added (record, added, first) {
      if (first) {
        const lines: StoredLine[] = []
        slide(lines, added.filter(isHeard))
        return keep(record.sessionId, entryOf(record, lines))
      }
      const known = kept.get(record.sessionId)
      if (!known) return
      const steers = added.some(({ value }) => value.type === 'reset' || value.type === 'compaction')
      if (steers) return drop(record.sessionId)
      const grown = sizeOf(added) - sizeOf(slide(known.lines, added))
      known.characters += grown
      characters += grown
      while (characters > maxKeptCharacters && kept.size() > 0) drop(kept.oldest()!.key)
    },
    forget: drop,
    stats: () => ({ kept: kept.size(), characters })
  }
}
