/** The agent room with real neighbours over a store in memory: echo as the model, tools as the test wants them. */
import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import type { RunContext } from '../../src/agent/context.ts'
import { visibleReply } from '../../src/agent/replies.ts'
import type { RunRequest, Runs } from '../../src/agent/room.ts'
import { createOutgoing, type Outgoing } from '../../src/agent/outgoing.ts'
import { createRuns } from '../../src/agent/runs.ts'
import { createRuntimes, type Runtimes } from '../../src/agent/runtimes.ts'
import { createShortening, createSummarise } from '../../src/agent/shortening.ts'
import { composeKeys } from '../../src/compose/keys.ts'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { createLogging } from '../../src/log/logger.ts'
import type { Models } from '../../src/providers/model.ts'
import { createModels } from '../../src/providers/models.ts'
import { createSessions, type SessionsRoom } from '../../src/sessions/sessions.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

export interface Told {
  readonly event: string
  readonly payload: { readonly [field: string]: any }
}

export interface Scene {
  readonly runs: Runs
  readonly sessions: SessionsRoom
  readonly runtimes: Runtimes
  readonly outgoing: Outgoing
  readonly store: Store
  readonly told: Told[]
  /** Resolves with the first event, past or future, that matches. */
  hears (matches: (told: Told) => boolean): Promise<Told>
  ends (runId: string): Told[]
  start (message: string, more?: Partial<RunRequest>): ReturnType<Runs['start']>
  /** Roles and texts of a transcript. */
  story (key?: string): Promise<string[]>
}

export interface SceneOptions {
  readonly config?: { readonly [section: string]: unknown }
  readonly tools?: readonly Tool[]
  readonly store?: Store
  readonly models?: Partial<Models>
  readonly now?: () => number
}

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export const key = 'agent:main:scene'
const isTerminal = ({ event, payload }: Told): boolean => event === 'chat' && ['final', 'aborted', 'error'].includes(payload.state)

export async function createScene (t: Test, options: SceneOptions = {}): Promise<Scene> {
  const { store = createMemoryStore(), now = Date.now, tools = [] } = options
  const stateDir = join(ownDirectory(t), 'state')
  const env = { HOME: stateDir, OPENCLAW_STATE_DIR: stateDir }
  const paths = resolvePaths({ env })
  const loaded = await loadConfig({ paths, env, text: JSON.stringify({ gateway: { mode: 'local' }, ...options.config }) })
  const sink = { write: () => true }
  const logging = createLogging({
    level: 'silent', consoleLevel: 'silent', consoleStyle: 'compact', file: null, maxFileBytes: 1e6, maxTotalBytes: 1e7, now, stdout: sink, stderr: sink, isTty: false
  })
  const told: Told[] = []
  const bell = new EventEmitter().setMaxListeners(0)
  const tell = (event: string, payload: unknown): void => {
    told.push({ event, payload: payload as Told['payload'] })
    bell.emit('told')
  }
  const config = () => loaded
  const models: Models = { ...createModels({ config, now, log: logging.child('models') }), ...options.models }
  const sessions = createSessions({
    store, config, agents: () => [{ agentId: 'main', isDefault: true }], emit: tell, now, log: logging.child('sessions'), archiveDir: join(stateDir, 'archive'), summarise: createSummarise(models, now)
  })
  const runtimes = createRuntimes({
    isExternal: () => loaded.config.agents.entries['main']?.runtime === 'external',
    send: (connectionId, event, payload) => { tell(`${connectionId} ${event}`, payload); return true },
    now
  })
  const prompting: RunContext['prompting'] = { system: async () => 'You are a test.', visible: visibleReply }
  const keys = composeKeys({ store, now, disconnect () {} })
  const outgoing = createOutgoing({ config, log: logging.child('agent') })
  const runs = createRuns({
    outgoing,
    keys, store, sessions, models, tools: { forRun: () => tools }, prompting, shorten: createShortening(sessions.compaction), config, now, log: logging.child('agent'), emit: tell, external: runtimes
  })
  t.teardown(async () => {
    await runs.drain(0)
    await sessions.close()
    await models.close()
    await logging.close()
  })
  return {
    runs,
    sessions,
    runtimes,
    outgoing,
    store,
    told,
    async hears (matches) {
      for (;;) {
        const found = told.find(matches)
        if (found) return found
        await once(bell, 'told')
      }
    },
    ends: runId => told.filter(line => isTerminal(line) && line.payload.runId === runId),
    start: (message, more) => runs.start({
      caller: { principal: 'somebody' }, via: 'chat', idempotencyKey: randomUUID(), sessionKey: key, message, ...more
    }),
    async story (of = key) {
      const lines = await sessions.lines.tail(of, { limit: 200 })
      return lines.map(({ value }) => {
        if (value.type !== 'message') return value.type
        const { role, content } = value.message
        return `${role}: ${typeof content === 'string' ? content : content.map(part => part.type === 'text' ? part.text : part.type).join(' ')}`
      })
    }
  }
}

export const simpleTool = (name: string, run: Tool['run'], effects = false): Tool =>
  ({ name, description: name, parameters: { type: 'object', properties: {} }, capability: 'outside', groups: [], reach: 'anywhere', effects, run })

/** A tool that waits until the test lets it go. */
export function gatedTool (name: string, effects = false): Tool & { readonly calls: number, open (text?: string): void, readonly begun: Promise<void> } {
  let open!: (text?: string) => void
  let begin!: () => void
  let calls = 0
  const gate = new Promise<string>(resolve => { open = (text = 'done') => resolve(text) })
  const begun = new Promise<void>(resolve => { begin = resolve })
  return {
    name,
    description: name,
    parameters: { type: 'object', properties: {} },
    capability: 'outside',
    groups: [],
    reach: 'anywhere',
    effects,
    get calls () { return calls },
    begun,
    open,
    async run () {
      calls++
      begin()
      return { content: [{ type: 'text', text: await gate }] }
    }
  }
}
