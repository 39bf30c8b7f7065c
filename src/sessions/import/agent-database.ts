/** The database in which the existing gateway keeps the sessions of one agent. It is copied, and only the copy is opened. */
import { chmodSync, copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { zstdDecompressSync } from 'node:zlib'
import { loadSqlite } from '../../store/sqlite/load-sqlite.ts'
import { parseFields, type Fields, type Source, type SourceSession, type SourceTranscript } from './source.ts'

const neededTables = ['session_nodes', 'session_windows', 'transcript_events', 'session_transcript_index_state']
const maxEventBytes = 8 * 1024 * 1024

export const agentDatabasePath = (stateDir: string, agentId: string): string => join(stateDir, 'agents', agentId, 'agent', 'openclaw-agent.sqlite')

/** What was committed last may stand in the log alone, so that comes along. */
function copyOf (path: string, directory: string): string {
  const copy = join(directory, 'copy.sqlite')
  for (const suffix of ['', '-wal']) {
    if (!existsSync(path + suffix)) continue
    copyFileSync(path + suffix, copy + suffix)
    chmodSync(copy + suffix, 0o600)
  }
  return copy
}

function eventOf (row: Record<string, unknown>): Fields | undefined {
  if (typeof row['event_json'] === 'string') return parseFields(row['event_json'])
  try {
    return parseFields(zstdDecompressSync(row['event_zstd'] as Uint8Array, { maxOutputLength: maxEventBytes }).toString('utf8'))
  } catch {
    return undefined
  }
}

function transcriptOf (database: DatabaseSync, sessionId: string, problems: string[]): SourceTranscript {
  const state = database.prepare('SELECT leaf_event_id, needs_rebuild FROM session_transcript_index_state WHERE session_id = ?').get(sessionId)
  const leafId = state?.['needs_rebuild'] === 0 ? state['leaf_event_id'] : undefined
  return {
    sessionId,
    ...(typeof leafId === 'string' ? { leafId } : {}),
    events () {
      const rows = database.prepare('SELECT seq, event_json, event_zstd FROM transcript_events WHERE session_id = ? ORDER BY seq').all(sessionId)
      return rows.flatMap(row => {
        const event = eventOf(row)
        if (!event) problems.push(`event ${String(row['seq'])} of ${sessionId} cannot be read`)
        return event ? [event] : []
      })
    }
  }
}

function sessionsOf (database: DatabaseSync, agentId: string, problems: string[]): SourceSession[] {
  const windows = database.prepare('SELECT session_id FROM session_windows WHERE session_key = ? AND session_id <> ? ORDER BY created_at')
  const nodes = database.prepare('SELECT session_key, current_session_id, entry_json, created_at, created_via FROM session_nodes ORDER BY session_key').all()
  return nodes.flatMap(node => {
    const key = String(node['session_key'])
    const entry = parseFields(String(node['entry_json']))
    if (!entry) {
      problems.push(`the row of session ${key} cannot be read`)
      return []
    }
    const current = String(node['current_session_id'])
    const ids = [...windows.all(key, current).map(row => String(row['session_id'])), current]
    const created = { createdAt: node['created_at'] ?? undefined, createdVia: node['created_via'] ?? undefined }
    return [{ agentId, key, entry: { ...created, ...entry }, transcripts: ids.map(id => transcriptOf(database, id, problems)) }]
  })
}

function coldArchives (database: DatabaseSync, agentId: string): string[] {
  const known = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'session_transcript_cold_archives'").get()
  if (!known) return []
  const next = 'open that session with the existing gateway once, then import again'
  return database.prepare('SELECT session_id FROM session_transcript_cold_archives').all()
    .map(row => `the transcript ${String(row['session_id'])} of agent ${agentId} lies in an archive: ${next}`)
}

export function openAgentDatabase (path: string, agentId: string, scratchDir: string): Source {
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(copyOf(path, scratchDir))
  try {
    const tables = new Set(database.prepare('SELECT name FROM sqlite_schema').all().map(row => row['name']))
    const missing = neededTables.filter(name => !tables.has(name))
    if (missing.length > 0) throw new Error(`it has no table ${missing[0]}`)
    const verdict = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (verdict !== 'ok') throw new Error(String(verdict))
    const problems: string[] = coldArchives(database, agentId)
    return { sessions: sessionsOf(database, agentId, problems), problems, close: () => database.close() }
  } catch (error) {
    database.close()
    return { sessions: [], problems: [`${path} cannot be read: ${(error as Error).message}`], close () {} }
  }
}
