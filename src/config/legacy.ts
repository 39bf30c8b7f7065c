/**
 * Names of older builds, read under the names of today. In memory only: the file stays as it is, and a warning says what to write.
 */
import { isObject } from '../lib/json-object.ts'
import { copyJson, formatPath, stepInto, valueAt, type PathStep } from './path-syntax.ts'
import type { Finding } from './validate.ts'

type Json = { [key: string]: unknown }

interface Rename { from: string, to: string }

/** `*` stands for every entry. Where both names are given the new one wins. */
const renames: readonly Rename[] = [
  { from: 'auth.method', to: 'gateway.auth.mode' },
  { from: 'auth.token', to: 'gateway.auth.token' },
  { from: 'auth.password', to: 'gateway.auth.password' },
  { from: 'gateway.token', to: 'gateway.auth.token' },
  { from: 'gateway.password', to: 'gateway.auth.password' },
  { from: 'channelHealthCheckMinutes', to: 'gateway.channelHealthCheckMinutes' },
  { from: 'channelStaleEventThresholdMinutes', to: 'gateway.channelStaleEventThresholdMinutes' },
  { from: 'channelMaxRestartsPerHour', to: 'gateway.channelMaxRestartsPerHour' },
  { from: 'gateway.nodes.allowCommands', to: 'gateway.nodes.commands.allow' },
  { from: 'gateway.nodes.denyCommands', to: 'gateway.nodes.commands.deny' },
  { from: 'heartbeat', to: 'agents.defaults.heartbeat' },
  { from: 'session.typingMode', to: 'agents.defaults.typingMode' },
  { from: 'session.typingIntervalSeconds', to: 'agents.defaults.typingIntervalSeconds' },
  { from: 'session.idleMinutes', to: 'session.reset.idleMinutes' },
  { from: 'session.resetByType.dm', to: 'session.resetByType.direct' },
  { from: 'session.threadBindings.ttlHours', to: 'session.threadBindings.idleHours' },
  { from: 'channels.*.threadBindings.ttlHours', to: 'channels.*.threadBindings.idleHours' },
  { from: 'messages.tts', to: 'tts' },
  { from: 'audit', to: 'logging.audit' },
  { from: 'agents.defaults.memorySearch', to: 'memory.search' },
  { from: 'agents.entries.*.memorySearch', to: 'agents.entries.*.memory.search' },
  { from: 'agents.list.*.memorySearch', to: 'agents.list.*.memory.search' },
  { from: 'routing.groupChat.mentionPatterns', to: 'messages.groupChat.mentionPatterns' },
  { from: 'routing.groupChat.historyLimit', to: 'messages.groupChat.historyLimit' }
]

export interface Renamed {
  source: unknown
  warnings: Finding[]
  /** Where a value of the new source was written, if elsewhere. */
  writtenAt (steps: readonly PathStep[]): PathStep[]
}

/** Every path of `pattern` that exists, `*` spelled out. */
function matches (source: unknown, pattern: readonly PathStep[]): PathStep[][] {
  const star = pattern.indexOf('*')
  if (star < 0) return valueAt(source, pattern) === undefined ? [] : [[...pattern]]
  const parent = valueAt(source, pattern.slice(0, star))
  const names = Array.isArray(parent) ? [...parent.keys()] : isObject(parent) ? Object.keys(parent) : []
  return names.flatMap(name => matches(source, [...pattern.slice(0, star), name, ...pattern.slice(star + 1)]))
}

function setAt (root: Json, steps: readonly PathStep[], value: unknown): boolean {
  let at: Json = root
  for (const step of steps.slice(0, -1)) {
    if (stepInto(at, step) === undefined) at[step as string] = {}
    const next = at[step as string]
    if (typeof next !== 'object' || next === null) return false
    at = next as Json
  }
  at[steps.at(-1) as string] = value
  return true
}

function fillStars (pattern: readonly PathStep[], from: readonly PathStep[], found: readonly PathStep[]): PathStep[] {
  const names = found.filter((_, index) => from[index] === '*')
  return pattern.map(step => step === '*' ? names.shift() as PathStep : step)
}

/** `kind: "dm"` of a binding means `"direct"`. */
function renamePeerKinds (source: Json, warnings: Finding[]): void {
  if (!Array.isArray(source['bindings'])) return
  for (const [index, binding] of source['bindings'].entries()) {
    const peer = valueAt(binding, ['match', 'peer'])
    if (!isObject(peer) || peer['kind'] !== 'dm') continue
    peer['kind'] = 'direct'
    warnings.push({ steps: ['bindings', index, 'match', 'peer', 'kind'], message: '"dm" is read as "direct"; write that instead', critical: false })
  }
}

const needsRenaming = (source: Json): boolean =>
  renames.some(rename => matches(source, rename.from.split('.')).length > 0) ||
  (Array.isArray(source['bindings']) && source['bindings'].some(binding => valueAt(binding, ['match', 'peer', 'kind']) === 'dm'))

export function renameLegacyKeys (given: unknown): Renamed {
  const warnings: Finding[] = []
  const moved = new Map<string, PathStep[]>()
  const writtenAt = (steps: readonly PathStep[]): PathStep[] => {
    for (let length = steps.length; length > 0; length--) {
      const old = moved.get(formatPath(steps.slice(0, length)))
      if (old) return [...old, ...steps.slice(length)]
    }
    return [...steps]
  }
  if (!isObject(given) || !needsRenaming(given)) return { source: given, warnings, writtenAt }

  const source = copyJson(given)
  for (const rename of renames) {
    const from = rename.from.split('.')
    for (const steps of matches(source, from)) {
      const to = fillStars(rename.to.split('.'), from, steps)
      const taken = valueAt(source, to) !== undefined || !setAt(source, to, valueAt(source, steps))
      const parent = valueAt(source, steps.slice(0, -1)) as Json
      delete parent[steps.at(-1) as string]
      if (!taken) moved.set(formatPath(to), steps)
      const message = taken ? `is an old name of ${formatPath(to)}, which is set as well; this one is not used` : `is now called ${formatPath(to)}; it is read under that name`
      warnings.push({ steps, message, critical: false })
    }
  }
  if (moved.has('session.reset.idleMinutes') && valueAt(source, ['session', 'reset', 'mode']) === undefined) {
    setAt(source, ['session', 'reset', 'mode'], 'idle')
  }
  const routing = source['routing']
  if (isObject(routing) && isObject(routing['groupChat']) && Object.keys(routing['groupChat']).length === 0) delete routing['groupChat']
  if (isObject(routing) && Object.keys(routing).length === 0) delete source['routing']
  renamePeerKinds(source, warnings)
  return { source, warnings, writtenAt }
}
