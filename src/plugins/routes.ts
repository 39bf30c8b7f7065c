/** HTTP routes of plugins: below `/plugins/<id>/`, or a path that is nobody else's. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { Scope } from '../protocol/scopes.ts'
import { callFor, checkedScope, narrowed, type CallAs } from './calls.ts'
import type { NodeRequest, PluginReply, PluginRequest, PluginRoute } from './declaration.ts'
import { PluginProblem } from './failure.ts'
import type { Plugin } from './plugin.ts'

/** A request whose caller is known, and whose body has been received whole. */
export interface Arrival {
  readonly method: string
  readonly url: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly address: string
  /** Absent where the plugin looks at credentials itself. */
  readonly caller?: Caller
  readonly signal: AbortSignal
  /** Takes the answer over: nobody else writes one after that. */
  response (): ServerResponse
}

export interface Reply {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly body: string | Buffer
}

export interface OpenRoute {
  readonly plugin: Plugin
  readonly path: string
  readonly isPrefix: boolean
  /** Undefined: any. */
  readonly methods: ReadonlySet<string> | undefined
  readonly bodyLimit: number
  /** Undefined: the plugin looks at credentials itself. */
  readonly scope: Scope | undefined
  /** Undefined when the plugin answers by itself. */
  serve (arrival: Arrival): Promise<Reply | undefined>
}

const limitMs = 120_000
const usualBody = 1024 * 1024
const largestBody = 16 * 1024 * 1024
const pathPattern = /^(\/[\w.~@-]+)+$/
const maxPathLength = 256

/** What the contract and this gateway serve themselves, now or later. */
const reservedPlaces = new Set([
  'health', 'healthz', 'ready', 'readyz', 'startup', 'startupz', 'tools', 'v1', 'sessions', 'hooks', 'api', 'mcp', 'a2a', 'ws', 'chat', 'assets', 'media',
  'avatar', 'canvas', 'webhooks', 'metrics', 'control-ui', 'control-ui-config.json', '.well-known', 'favicon.ico', '__openclaw__', 'plugins'
])

const isDots = (segment: string): boolean => segment === '.' || segment === '..'

function checkedPath (path: unknown, { id }: Plugin): string {
  if (typeof path !== 'string' || path === '') throw new PluginProblem('a route needs a path')
  const own = `/plugins/${id}`
  const full = path.startsWith('/') ? path : `${own}/${path}`
  const segments = full.split('/').slice(1)
  if (!pathPattern.test(full) || full.length > maxPathLength || segments.some(isDots)) {
    throw new PluginProblem(`the route ${full.slice(0, 80)}: a path is made of /, letters, digits and ._~@-, and has no slash at its end`)
  }
  if (full === own || full.startsWith(`${own}/`)) return full
  if (!reservedPlaces.has(segments[0]!.toLowerCase())) return full
  throw new PluginProblem(`the route ${full}: everything below /${segments[0]} belongs to the gateway; use ${own}/…`)
}

/** The path of a request as routes are declared; undefined for one that could mean something else to somebody else. */
export function readPath (url: string): string | undefined {
  const raw = url.split(/[?#]/, 1)[0]!
  if (raw.length > 4096 || raw.includes('//') || raw.includes('\\')) return undefined
  try {
    const segments = raw.split('/').map(decodeURIComponent)
    return segments.some(segment => isDots(segment) || /[/\\\0]/.test(segment)) ? undefined : segments.join('/')
  } catch {
    return undefined
  }
}

export const covers = ({ path, isPrefix }: Pick<OpenRoute, 'path' | 'isPrefix'>, wanted: string): boolean =>
  path === wanted || (isPrefix && wanted.startsWith(`${path}/`))

/** Two routes of which one could be taken for the other. */
export const overlap = (a: OpenRoute, b: OpenRoute): boolean => covers(a, b.path) || covers(b, a.path)

function methodsOf ({ methods }: PluginRoute, path: string): ReadonlySet<string> | undefined {
  if (methods === undefined) return undefined
  const known = /^(GET|HEAD|POST|PUT|PATCH|DELETE)$/
  const names = methods.map(name => String(name).toUpperCase())
  if (names.length === 0 || !names.every(name => known.test(name))) throw new PluginProblem(`the route ${path}: methods are GET, HEAD, POST, PUT, PATCH and DELETE`)
  return new Set(names.includes('GET') ? [...names, 'HEAD'] : names)
}

function scopeOf (route: PluginRoute, path: string): Scope | undefined {
  const { auth = 'gateway' } = route
  if (auth === 'plugin') return undefined
  if (auth !== 'gateway') throw new PluginProblem(`the route ${path}: auth is "gateway" or "plugin"`)
  const scope = checkedScope((route as { scope?: unknown }).scope, `the route ${path}`, 'operator.write')
  if (typeof scope !== 'string') throw new PluginProblem(`the route ${path} needs one scope`)
  return scope
}

/** The secret of the gateway opens everything: a plugin learns who is asking, and not by what. */
function withoutSecrets (arrival: Arrival): Arrival {
  const { authorization, cookie, ...headers } = arrival.headers
  const { pathname, searchParams } = new URL(arrival.url, 'http://gateway')
  searchParams.delete('token')
  return { ...arrival, headers, url: searchParams.size > 0 ? `${pathname}?${searchParams}` : pathname }
}

function requestOf ({ method, url, path, headers, body, address }: Arrival, signal: AbortSignal): PluginRequest {
  const { searchParams } = new URL(url, 'http://gateway')
  return Object.freeze({
    method,
    path,
    query: Object.freeze(Object.fromEntries(searchParams)),
    headers,
    body,
    address,
    signal,
    json (): unknown {
      try {
        return JSON.parse(body.toString('utf8'))
      } catch {
        throw new GatewayError('INVALID_PARAMS', { message: 'the body must be JSON' })
      }
    }
  })
}

/** How an answer is put on the wire is for whoever puts it there. */
const ofTheWire = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'trailer'])

