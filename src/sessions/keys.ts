/** The grammar of session keys and session ids. Keys come from clients, so everything that could be more than a name is refused here. */
import { GatewayError } from '../protocol/errors.ts'

export const maxKeyLength = 512

/** What a key is about; decides about reset rules, maintenance and how a list shows it. */
export type SessionKind =
  'main' | 'direct' | 'group' | 'channel' | 'dashboard' | 'explicit' | 'subagent' | 'cron' | 'hook' | 'heartbeat' |
  'openai' | 'openresponses' | 'acp' | 'custom'

export interface KeyParts {
  readonly agentId: string
  /** Everything behind the agent. */
  readonly rest: string
  readonly kind: SessionKind
  readonly channel?: string
  readonly accountId?: string
  readonly peer?: string
  readonly threadId?: string
  /** One request, one conversation: nobody comes back to it. */
  readonly oneShot?: boolean
  readonly incognito?: boolean
}

const agentIdPattern = /^[a-z0-9][a-z0-9_-]{0,63}$/
const sessionIdPattern = /^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/
/** Control characters, line separators, marks that turn the reading direction, and the replacement for what was no text. */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffd]/u
/** Paths, also in the spellings that some decoder may turn into one. */
const pathLike = /\.\.|\\|^\/|\/$|\/\/|\/\.|%(?:2e|2f|5c|00|25)/i
/** Channels whose ids differ by case alone. */
const opaqueChannels: ReadonlySet<string> = new Set(['signal', 'matrix'])
const namedKinds: ReadonlySet<string> = new Set<SessionKind>(['dashboard', 'explicit', 'subagent', 'cron', 'hook', 'heartbeat'])
const backgroundKinds: ReadonlySet<SessionKind> = new Set<SessionKind>(['subagent', 'cron', 'hook', 'heartbeat', 'acp'])

const refuse = (message: string, details: { [field: string]: unknown } = {}): GatewayError => new GatewayError('INVALID_PARAMS', { message, details })

export const isSessionId = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= 128 && sessionIdPattern.test(value)

/** Session ids become file names, so nothing but a plain word passes. */
export function checkSessionId (value: string): string {
  if (!isSessionId(value)) throw refuse('invalid sessionId: letters, digits, "-", "_" and single dots only')
  return value
}

export const isAgentId = (value: string): boolean => agentIdPattern.test(value)

function checkText (text: string): void {
  if (text.length === 0) throw refuse('invalid sessionKey: it is empty')
  if (text.length > maxKeyLength) throw refuse(`invalid sessionKey: longer than ${maxKeyLength} characters`)
  if (unsafe.test(text)) throw refuse('invalid sessionKey: control and invisible characters are not allowed')
  if (pathLike.test(text)) throw refuse('invalid sessionKey: ".." and paths are not allowed')
}

/** Lower case, except for the ids that a channel tells apart by case. */
function foldCase (rest: string): string {
  const segments = rest.split(':')
  const channel = segments[0]!.toLowerCase()
  if (!opaqueChannels.has(channel)) return rest.toLowerCase()
  const kept = segments.findIndex(segment => /^(?:group|channel|direct)$/i.test(segment)) + 1
  return kept === 0 ? rest.toLowerCase() : [...segments.slice(0, kept).map(segment => segment.toLowerCase()), ...segments.slice(kept)].join(':')
}

export const buildKey = (agentId: string, rest: string): string => `agent:${agentId.toLowerCase()}:${foldCase(rest)}`

/** The agent and the rest of a full key; undefined for names without an agent. */
function splitKey (text: string): { agentId: string, rest: string } | undefined {
  const match = /^agent:([^:]*):(.*)$/is.exec(text)
  return match ? { agentId: match[1]!.toLowerCase(), rest: match[2]! } : undefined
}

function peerParts (segments: readonly string[]): Pick<KeyParts, 'kind' | 'channel' | 'accountId' | 'peer' | 'threadId'> | undefined {
  const at = segments.findIndex(segment => segment === 'direct' || segment === 'dm' || segment === 'group' || segment === 'channel')
  if (at < 0 || at > 2 || at + 1 >= segments.length) return undefined
  const word = segments[at]!
  if (at === 0 && word !== 'direct') return undefined
  const threadAt = segments.findIndex((segment, index) => index > at + 1 && (segment === 'thread' || segment === 'topic'))
  const threadId = threadAt > 0 ? segments.slice(threadAt + 1).join(':') : undefined
  return {
    kind: word === 'group' || word === 'channel' ? word : 'direct',
    ...(at > 0 ? { channel: segments[0]! } : {}),
    ...(at > 1 ? { accountId: segments[1]! } : {}),
    peer: segments.slice(at + 1, threadAt > 0 ? threadAt : undefined).join(':'),
    ...(threadId ? { threadId } : {})
  }
}

function programParts ([first = '', ...others]: readonly string[]): Pick<KeyParts, 'kind' | 'oneShot'> | undefined {
  if (others.length === 0 || !/^open(?:ai|responses)(?:-user)?$/.test(first)) return undefined
  return { kind: first.startsWith('openai') ? 'openai' : 'openresponses', ...(first.endsWith('-user') ? {} : { oneShot: true }) }
}

