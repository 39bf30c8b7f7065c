/** What agents remember: MEMORY.md and memory/ of their workspaces, found by words and by meaning. Loaded when somebody asks. */
import type { LoadedConfig } from '../../config/load.ts'
import type { Models } from '../../providers/model.ts'
import type { Files, Session } from '../files/files.ts'
import type { ToolResult } from '../tool.ts'
import type { Desk } from './desk.ts'
import type { IndexStatus } from './index/index-worker.ts'

export interface MemoryOptions {
  readonly config: () => LoadedConfig
  readonly files: Files
  readonly models: Pick<Models, 'embed'>
  readonly stateDir: string
  readonly now: () => number
  readonly log: { warn (fields: object, message: string): void }
}

export type Corpus = 'memory' | 'wiki' | 'all' | 'sessions'

export interface SearchRequest {
  readonly query: string
  readonly maxResults?: number
  readonly minScore?: number
  readonly corpus?: Corpus
}

export interface GetRequest {
  readonly path: string
  readonly from?: number
  readonly lines?: number
}

/** One place that was found: with the fields of the contract, and those that older programs read. */
export interface MemoryResult {
  readonly path: string
  readonly startLine: number
  readonly endLine: number
  readonly score: number
  readonly vectorScore?: number
  readonly textScore?: number
  readonly snippet: string
  readonly source: 'memory'
  readonly provenance: object
  readonly corpus: 'memory'
  readonly citation: string
  readonly content: string
  readonly metadata: object
}

export interface SearchAnswer {
  readonly results: readonly MemoryResult[]
  readonly provider?: string
  readonly model?: string
  readonly citations?: string
  /** Why it may not be all. */
  readonly warning?: string
  readonly action?: string
  readonly error?: string
  readonly disabled?: true
  readonly unavailable?: true
  readonly debug?: object
}

export interface MemoryStatus extends Partial<IndexStatus> {
  readonly agentId: string
  readonly enabled: boolean
  readonly workspace: string
  readonly indexFile: string
  readonly tokenizer: string
  readonly provider: string
  readonly model?: string
  readonly embedding: { readonly ok: boolean, readonly checked: boolean, readonly error?: string }
  /** The index cannot be used. */
  readonly error?: string
}

export interface Memory {
  search (request: SearchRequest, session: Session, signal: AbortSignal): Promise<SearchAnswer>
  /** Throws FileFailure. */
  get (request: GetRequest, session: Session, signal: AbortSignal): Promise<ToolResult>
  /** `probe`: asks the provider whether it answers. */
  status (agentId: string, options: { readonly probe: boolean, readonly signal: AbortSignal }): Promise<MemoryStatus>
  /** Reads what changed, or everything, and waits for the vectors. */
  index (agentId: string, options: { readonly force: boolean, readonly signal: AbortSignal }): Promise<MemoryStatus>
  /** The agent is gone. */
  forget (agentId: string): Promise<void>
  close (): Promise<void>
}

export interface MemorySources { readonly memory: Memory }

export function createMemory (options: MemoryOptions): Memory {
  let desk: Promise<Desk> | undefined
  const open = (): Promise<Desk> => {
    desk ??= import('./desk.ts').then(({ createDesk }) => createDesk(options))
    return desk
  }
  return {
    search: async (request, session, signal) => await (await open()).search(request, session, signal),
    get: async (request, session, signal) => await (await import('./reading.ts')).readMemory(options.files, request, session, signal),
    status: async (agentId, how) => await (await open()).status(agentId, how),
    index: async (agentId, how) => await (await open()).index(agentId, how),
    forget: async agentId => { await (await open()).forget(agentId) },
    async close () { await (await desk)?.close() }
  }
}
