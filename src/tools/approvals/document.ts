/** The approvals document: what the person in charge of this machine allows agents to run, whatever the configuration says. */
import { createHash, randomUUID } from 'node:crypto'
import { createOneAtATime } from '../../lib/one-at-a-time.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Store } from '../../store/store.ts'
import type { CommandCheck } from '../exec/command-check.ts'
import type { HostRules } from '../exec/consent.ts'
import { asks, securities } from '../exec/exec-policy.ts'

export interface AllowEntry {
  readonly id?: string
  readonly pattern: string
  readonly source?: 'allow-always'
  readonly commandText?: string
  readonly argPattern?: string
  readonly lastUsedAt?: number
  readonly lastUsedCommand?: string
  readonly lastResolvedPath?: string
}

interface Words {
  readonly security?: string
  readonly ask?: string
  readonly askFallback?: string
  readonly autoAllowSkills?: boolean
}

interface AgentRules extends Words {
  readonly allowlist?: readonly AllowEntry[]
  readonly mcpTools?: readonly object[]
}

export interface ApprovalsFile {
  readonly version: 1
  readonly defaults?: Words
  readonly agents?: { readonly [agentId: string]: AgentRules }
}

export interface DocumentSnapshot {
  readonly path: string
  readonly exists: boolean
  readonly hash: string
  readonly file: ApprovalsFile
  readonly resolvedDefaults: Required<Words>
}

/** Whose yes it was. */
export interface Provenance {
  readonly approvalId: string
  readonly by: string | undefined
}

export interface ApprovalsDocument {
  read (): Promise<DocumentSnapshot>
  /** `baseHash`: of the document that was read. Needed as soon as there is one. */
  replace (file: ApprovalsFile, baseHash: string | undefined): Promise<DocumentSnapshot>
  rulesFor (agentId: string): Promise<HostRules>
  /** Exactly these commands in exactly this directory, for ever. */
  grant (agentId: string, check: CommandCheck, provenance: Provenance): Promise<void>
}

const key = 'document'
const maxBytes = 1_048_576
const maxEntries = 2000
const empty: ApprovalsFile = { version: 1 }
const reserved = new Set(['__proto__', 'constructor', 'prototype'])

const hashOf = (file: ApprovalsFile): string => createHash('sha256').update(JSON.stringify(file)).digest('hex')
const invalid = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message: `invalid exec approvals: ${message}` })

function checkWords (place: string, { security, ask, askFallback }: Words): void {
  const known = (value: string | undefined, words: readonly string[], name: string): void => {
    if (value !== undefined && !words.includes(value)) throw invalid(`${place}.${name} must be one of ${words.join(', ')}`)
  }
  known(security, securities, 'security')
  known(ask, asks, 'ask')
  known(askFallback, securities, 'askFallback')
}

/** The document as it is kept: known words only, every entry with an id, without the socket that other programs use. */
function checked (file: ApprovalsFile): ApprovalsFile {
  const { defaults, agents = {} } = file
  checkWords('defaults', defaults ?? {})
  const kept = Object.entries(agents).map(([agentId, agent]) => {
    if (reserved.has(agentId)) throw invalid(`agents.${agentId} is not a name`)
    checkWords(`agents.${agentId}`, agent)
    const allowlist = agent.allowlist?.map(entry => ({ ...entry, id: entry.id ?? randomUUID() }))
    if (allowlist?.some(({ pattern }) => pattern.trim() === '')) throw invalid(`agents.${agentId}.allowlist has an empty pattern`)
    if ((allowlist?.length ?? 0) > maxEntries) throw invalid(`agents.${agentId}.allowlist has more than ${maxEntries} entries`)
    return [agentId, { ...agent, ...(allowlist ? { allowlist } : {}) }] as const
  })
  const named = file.agents ? { agents: Object.fromEntries(kept) } : {}
  const result: ApprovalsFile = { version: 1, ...(defaults ? { defaults } : {}), ...named }
  if (Buffer.byteLength(JSON.stringify(result)) > maxBytes) throw invalid(`it is larger than ${maxBytes} bytes`)
  return result
}

function snapshot (file: ApprovalsFile | undefined): DocumentSnapshot {
  const { security = 'full', ask = 'off', askFallback = 'deny', autoAllowSkills = false } = file?.defaults ?? {}
  return {
    path: 'state.sqlite#exec-approvals',
    exists: file !== undefined,
    hash: hashOf(file ?? empty),
    file: file ?? empty,
    resolvedDefaults: { security, ask, askFallback, autoAllowSkills }
  }
}

export function createApprovalsDocument (store: Pick<Store, 'collection' | 'commit'>, now: () => number): ApprovalsDocument {
  const inTurn = createOneAtATime()
  const collection = store.collection<ApprovalsFile>('exec-approvals')
  let known: Promise<ApprovalsFile | undefined> | undefined
  const current = (): Promise<ApprovalsFile | undefined> => {
    known ??= collection.get(key).catch((error: unknown) => {
      known = undefined
      throw error
    })
    return known
  }

  async function write (file: ApprovalsFile, audit: { readonly kind: string, readonly value: unknown }): Promise<void> {
    await store.commit([{ op: 'put', collection: 'exec-approvals', key, value: file }, { op: 'audit', atMs: now(), ...audit }])
    known = Promise.resolve(file)
  }

  return {
    read: async () => snapshot(await current()),
    replace: (given, baseHash) => inTurn(async () => {
      const file = checked(given)
      const before = await current()
      if (baseHash === undefined ? before !== undefined : baseHash !== hashOf(before ?? empty)) throw new GatewayError('EXEC_APPROVALS_CHANGED')
      await write(file, { kind: 'exec.approvals.set', value: { hash: hashOf(file) } })
      return snapshot(file)
    }),
    async rulesFor (agentId) {
      const { defaults = {}, agents = {} } = await current() ?? empty
      const own = agents[agentId] ?? {}
      const words = { ...defaults, ...own }
      const { security, ask, askFallback } = words
      const rules = [...own.allowlist ?? [], ...agents['*']?.allowlist ?? []]
      return { words: { ...(security ? { security } : {}), ...(ask ? { ask } : {}), ...(askFallback ? { askFallback } : {}) }, rules }
    },
    grant: (agentId, { commands }, provenance) => inTurn(async () => {
      // Loaded by whatever was checked.
      const { argvKey } = await import('../exec/command-check.ts')
      const file = await current() ?? empty
      const own = file.agents?.[agentId] ?? {}
      const fresh = commands.filter(({ resolvedPath, cwd, rule }) => resolvedPath !== undefined && cwd !== undefined && !rule)
      const added = fresh.map(({ resolvedPath, argv, cwd }): AllowEntry => ({
        id: randomUUID(),
        pattern: resolvedPath!,
        argPattern: argvKey(argv, cwd!),
        source: 'allow-always',
        commandText: argv.join(' ').slice(0, 512),
        lastUsedAt: now(),
        lastResolvedPath: resolvedPath!
      }))
      const allowlist = [...own.allowlist ?? [], ...added].slice(-maxEntries)
      const next = checked({ ...file, agents: { ...file.agents, [agentId]: { ...own, allowlist } } })
      const entries = added.map(({ id, commandText }) => ({ id, commandText }))
      await write(next, { kind: 'exec.approval.grant', value: { ...provenance, agentId, entries } })
    })
  }
}