const replyFields = new Set(['status', 'headers', 'body'])

/** Anything else than a reply is what is to stand in its body: data may have a field of one of these names, too. */
const isReply = (value: unknown): value is PluginReply => typeof value === 'object' && value !== null && !(value instanceof Uint8Array) &&
  !Array.isArray(value) && Object.keys(value).length > 0 && Object.keys(value).every(field => replyFields.has(field))

function replyOf (value: unknown): Reply {
  const { status = 200, headers = {}, body } = isReply(value) ? value : { body: value as PluginReply['body'] }
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new PluginProblem(`${String(status)} is no status of an answer`)
  const named = Object.entries(headers).map(([name, text]) => [name.toLowerCase(), String(text)] as const)
  const given = Object.fromEntries(named.filter(([name]) => !ofTheWire.has(name)))
  if (body === undefined || body === null) return { status: value === undefined ? 204 : status, headers: given, body: '' }
  if (typeof body === 'string') return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...given }, body }
  if (body instanceof Uint8Array) return { status, headers: { 'content-type': 'application/octet-stream', ...given }, body: Buffer.from(body) }
  const text = JSON.stringify(body)
  if (text === undefined) throw new PluginProblem(`a ${typeof body} is no body of an answer`)
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...given }, body: text }
}

function nodeRequestOf ({ method, url, headers, body, address }: Arrival): NodeRequest {
  const stream = Readable.from(body.length > 0 ? [body] : [], { objectMode: false })
  return Object.assign(stream, { method, url, headers, body, socket: { remoteAddress: address } })
}

/** Answers in the form of Node. False: it is not for this plugin after all. */
async function answerAsNode (plugin: Plugin, work: () => unknown, response: ServerResponse, signal: AbortSignal): Promise<void> {
  const leave = (): void => { response.destroy() }
  // What is written after the end is lost, and that is all.
  response.on('error', () => {})
  plugin.signal.addEventListener('abort', leave, { once: true })
  const closed = new Promise<void>(resolve => response.once('close', () => {
    plugin.signal.removeEventListener('abort', leave)
    resolve()
  }))
  if (await work() === false && !response.headersSent) throw new GatewayError('NOT_FOUND', { message: 'the plugin has nothing here' })
  // A stream that has begun may take its time; one that never begins is no answer.
  while (!response.headersSent && !response.closed && !signal.aborted) {
    await Promise.race([closed, new Promise(resolve => setTimeout(resolve, 50))])
  }
}

export function openRoute (route: PluginRoute, plugin: Plugin, callAs: CallAs): OpenRoute {
  const path = checkedPath(route?.path, plugin)
  const { bodyLimit = usualBody, match = 'exact' } = route
  if ('handleUpgrade' in route) throw new PluginProblem(`the route ${path}: sockets of this gateway speak its own protocol, so a route cannot take upgrades`)
  if (match !== 'exact' && match !== 'prefix') throw new PluginProblem(`the route ${path}: match is "exact" or "prefix"`)
  if (!Number.isInteger(bodyLimit) || bodyLimit < 0 || bodyLimit > largestBody) throw new PluginProblem(`the route ${path}: bodyLimit is at most ${largestBody}`)
  const { handle, handler } = route as { handle?: unknown, handler?: unknown }
  if (typeof handle !== 'function' && typeof handler !== 'function') throw new PluginProblem(`the route ${path} has no function to handle it`)
  const scope = scopeOf(route, path)
  return {
    plugin,
    path,
    isPrefix: match === 'prefix',
    methods: methodsOf(route, path),
    bodyLimit,
    scope,
    serve: async given => await plugin.guard(`${given.method} ${path}`, { limitMs, signal: given.signal }, async signal => {
      const arrival = scope === undefined ? given : withoutSecrets(given)
      if ('handler' in route && typeof handle !== 'function') {
        const response = arrival.response()
        await answerAsNode(plugin, () => route.handler(nodeRequestOf(arrival), response), response, signal)
        return undefined
      }
      const { caller } = arrival
      const call = caller && scope !== undefined ? callFor(plugin, narrowed(caller, scope), signal, callAs) : undefined
      return replyOf(await (route as { handle (request: PluginRequest, call: unknown): unknown }).handle(requestOf(arrival, signal), call))
    })
  }
}