function helperParts ([first, second]: readonly string[]): Pick<KeyParts, 'kind' | 'incognito'> {
  if (first !== 'subagent' || second === undefined) return { kind: 'custom' }
  return { kind: 'subagent', ...(second.startsWith('incognito-') ? { incognito: true } : {}) }
}

/** Understands a canonical key. */
export function parseKey (key: string): KeyParts {
  const { agentId, rest } = splitKey(key) ?? { agentId: 'main', rest: key }
  const segments = rest.split(':')
  const first = segments[0]!
  const base = { agentId, rest }
  // What a program with an API key begins: nobody's main conversation, and no channel's.
  if (first === 'key' && segments.length > 2) return { ...base, ...programParts(segments.slice(2)) ?? helperParts(segments.slice(2)) }
  if (rest === 'main') return { ...base, kind: 'main' }
  if (segments.includes('acp')) return { ...base, kind: 'acp' }
  const program = programParts(segments)
  if (program) return { ...base, ...program }
  if (namedKinds.has(first) && segments.length > 1) {
    return { ...base, kind: first as SessionKind, ...(segments[1]!.startsWith('incognito-') ? { incognito: true } : {}) }
  }
  return { ...base, kind: 'custom', ...peerParts(segments) }
}

/** Work that goes on behind the conversations of people. */
export const isBackground = ({ kind }: KeyParts): boolean => backgroundKinds.has(kind)
/** What a person told their agent alone may be told here. */
export const isPrivate = (parts: KeyParts): boolean => parts.kind !== 'group' && parts.kind !== 'channel' && !isBackground(parts)
/** Nobody misses it when it is old. */
export const isDisposable = (parts: KeyParts): boolean => isBackground(parts) || parts.oneShot === true

export interface KeyRules {
  readonly hasAgent: (agentId: string) => boolean
  readonly defaultAgentId: () => string
  /** Nobody is meant when no agent is named. */
  readonly mustName: () => boolean
  /** `session.scope`: with "global", `global` is another name of the main session. */
  readonly scope: () => string
}

export interface KeyTarget {
  readonly key: string
  readonly agentId: string
  /** As it was sent: what is echoed back. */
  readonly name: string
}

function known (agentId: string, rules: KeyRules): string {
  const id = agentId.toLowerCase()
  if (!isAgentId(id)) throw refuse(`invalid agent id "${id.slice(0, 64)}"`, { agentId: id.slice(0, 64) })
  if (!rules.hasAgent(id)) throw unknownAgent(id)
  return id
}

export function unknownAgent (agentId: string): GatewayError {
  const shown = agentId.slice(0, 64)
  return new GatewayError('AGENT_UNKNOWN', { message: `unknown agent id "${shown}"`, details: { agentId: shown } })
}

/** The agent that is meant when none is named, unless the roster says that each caller has to choose. */
export function ambientAgent ({ defaultAgentId, mustName }: Pick<KeyRules, 'defaultAgentId' | 'mustName'>): string {
  if (!mustName()) return defaultAgentId()
  throw refuse('there are several agents (agents.ownership is "explicit"): select an agent explicitly, by agentId or with a key agent:<agent>:…')
}

/** `iris-main` is the main session of agent `iris`, when there is such an agent. */
function agentOfMainName (name: string, rules: KeyRules, agentId: string | undefined): string | undefined {
  const match = /^(.+)-main$/i.exec(name)
  const named = match?.[1]!.toLowerCase()
  return named && isAgentId(named) && rules.hasAgent(named) && (agentId === undefined || agentId === named) ? named : undefined
}

/** From whatever a client calls a session to its one canonical key. */
export function resolveKey (sessionKey: string | undefined, agentId: string | undefined, rules: KeyRules): KeyTarget {
  const asked = agentId === undefined ? undefined : known(agentId, rules)
  const name = (sessionKey ?? 'main').trim()
  checkText(name)
  const full = splitKey(name)
  if (full) {
    const owner = known(full.agentId, rules)
    if (asked !== undefined && asked !== owner) throw refuse(`session ${name} belongs to agent "${owner}", not to "${asked}"`, { agentId: asked })
    if (/^$|^:|:$|::/.test(full.rest)) throw refuse('invalid sessionKey: a part of it is empty')
    return { key: buildKey(owner, full.rest), agentId: owner, name }
  }
  if (/^agent:?$/i.test(name) || /^:|:$|::/.test(name)) throw refuse('invalid sessionKey: a part of it is empty')
  if (/^unknown$/i.test(name)) throw refuse('invalid sessionKey: "unknown" is reserved')
  const owner = agentOfMainName(name, rules, asked)
  if (owner !== undefined) return { key: buildKey(owner, 'main'), agentId: owner, name }
  const agent = asked ?? ambientAgent(rules)
  const isMain = /^main$/i.test(name) || (rules.scope() === 'global' && /^global$/i.test(name))
  return { key: buildKey(agent, isMain ? 'main' : name), agentId: agent, name }
}
