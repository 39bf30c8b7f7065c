/** The sessions of the gateway: rows in memory, transcripts in the store, changes told to who follows. Nothing is read before its use. */
import type { CallerKey } from '../auth/keys/caller-key.ts'
import { agentEntries, mustNameAgent } from '../config/agent-entries.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { TranscriptLine } from '../protocol/transcript.ts'
import type { Lines, Store } from '../store/store.ts'
import { createAnnouncements, type Announcements, type Emit } from './announcements.ts'
import { createCompaction, type Compaction, type Summarise } from './compaction.ts'
import { createContexts, type Contexts } from './contexts.ts'
import { createGroups, type Groups } from './groups.ts'
import { createIncognitoLines } from './incognito.ts'
import { resolveKey, type KeyRules } from './keys.ts'
import { createLifecycle, type Lifecycle } from './lifecycle.ts'
import { createListing, rowJson, type ListQuery } from './listing.ts'
import { createMaintenance, type Maintenance } from './maintenance.ts'
import { createOwnView } from './own-view.ts'
import { isConfined, type Viewer } from './ownership.ts'
import type { SessionRecord } from './record.ts'
import { expiryOf, ruleFor } from './reset-rules.ts'
import type { Sessions, SessionTarget } from './room.ts'
import { createRows, type Rows } from './rows.ts'
import type { SearchQuery, SearchResult } from './search.ts'
import { createSubscribers, type Subscribers } from './subscribers.ts'
import { createUsage, type SessionUsage } from './usage.ts'
import type { RowFacts, SessionModel } from './wire-row.ts'
import { createWriter, type Writer } from './writer.ts'

export interface SessionsLog {
  warn (fields: object, message: string): void
  info (fields: object, message: string): void
}

export interface SessionsOptions {
  readonly store: Store
  readonly config: () => LoadedConfig
  /** Every agent there is; the one that is meant when none is named is marked. */
  readonly agents: () => ReadonlyArray<{ readonly agentId: string, readonly isDefault: boolean }>
  readonly emit: Emit
  readonly now: () => number
  readonly log: SessionsLog
  /** Where transcripts of deleted sessions go. */
  readonly archiveDir: string
  /** What a session would run on, for lists; its own choice is handed in. */
  readonly modelOf?: (agentId: string, chosen: { provider?: string, model?: string }) => SessionModel | undefined
  /** Understands what a person called a model; undefined when nobody serves it. Absent: "provider/model" as it stands. */
  readonly pickModel?: (name: string) => { readonly provider: string, readonly model: string } | undefined
  /** Asks a model for a summary of these lines. Absent: conversations can be cut, but not summarised. */
  readonly summarise?: Summarise
}

/** What the parts of this room share. */
export interface SessionParts {
  readonly options: SessionsOptions
  readonly rows: Rows
  readonly lines: Lines
  readonly contexts: Contexts
  readonly writer: Writer
  readonly subscribers: Subscribers
  readonly announcements: Announcements
  readonly ready: () => Promise<void>
}

/** Rows that are held in memory; new ones are refused beyond it. */
const maxRows = 200_000

/** What methods and the command line may do with sessions, beyond what the rooms below need. */
export interface SessionsRoom extends Sessions {
  readonly subscribers: Subscribers
  as (viewer: Viewer): SessionsRoom
  /** The result of sessions.list as text, ready for the wire. Rows must be in memory. */
  list (query: ListQuery): string
  /** One row of it. */
  describe (key: string, query: Pick<ListQuery, 'includeDerivedTitles' | 'includeLastMessage'>): string | undefined
  /** Like `target`, but sessions of agents that are no longer there are found too: to look at them and to put them away. */
  locate (sessionKey: string, agentId?: string): SessionTarget
  /** Every record, in no order. */
  records (): IterableIterator<SessionRecord>
  /** Where they are stored, for people. */
  path (): string
  /** What the parts of this room share, for the composition. */
  readonly parts: SessionParts
  readonly lifecycle: Lifecycle
  readonly compaction: Compaction
  readonly groups: Groups
  readonly usage: SessionUsage
  readonly maintenance: Maintenance
  search (query: SearchQuery): Promise<SearchResult>
  /** What a session would run on now. */
  factsOf (record: SessionRecord): RowFacts
  /** How full everything is that is held in memory. */
  stats (): SessionStats
  /** Where they are and how many, of all agents and of each. Rows must be in memory. */
  storeFacts (): { path: string, count: number, ofAgent: (agentId: string) => number }
}

export interface SessionStats {
  readonly rows: number
  /** Sessions with a change under way. */
  readonly writing: number
  readonly contexts: { readonly kept: number, readonly characters: number }
  readonly subscribers: { readonly connections: number, readonly messages: number }
}

type Settings = Pick<SessionRecord, 'agentId' | 'providerOverride' | 'modelOverride'>

/** What the configuration says of a session that the session does not say itself. */
const createFacts = ({ config, modelOf }: SessionsOptions) => (record: Settings): RowFacts => {
  const { agents, messages } = config().config
  const agent = agentEntries({ agents }).find(({ id }) => id.toLowerCase() === record.agentId)
  const model = modelOf?.(record.agentId, {
    ...(record.providerOverride === undefined ? {} : { provider: record.providerOverride }),
    ...(record.modelOverride === undefined ? {} : { model: record.modelOverride })
  })
  return {
    ...(model ? { model } : {}),
    queueMode: messages.queue.mode,
    thinkingDefault: agent?.thinkingDefault ?? agents.defaults.thinkingDefault ?? 'off'
  }
}

