/** What tests share: a whole gateway on a free port of this process, and (in fixtures/client.ts) a client that shows every frame. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createGateway, type Gateway } from '../src/app.ts'
import { resolveGatewayAuth } from '../src/auth/gateway-auth.ts'
import { loadConfig } from '../src/config/load.ts'
import { resolvePaths } from '../src/config/paths.ts'
import type { CrashLoop } from '../src/host/crash-loop.ts'
import { resolveBind } from '../src/lib/bind-address.ts'
import { createLogging } from '../src/log/logger.ts'
import { createMemoryStore } from '../src/store/memory/memory-store.ts'
import type { Store } from '../src/store/store.ts'
import { testToken } from './fixtures/client.ts'
import { ownDirectory } from './fixtures/own-directory.ts'

export * from './fixtures/client.ts'

// A test may hold more gateways at once than a process does otherwise, and the log of each has its last words when the process ends.
process.setMaxListeners(100)

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export interface TestGateway {
  readonly gateway: Gateway
  readonly port: number
  readonly url: string
  readonly http: string
  readonly stateDir: string
  readonly adminToken: string
  readonly log: string[]
}

export interface TestGatewayOptions {
  /** Merged over a working configuration in token mode. */
  readonly config?: { [key: string]: unknown }
  readonly env?: { [name: string]: string }
  readonly now?: () => number
  /** Otherwise the same as `now`, or the real one. */
  readonly steady?: () => number
  readonly host?: string
  readonly store?: Store
  /** That of a gateway which has ended: this one goes on where it stopped. Otherwise one of its own. */
  readonly stateDir?: string
  /** The gateway has ended without a word again and again. */
  readonly crashLoop?: CrashLoop
}

const isRecord = (value: unknown): value is { [key: string]: unknown } => typeof value === 'object' && value !== null && !Array.isArray(value)

function merge (base: unknown, over: unknown): unknown {
  if (!isRecord(base) || !isRecord(over)) return over === undefined ? base : over
  const result = { ...base }
  for (const [key, value] of Object.entries(over)) result[key] = merge(base[key], value)
  return result
}

/** Each gateway of a test has a state directory of its own, since those that were started before are still at work in theirs. */
function unusedStateDir (t: Test): string {
  const root = ownDirectory(t)
  let path = join(root, 'state')
  for (let number = 2; usedStateDirs.has(path); number++) path = join(root, `state-${number}`)
  usedStateDirs.add(path)
  return path
}
const usedStateDirs = new Set<string>()

// How late the event loop is on a machine that tests share says nothing about the gateway.
const working = { gateway: { mode: 'local', auth: { mode: 'token', token: testToken }, overload: { maxDelayMs: 0 } } }

/** A gateway with a memory store unless another is given; `gateway.auth.token` is `testToken` unless the test says otherwise. */
export async function startGateway (t: Test, options: TestGatewayOptions = {}): Promise<TestGateway> {
  const stateDir = options.stateDir ?? unusedStateDir(t)
  mkdirSync(stateDir, { recursive: true })
  const env = { HOME: stateDir, OPENCLAW_STATE_DIR: stateDir, OPENCLAW_CONFIG_PATH: join(stateDir, 'openclaw.json'), ...options.env }
  const paths = resolvePaths({ env })
  const text = JSON.stringify(merge(working, options.config))
  writeFileSync(paths.configPath, text, { mode: 0o600 })
  const loaded = await loadConfig({ paths, env })
  const log: string[] = []
  const sink = { write: (line: string) => { log.push(line); return true } }
  const logging = createLogging({
    level: 'debug', consoleLevel: 'debug', consoleStyle: 'compact', file: null, maxFileBytes: 1e6, maxTotalBytes: 1e7, now: Date.now, stdout: sink, stderr: sink, isTty: false
  })
  const bind = resolveBind({ bind: options.host ?? loaded.config.gateway.bind, env })
  if (typeof bind === 'string') throw new Error(bind)
  const auth = await resolveGatewayAuth({
    config: loaded.config.gateway, env, flags: {}, resolveSecret: async value => ({ value: String(value) })
  })
  const adminToken = 'local-admin-token-of-this-test-0000000000000'
  const gateway = await createGateway({
    loaded, paths, auth, bind, port: 0, store: options.store ?? createMemoryStore(), logging, localAdminToken: adminToken, version: '0.0.0-test', env, now: options.now, steady: options.steady, crashLoop: options.crashLoop
  })
  const { port } = await gateway.start()
  t.teardown(async () => {
    await gateway.stop()
    await logging.close()
  })
  return { gateway, port, url: `ws://127.0.0.1:${port}`, http: `http://127.0.0.1:${port}`, stateDir, adminToken, log }
}
