/** A sessions room of its own for a test: real store, a clock that stands still until it is told, and everything it emitted. */
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import type { EventName } from '../../src/protocol/events.ts'
import type { AssistantMessage, LineBody, ToolResultMessage, UserMessage } from '../../src/protocol/transcript.ts'
import { createSessions, type SessionsOptions, type SessionsRoom } from '../../src/sessions/sessions.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export interface Emitted { readonly event: EventName, readonly payload: any, readonly connectionIds: readonly string[] }

export interface TestRoom {
  readonly sessions: SessionsRoom
  readonly store: Store
  readonly emitted: Emitted[]
  readonly archiveDir: string
  readonly clock: { now: number }
  /** The same store under a new room: what another process would see. */
  reopen (): SessionsRoom
}

export const startOfTest = Date.UTC(2026, 5, 15, 12)

type RoomOptions = { config?: object, store?: Store, stateDir?: string } & Partial<Omit<SessionsOptions, 'config' | 'store'>>

export async function openRoom (t: Test, options: RoomOptions = {}): Promise<TestRoom> {
  const { config = {}, store = createMemoryStore(), stateDir = ownDirectory(t), ...more } = options
  const env = { HOME: stateDir, OPENCLAW_STATE_DIR: stateDir }
  const loaded = await loadConfig({ paths: resolvePaths({ env }), env, text: JSON.stringify(config) })
  const clock = { now: startOfTest }
  const emitted: Emitted[] = []
  const archiveDir = join(stateDir, 'archive')
  const create = (): SessionsRoom => createSessions({
    store,
    config: () => loaded,
    agents: () => [{ agentId: 'main', isDefault: true }, { agentId: 'iris', isDefault: false }],
    emit: (event, payload, { connectionIds }) => { emitted.push({ event, payload, connectionIds }) },
    now: () => clock.now,
    log: { warn () {}, info () {} },
    archiveDir,
    ...more
  })
  const sessions = create()
  t.teardown(async () => {
    await sessions.close()
    await store.close()
  })
  return { sessions, store, emitted, archiveDir, clock, reopen: create }
}

export const userMessage = (text: string, more: Partial<UserMessage> = {}): LineBody =>
  ({ type: 'message', message: { role: 'user', content: text, timestamp: startOfTest, ...more } })

export const usage = (input: number, output: number): AssistantMessage['usage'] => ({
  input, output, cacheRead: 0, cacheWrite: 0, totalTokens: input + output, cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, total: 0.5 }
})

export const assistantMessage = (text: string, more: Partial<AssistantMessage> = {}): LineBody => ({
  type: 'message',
  message: {
    role: 'assistant', content: [{ type: 'text', text }], api: 'echo', provider: 'echo', model: 'echo', usage: usage(10, 5), stopReason: 'stop', timestamp: startOfTest, ...more
  }
})

export const toolResult = (toolCallId: string, text: string, more: Partial<ToolResultMessage> = {}): LineBody =>
  ({ type: 'message', message: { role: 'toolResult', toolCallId, toolName: 'probe', content: [{ type: 'text', text }], isError: false, timestamp: startOfTest, ...more } })

/** The texts of lines, for comparisons. */
export const textsOf = (lines: ReadonlyArray<{ value: any }>): string[] => lines.map(({ value }) => {
  if (value.type !== 'message') return value.summary === undefined ? value.type : `summary: ${value.summary}`
  const { content } = value.message
  return typeof content === 'string' ? content : content.map((part: any) => part.text ?? part.type).join('|')
})
