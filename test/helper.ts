/** What tests share: a whole gateway on a free port of this process, and a client that shows every frame. */
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket, type ClientOptions } from 'ws'
import { createGateway, type Gateway } from '../src/app.ts'
import { resolveGatewayAuth } from '../src/auth/gateway-auth.ts'
import { loadConfig } from '../src/config/load.ts'
import { resolvePaths } from '../src/config/paths.ts'
import { resolveBind } from '../src/lib/bind-address.ts'
import { createDeviceIdentity, signDevicePayload, type DeviceIdentity } from '../src/lib/device-identity.ts'
import { createLogging } from '../src/log/logger.ts'
import { deviceAuthPayloadV2, deviceAuthPayloadV3, signedToken } from '../src/protocol/device-auth.ts'
import { createMemoryStore } from '../src/store/memory/memory-store.ts'
import type { Store } from '../src/store/store.ts'
import { ownDirectory } from './fixtures/own-directory.ts'

export const testToken = 'test-token-0123456789abcdef0123456789abcdef'

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

/** A gateway with a memory store unless another is given; `gateway.auth.token` is `testToken` unless the test says otherwise. */
export async function startGateway (t: Test, options: TestGatewayOptions = {}): Promise<TestGateway> {
  const stateDir = unusedStateDir(t)
  mkdirSync(stateDir, { recursive: true })
  const env = { HOME: stateDir, OPENCLAW_STATE_DIR: stateDir, OPENCLAW_CONFIG_PATH: join(stateDir, 'openclaw.json'), ...options.env }
  const paths = resolvePaths({ env })
  const text = JSON.stringify(merge({ gateway: { mode: 'local', auth: { mode: 'token', token: testToken } } }, options.config))
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
    loaded, paths, auth, bind, port: 0, store: options.store ?? createMemoryStore(), logging, localAdminToken: adminToken, version: '0.0.0-test', env, now: options.now, steady: options.steady
  })
  const { port } = await gateway.start()
  t.teardown(async () => {
    await gateway.stop()
    await logging.close()
  })
  return { gateway, port, url: `ws://127.0.0.1:${port}`, http: `http://127.0.0.1:${port}`, stateDir, adminToken, log }
}

export interface Frame { [key: string]: any }

/** A raw protocol client: nothing is hidden, nothing is repaired. */
export class TestClient {
  readonly socket: WebSocket
  readonly frames: Frame[] = []
  closed: { code: number, reason: string } | undefined
  private readonly waiting = new Set<() => void>()
  private nextId = 0

  constructor (url: string, options?: ClientOptions) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options })
    this.socket.on('message', data => {
      this.frames.push(JSON.parse(String(data)))
      for (const wake of this.waiting) wake()
    })
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
      for (const wake of this.waiting) wake()
    })
    this.socket.on('error', () => {})
  }

  send (frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  /** The first frame, past or future, that matches. */
  async frame (matches: (frame: Frame) => boolean, timeoutMs = 5_000): Promise<Frame> {
    return this.wait(() => this.frames.find(matches), () => `no such frame; got ${JSON.stringify(this.frames).slice(0, 2000)}`, timeoutMs)
  }

  event (name: string, timeoutMs?: number): Promise<Frame> {
    return this.frame(frame => frame.type === 'event' && frame.event === name, timeoutMs)
  }

  async close (timeoutMs = 5_000): Promise<{ code: number, reason: string }> {
    return this.wait(() => this.closed, () => 'the socket stayed open', timeoutMs)
  }

  async request (method: string, params?: unknown, timeoutMs?: number): Promise<Frame> {
    const id = `t-${++this.nextId}`
    this.send({ type: 'req', id, method, ...(params === undefined ? {} : { params }) })
    return this.frame(frame => frame.type === 'res' && frame.id === id, timeoutMs)
  }

  private async wait<T> (look: () => T | undefined, problem: () => string, timeoutMs: number): Promise<T> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      const leftMs = deadline - Date.now()
      if (leftMs <= 0 || this.closed) throw new Error(problem())
      await new Promise<void>(resolve => {
        const wake = (): void => { clearTimeout(timer); this.waiting.delete(wake); resolve() }
        const timer = setTimeout(wake, leftMs)
        this.waiting.add(wake)
      })
    }
  }
}

export interface ConnectOptions {
  readonly device?: DeviceIdentity | false
  readonly auth?: { [field: string]: string } | false
  readonly role?: string
  readonly scopes?: readonly string[]
  readonly client?: { [field: string]: unknown }
  readonly socket?: ClientOptions
  readonly signature?: 'v2' | 'v3'
  /** Last word on the params before they are sent. */
  readonly adjust?: (params: Frame) => Frame
}

export const operatorScopes = ['operator.admin', 'operator.read', 'operator.write', 'operator.approvals', 'operator.questions', 'operator.pairing']

export function signedDevice (
  identity: DeviceIdentity,
  params: Frame,
  challenge: { nonce: string, ts: number },
  version: 'v2' | 'v3' = 'v3'
): Frame {
  const fields = {
    deviceId: identity.deviceId,
    clientId: params.client.id,
    clientMode: params.client.mode,
    role: params.role ?? 'operator',
    scopes: params.scopes ?? [],
    signedAtMs: challenge.ts,
    token: signedToken(params.auth),
    nonce: challenge.nonce,
    platform: params.client.platform,
    deviceFamily: params.client.deviceFamily
  }
  const payload = version === 'v3' ? deviceAuthPayloadV3(fields) : deviceAuthPayloadV2(fields)
  return { id: identity.deviceId, publicKey: identity.publicKey, signature: signDevicePayload(identity, payload), signedAt: challenge.ts, nonce: challenge.nonce }
}

/** Opens a socket and waits for the challenge. */
export async function challenged (url: string, socket?: ClientOptions): Promise<{ client: TestClient, challenge: { nonce: string, ts: number } }> {
  const client = new TestClient(url, socket)
  const { payload } = await client.event('connect.challenge')
  return { client, challenge: payload }
}

/** Sends a well-formed connect and resolves with its response, granted or refused. */
export async function connect (url: string, options: ConnectOptions = {}): Promise<{ client: TestClient, response: Frame, params: Frame }> {
  const { client, challenge } = await challenged(url, options.socket)
  const identity = options.device === undefined ? createDeviceIdentity() : options.device
  let params: Frame = {
    minProtocol: 4,
    maxProtocol: 4,
    client: { id: 'cli', version: '1.0.0', platform: 'linux', mode: 'cli', ...options.client },
    role: options.role ?? 'operator',
    scopes: options.scopes ?? operatorScopes,
    caps: [],
    ...(options.auth === false ? {} : { auth: options.auth ?? { token: testToken } })
  }
  if (identity) params.device = signedDevice(identity, params, challenge, options.signature)
  if (options.adjust) params = options.adjust(params)
  client.send({ type: 'req', id: 'connect', method: 'connect', params })
  const response = await client.frame(frame => frame.type === 'res' && frame.id === 'connect', 20_000)
  return { client, response, params }
}

/** The same, for tests that need to be let in. */
export async function admitted (url: string, options: ConnectOptions = {}): Promise<{ client: TestClient, hello: Frame }> {
  const { client, response } = await connect(url, options)
  if (!response.ok) throw new Error(`connect was refused: ${JSON.stringify(response.error)}`)
  return { client, hello: response.payload }
}

export async function closeClient (client: TestClient): Promise<void> {
  if (client.socket.readyState === WebSocket.CLOSED) return
  client.socket.close()
  await once(client.socket, 'close')
}
