/** A workspace with notes, the memory tools over it, and a server that knows what some words mean. */
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadConfig } from '../../../src/config/load.ts'
import { resolvePaths } from '../../../src/config/paths.ts'
import type { Logger } from '../../../src/log/logger.ts'
import { createModels } from '../../../src/providers/models.ts'
import { memoryGet } from '../../../src/tools/builtin/memory-get.ts'
import { memorySearch } from '../../../src/tools/builtin/memory-search.ts'
import { createFiles, type FilesOptions } from '../../../src/tools/files/files.ts'
import { createMemory, type Memory, type MemoryStatus, type SearchAnswer } from '../../../src/tools/memory/memory.ts'
import type { ToolContext } from '../../../src/tools/tool.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'
import { bearerKey, errorBody } from '../../fixtures/providers/openai-wire.ts'
import { goodKey, startVendor, type VendorServer } from '../../fixtures/providers/vendor-server.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

const topics: readonly string[][] = [
  ['tea', 'coffee', 'drink', 'drinks', 'beverage', 'thirsty'], ['server', 'machine', 'computer', 'host', 'atlas'], ['money', 'invoice', 'price', 'bill']
]

/** One number for each topic that it is about. */
export const meaningOf = (text: string): number[] => {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? []
  return [...topics.map(topic => words.filter(word => topic.includes(word)).length), 0.01]
}

/** The wire format of OpenAI's embeddings, with vectors that mean something. */
export async function startMeanings (t: Test): Promise<VendorServer> {
  const vendor = await startVendor({
    key: bearerKey,
    refusal: () => undefined,
    answer: ({ path, body }) => path !== '/v1/embeddings'
      ? undefined
      : {
          json: {
            object: 'list',
            data: (body.input as string[]).map((text, index) => ({ object: 'embedding', index, embedding: meaningOf(text) })),
            model: body.model,
            usage: { prompt_tokens: 1, total_tokens: 1 }
          }
        },
    error: errorBody,
    errorFrame: () => ''
  })
  t.teardown(async () => await vendor.close())
  return vendor
}

/** What a configuration says to use it. */
export const meaningBy = (vendor: VendorServer, search: object = {}, model = 'meanings') => ({
  models: { providers: { box: { baseUrl: `${vendor.url}/v1`, api: 'openai-completions', apiKey: goodKey } } },
  memory: { search: { provider: 'box', model, ...search } }
})

export interface MemoryScene {
  readonly base: string
  readonly workspace: string
  readonly indexFile: string
  readonly memory: Memory
  readonly clock: { nowMs: number }
  write (path: string, text: string | Buffer): void
  /** As a tool of a run in this session. */
  search (query: string, more?: object, sessionKey?: string): Promise<SearchAnswer & { readonly text: string }>
  get (args: object, sessionKey?: string): Promise<{ readonly text: string, readonly details: any, readonly isError: boolean }>
  paths (query: string, more?: object, sessionKey?: string): Promise<string[]>
  status (probe?: boolean): Promise<MemoryStatus>
  configure (source: object): Promise<void>
}

export interface MemorySceneOptions {
  readonly source?: object
  readonly plan?: FilesOptions['plan']
  readonly nowMs?: number
}

const main = 'agent:main:main'
const nothing = (): void => {}
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing } as unknown as Logger

async function loadSource (stateDir: string, source: object) {
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_HOME: stateDir }
  const loaded = await loadConfig({ paths: resolvePaths({ env }), env, text: JSON.stringify({ gateway: { mode: 'local' }, ...source }) })
  if (loaded.issues.length > 0) throw new Error(JSON.stringify(loaded.issues))
  return loaded
}

export async function createMemoryScene (t: Test, { source = {}, plan = async () => undefined, nowMs = Date.now() }: MemorySceneOptions = {}): Promise<MemoryScene> {
  const base = realpathSync(ownDirectory(t))
  const [stateDir, workspace] = [join(base, 'state'), join(base, 'state', 'workspace')]
  mkdirSync(workspace, { recursive: true })
  let loaded = await loadSource(stateDir, source)
  const clock = { nowMs }
  const config = () => loaded
  const now = (): number => clock.nowMs
  const files = createFiles({ config, paths: { stateDir, homeDir: base }, workspaceOf: () => workspace, plan })
  const models = createModels({ config, now: Date.now, log: silent })
  const memory = createMemory({ config, files, models, stateDir, now, log: silent })
  t.teardown(async () => {
    await memory.close()
    await models.close()
  })
  const context = (sessionKey: string): ToolContext =>
    ({ sessionKey, agentId: 'main', callId: 'c', signal: new AbortController().signal, update () {} })
  const [searching, getting] = [memorySearch({ memory }), memoryGet({ memory })]
  const search: MemoryScene['search'] = async (query, more = {}, sessionKey = main) => {
    const { content, details } = await searching.run({ query, ...more }, context(sessionKey))
    return { ...details as SearchAnswer, text: (content[0] as { text: string }).text }
  }
  return {
    base,
    workspace,
    indexFile: join(stateDir, 'memory', 'main.sqlite'),
    memory,
    clock,
    write (path, text) {
      mkdirSync(dirname(join(workspace, path)), { recursive: true })
      writeFileSync(join(workspace, path), text)
    },
    search,
    paths: async (query, more, sessionKey) => (await search(query, more, sessionKey)).results.map(({ path }) => path),
    async get (args, sessionKey = main) {
      const { content, details, isError = false } = await getting.run({ ...args }, context(sessionKey))
      return { text: (content[0] as { text: string }).text, details, isError }
    },
    status: async (probe = false) => await memory.status('main', { probe, signal: new AbortController().signal }),
    configure: async next => { loaded = await loadSource(stateDir, next) }
  }
}
