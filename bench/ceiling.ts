/**
 * The ceiling: a bare `ws` + `node:http` server with the wire work of a gateway and nothing else. Challenge, parse, Ed25519
 * verification, a hello-ok, health answers, lists and events of the target's size; no pairing, no scopes, no validation, no store.
 * Turns are in ceiling-turns.ts. `node bench/ceiling.ts --port 0 --token T [--profile file.json]`, prints `ready <port>`.
 */
import { createHash, createPublicKey, randomUUID, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { WebSocketServer, type WebSocket } from 'ws'
import { deviceAuthPayloadV3, signedToken } from '../src/protocol/device-auth.ts'
import { createTurns, type Turn } from './ceiling-turns.ts'
import { defaultProfile, presenceTrigger, readProfile, type Profile } from './profile.ts'
import type { Durability } from './targets/target.ts'

export interface CeilingOptions {
  readonly token: string
  readonly profile?: Profile
  readonly tickIntervalMs?: number
  /** Without a model there are no turns. */
  readonly model?: { readonly url: string, readonly id: string }
  readonly journalPath?: string
  readonly durability?: Durability
}

interface Request { id: string, method: string, params: { [name: string]: unknown } }

interface ConnectParams {
  client: { id: string, mode: string, platform?: string, deviceFamily?: string }
  role: string
  scopes: string[]
  auth?: { token?: string, deviceToken?: string }
  device?: { id: string, publicKey: string, signature: string, signedAt: number, nonce: string }
}

function proves (device: NonNullable<ConnectParams['device']>, params: ConnectParams, nonce: string): boolean {
  const raw = Buffer.from(device.publicKey, 'base64url')
  if (device.nonce !== nonce || createHash('sha256').update(raw).digest('hex') !== device.id) return false
  const payload = deviceAuthPayloadV3({
    deviceId: device.id,
    clientId: params.client.id,
    clientMode: params.client.mode,
    role: params.role,
    scopes: params.scopes,
    signedAtMs: device.signedAt,
    token: signedToken(params.auth),
    nonce,
    platform: params.client.platform,
    deviceFamily: params.client.deviceFamily
  })
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: device.publicKey }, format: 'jwk' })
  return verify(null, Buffer.from(payload), key, Buffer.from(device.signature, 'base64url'))
}

function refusalCode (params: ConnectParams, token: string, nonce: string): string | undefined {
  if (params.device !== undefined && !proves(params.device, params, nonce)) return 'DEVICE_AUTH_SIGNATURE_INVALID'
  const secret = params.auth?.token ?? params.auth?.deviceToken
  return secret === token ? undefined : 'AUTH_TOKEN_MISMATCH'
}

const answer = (id: string, payload: unknown): string => JSON.stringify({ type: 'res', id, ok: true, payload })

/** The hello-ok of the profile with what differs from connection to connection; the token of this server is every device's token. */
const helloPayload = ({ hello }: Profile, token: string) => ({
  ...hello,
  server: { ...hello.server as object, connId: randomUUID() },
  auth: { ...hello.auth as object, deviceToken: token }
})

/** An event is serialised once; a connection adds its own number. */
interface Client { socket: WebSocket, seq: number }

function broadcast (clients: Iterable<Client>, event: object): void {
  const head = JSON.stringify(event).slice(0, -1)
  for (const client of clients) client.socket.send(`${head},"seq":${++client.seq}}`)
}

function answerHttp (request: IncomingMessage, response: ServerResponse, profile: Profile): void {
  const found = request.url === '/health' ? profile.httpHealth : { status: 404, body: '{}' }
  response.writeHead(found.status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(found.body) })
  response.end(found.body)
}

/** A turn as the two methods that begin one acknowledge and end it. */
function turnOf ({ socket }: Client, { id, method, params }: Request): Turn {
  const runId = String(params.idempotencyKey)
  const isAgent = method === 'agent'
  return {
    runId,
    message: String(params.message),
    acknowledge: () => socket.send(answer(id, isAgent ? { runId, status: 'accepted', acceptedAt: Date.now() } : { runId, status: 'started' })),
    end (text) {
      if (isAgent) socket.send(answer(id, { runId, status: 'ok', summary: 'completed', result: { payloads: [{ text, mediaUrl: null }], meta: {} } }))
    }
  }
}

/** The event a client asked for, with the client's words where the target would have them. */
const presenceEvent = (event: object, params: Request['params']) => ({ ...event, mark: params.reason })

export function createCeiling (options: CeilingOptions): Server {
  const { token, profile = defaultProfile, tickIntervalMs = 30_000, model } = options
  const server = createServer((request, response) => answerHttp(request, response, profile))
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 26_214_400, clientTracking: false })
  const clients = new Set<Client>()

  const turn = model && createTurns({
    modelUrl: model.url,
    modelId: model.id,
    journalPath: options.journalPath ?? 'journal',
    durability: options.durability ?? 'full',
    frames: profile.turn ?? defaultProfile.turn!,
    broadcast: event => broadcast(clients, event)
  })

  const connected = (client: Client, request: Request): void => {
    const { id, method, params } = request
    if (turn && (method === 'chat.send' || method === 'agent')) void turn(turnOf(client, request))
    else if (method === 'sessions.list') client.socket.send(answer(id, profile.sessions ?? defaultProfile.sessions))
    else if (method === 'sessions.subscribe' || method === 'sessions.messages.subscribe') client.socket.send(answer(id, { subscribed: true }))
    else if (method === 'health') client.socket.send(answer(id, profile.health))
    else if (method === presenceTrigger.method) {
      client.socket.send(answer(id, { ok: true }))
      broadcast(clients, presenceEvent(profile.event, params))
    } else client.socket.send(JSON.stringify({ type: 'res', id, ok: false, error: { code: 'INVALID_REQUEST', message: 'unknown method' } }))
  }

  sockets.on('connection', socket => {
    const nonce = randomUUID()
    const client: Client = { socket, seq: 0 }
    let admitted = false
    socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce, ts: Date.now(), capabilities: [] } }))
    socket.on('message', data => {
      const request = JSON.parse(data.toString()) as Request
      if (admitted) return connected(client, request)
      const code = refusalCode(request.params as unknown as ConnectParams, token, nonce)
      if (code !== undefined) {
        socket.send(JSON.stringify({ type: 'res', id: request.id, ok: false, error: { code: 'INVALID_REQUEST', message: code, details: { code } } }))
        return socket.close(1008, code)
      }
      admitted = true
      clients.add(client)
      socket.send(answer(request.id, helloPayload(profile, token)))
    })
    socket.on('close', () => clients.delete(client))
    socket.on('error', () => socket.terminate())
  })
  const ticks = setInterval(() => broadcast(clients, { type: 'event', event: 'tick', payload: { ts: Date.now() } }), tickIntervalMs)
  server.on('close', () => clearInterval(ticks))
  return server
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { port: text, token: text, profile: text, model: text, 'model-id': text, durability: text } })
  const server = createCeiling({
    token: values.token ?? '',
    profile: values.profile ? readProfile(values.profile) : undefined,
    ...(values.model ? { model: { url: values.model, id: values['model-id'] ?? 'zero' } } : {}),
    durability: values.durability as Durability | undefined
  })
  server.listen(Number(values.port ?? 0), '127.0.0.1', () => {
    process.stdout.write(`ready ${(server.address() as AddressInfo).port}\n`)
  })
}
