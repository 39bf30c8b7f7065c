/** Takes over sessions and transcripts from the state directory of an existing gateway. The source is only read. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Store, StoreOp } from '../../store/store.ts'
import { isAgentId, isSessionId, resolveKey } from '../keys.ts'
import type { SessionRecord } from '../record.ts'
import { agentDatabasePath, openAgentDatabase } from './agent-database.ts'
import { linesOf, type TranslatedLine } from './lines.ts'
import { recordOf } from './rows.ts'
import { openSessionFiles } from './session-files.ts'
import type { Source, SourceSession } from './source.ts'

export interface ImportedSession {
  key: string
  sessionId: string
  lines: number
  messages: number
}

export interface ImportReport {
  sessions: ImportedSession[]
  /** Sessions that are here already, and stay as they are. */
  existing: string[]
  /** What could not be taken over, in sentences. */
  problems: string[]
}

export interface ImportOptions {
  readonly from: string
  /** Where a private copy of a database may lie while it is read. */
  readonly scratchDir: string
  readonly store: Store
  /** Reads and counts everything, writes nothing. */
  readonly dryRun: boolean
  readonly now: number
}

const maxGenerations = 16
const linesInCommit = 250

function agentIds (from: string): string[] {
  const directory = join(from, 'agents')
  if (!existsSync(directory)) return []
  const entries = readdirSync(directory, { withFileTypes: true })
  return entries.filter(entry => entry.isDirectory() && isAgentId(entry.name)).map(({ name }) => name)
}

/** The database of an agent counts before its older files, and the files of an agent before those of a time when there was only one. */
function openSources (from: string, scratchDir: string): Source[] {
  const ids = agentIds(from)
  const databases = ids.filter(id => existsSync(agentDatabasePath(from, id)))
    .map(id => openAgentDatabase(agentDatabasePath(from, id), id, mkdtempSync(join(scratchDir, 'agent-'))))
  const ofAgents = ids.map(id => ({ id, directory: join(from, 'agents', id, 'sessions') }))
  const directories = [...ofAgents, { id: 'main', directory: join(from, 'sessions') }]
  const files = directories.filter(({ directory }) => existsSync(join(directory, 'sessions.json')))
    .map(({ id, directory }) => openSessionFiles(directory, id))
  return [...databases, ...files]
}

const rulesOf = (agentId: string) => ({ hasAgent: () => true, defaultAgentId: () => agentId, mustName: () => false, scope: () => 'per-sender' })

interface Generation { readonly sessionId: string, readonly lines: readonly TranslatedLine[] }

async function write (store: Store, record: SessionRecord, transcripts: readonly Generation[]): Promise<void> {
  for (const { sessionId, lines } of transcripts) {
    // What an import that was cut off left behind: its row is missing.
    await store.commit([{ op: 'forget', sessionId }])
    const ops = lines.map(({ seq, id, value }): StoreOp => ({ op: 'append', sessionId, seq, id, value }))
    for (let start = 0; start < ops.length; start += linesInCommit) await store.commit(ops.slice(start, start + linesInCommit))
    const { lines: written } = await store.lines.extent(sessionId)
    if (written !== lines.length) throw new Error(`of ${lines.length} lines of ${sessionId} only ${written} were written`)
  }
  await store.commit([{ op: 'put', collection: 'sessions', key: record.key, value: record }])
}

export async function importState (options: ImportOptions): Promise<ImportReport> {
  const { from, store, dryRun, now } = options
  const report: ImportReport = { sessions: [], existing: [], problems: [] }
  const rows = (await store.collection<SessionRecord>('sessions').all()).map(({ value }) => value)
  const keys = new Set(rows.map(({ key }) => key))
  const ids = new Set(rows.flatMap(({ sessionId, generations = [] }) => [sessionId, ...generations]))
  const seen = new Set<string>()

  async function take (session: SourceSession): Promise<void> {
    const { key } = resolveKey(session.key, undefined, rulesOf(session.agentId))
    if (seen.has(key)) return
    seen.add(key)
    if (keys.has(key)) {
      report.existing.push(key)
      return
    }
    const chosen = session.transcripts.slice(-1 - maxGenerations)
    const taken = chosen.find(({ sessionId }) => ids.has(sessionId) || !isSessionId(sessionId))
    if (taken) throw new Error(`the id ${taken.sessionId} is taken or no session id`)
    const startedAt = typeof session.entry['sessionStartedAt'] === 'number' ? session.entry['sessionStartedAt'] : now
    const transcripts = chosen.map(transcript => ({ sessionId: transcript.sessionId, lines: linesOf(transcript, startedAt) }))
    const { sessionId, lines } = transcripts.at(-1)!
    const generations = transcripts.slice(0, -1).map(transcript => transcript.sessionId)
    const record = recordOf(session.entry, lines, { key, sessionId, generations, now })
    if (!dryRun) await write(store, record, transcripts)
    for (const { sessionId: id } of transcripts) ids.add(id)
    const all = transcripts.flatMap(transcript => transcript.lines)
    report.sessions.push({ key, sessionId, lines: all.length, messages: all.filter(({ value }) => value.type === 'message').length })
  }

  const scratch = mkdtempSync(join(options.scratchDir, 'import-'))
  const sources = openSources(from, scratch)
  try {
    for (const session of sources.flatMap(({ sessions }) => sessions)) {
      await take(session).catch((error: Error) => { report.problems.push(`session ${session.key}: ${error.message}`) })
    }
    report.problems.push(...sources.flatMap(({ problems }) => problems))
  } finally {
    for (const source of sources) source.close()
    rmSync(scratch, { recursive: true, force: true })
  }
  return report
}