/** Loads the rows once, when somebody first asks for them; asks again after a failure. */
function createLoading (store: Store, rows: Rows) {
  let loaded = false
  let loading: Promise<void> | undefined
  async function load (): Promise<void> {
    try {
      for (const { value } of await store.collection<SessionRecord>('sessions').all()) rows.set(value)
      loaded = true
    } finally {
      loading = undefined
    }
  }
  return {
    ready: () => loaded ? Promise.resolve() : (loading ??= load()),
    pending: () => loaded ? undefined : (loading ??= load())
  }
}

/** Which names there are, asked anew for every key: agents come and go. */
const createKeyRules = ({ agents, config }: SessionsOptions): KeyRules => ({
  hasAgent: agentId => agents().some(agent => agent.agentId.toLowerCase() === agentId),
  defaultAgentId: () => (agents().find(({ isDefault }) => isDefault)?.agentId ?? 'main').toLowerCase(),
  mustName: () => mustNameAgent(config().config),
  scope: () => config().config.session.scope
})

/** Lines by the key of their session, as the rooms below ask for them. */
function createLineReader ({ rows, lines, ready }: SessionParts): Sessions['lines'] {
  /** Empty for a session that does not exist, and for a generation that is none of its own. */
  const idOf = async (key: string, generation?: string): Promise<string> => {
    await ready()
    const record = rows.get(key)?.record
    if (generation === undefined || generation === record?.sessionId) return record?.sessionId ?? ''
    return record?.generations?.includes(generation) ? generation : ''
  }
  return {
    tail: async (key, page) => lines.tail<TranscriptLine>(await idOf(key, page.sessionId), page),
    after: async (key, page) => lines.after<TranscriptLine>(await idOf(key, page.sessionId), page),
    find: async (key, id, sessionId) => lines.find<TranscriptLine>(await idOf(key, sessionId), id),
    extent: async key => lines.extent(await idOf(key))
  }
}

/** Begins a new generation when the rules say that the last one is over. */
function createRollOver ({ options, rows, writer, ready }: SessionParts): Sessions['rollOver'] {
  const why = (record: SessionRecord) => expiryOf(record, ruleFor(record, options.config().config.session), options.now())
  return async key => {
    await ready()
    const record = rows.get(key)?.record
    if (!record || why(record) === undefined) return
    await writer.change(key, current => current && why(current) ? { newGeneration: true, reason: 'rollover' } : undefined)
  }
}

export function createSessions (options: SessionsOptions): SessionsRoom {
  const { store, config, now } = options
  const factsOf = createFacts(options)
  const rows = createRows({ version: config, of: factsOf })
  const loading = createLoading(store, rows)
  const subscribers = createSubscribers()
  const incognito = createIncognitoLines(store.lines, sessionId => {
    const row = rows.byId(sessionId)
    if (row?.record.incognito) rows.delete(row.record.key)
  })
  const { lines } = incognito
  const contexts = createContexts(lines)
  const announcements = createAnnouncements({ rows, subscribers, emit: options.emit, now })
  const writer = createWriter({
    store,
    rows,
    contexts,
    incognito,
    loaded: loading.pending,
    now,
    maxRows,
    committed (change, result) {
      try {
        announcements.committed(change, result)
      } catch (err) {
        // It is stored; who wrote it must not be told otherwise.
        options.log.warn({ err, sessionKey: result.record.key }, 'a change of a session could not be told')
      }
      if (result.created) maintenance.noticed()
    }
  })
  const keyRules = createKeyRules(options)
  const parts: SessionParts = { options, rows, lines, contexts, writer, subscribers, announcements, ready: loading.ready }
  const maintenance = createMaintenance(parts)

  const path = (): string => store.status().path ?? '(memory)'

  const views = new WeakMap<object, SessionsRoom>()

  function viewFor (key: CallerKey): SessionsRoom {
    const known = views.get(key)
    if (known) return known
    const view = createOwnView(room, key, keyRules)
    views.set(key, view)
    return view
  }

  const room: SessionsRoom = {
    parts,
    path,
    as: ({ key }) => isConfined(key) ? viewFor(key) : room,
    list: createListing({
      rows,
      now,
      path,
      hasAgent: keyRules.hasAgent,
      defaults: agentId => factsOf({ agentId: agentId ?? keyRules.defaultAgentId() }),
      version: config
    }),
    describe (key, query) {
      const row = rows.get(key)
      return row && rowJson(rows, row, query)
    },
    * records () {
      for (const { record } of rows.all()) yield record
    },
    lifecycle: createLifecycle(parts),
    compaction: createCompaction(parts),
    groups: createGroups(parts),
    usage: createUsage(parts),
    search: async query => await (await import('./search.ts')).createSearch(parts)(query),
    maintenance,
    factsOf,
    locate: (sessionKey, agentId) => /^\s*agent:/i.test(sessionKey)
      ? resolveKey(sessionKey, agentId, { ...keyRules, hasAgent: () => true })
      : resolveKey(sessionKey, agentId, keyRules),
    storeFacts: () => ({ path: path(), count: rows.size, ofAgent: rows.ofAgent }),
    stats: () => ({ rows: rows.size, writing: writer.waiting(), contexts: contexts.stats(), subscribers: subscribers.stats() }),
    get ready () { return loading.ready() },
    target: (sessionKey, agentId) => resolveKey(sessionKey, agentId, keyRules),
    get: key => rows.get(key)?.record,
    byId: sessionId => rows.byId(sessionId)?.record,
    async write (key, write) {
      return (await writer.change(key, () => write))!
    },
    async context (key) {
      await loading.ready()
      const record = rows.get(key)?.record
      return record ? contexts.read(record) : []
    },
    lines: createLineReader(parts),
    rollOver: createRollOver(parts),
    row (key) {
      const row = rows.get(key)
      return row && rows.wire(row)
    },
    count: () => rows.size,
    subscribers,
    async close () {
      await maintenance.settled()
      await writer.settled()
    }
  }
  return room
}
