/** Sees when an agent repeats itself: the same call with the same result, two calls in turns, questions that nothing answers. */
import { createHash } from 'node:crypto'
import type { ToolResult } from '../tool.ts'

export interface LoopSettings {
  readonly enabled: boolean
  /** Calls that are remembered. */
  readonly historySize: number
  readonly warningThreshold: number
  readonly criticalThreshold: number
  readonly globalCircuitBreakerThreshold: number
  readonly unknownToolThreshold: number
  readonly maxIterations: number
  readonly windowMinutes: number
  readonly detectors: { readonly genericRepeat: boolean, readonly knownPollNoProgress: boolean, readonly pingPong: boolean }
}

export interface Call {
  readonly name: string
  readonly arguments: { readonly [name: string]: unknown }
}

export type LoopLevel = 'warning' | 'critical' | 'breaker'

export interface LoopFinding {
  readonly level: LoopLevel
  readonly detector: keyof LoopSettings['detectors'] | 'globalCircuitBreaker' | 'unknownTool' | 'maxIterations'
  readonly count: number
  readonly toolName: string
}

export interface LoopDetection {
  /** Before calls of one step are carried out: what is wrong with each. */
  judge (calls: readonly Call[], settings: LoopSettings, known: (name: string) => boolean): ReadonlyArray<LoopFinding | undefined>
  /** After one was carried out. */
  record (call: Call, result: ToolResult, settings: LoopSettings): void
  /** Somebody has said something new. */
  forget (): void
}

interface Entry {
  readonly signature: string
  readonly outcome: string
  readonly atMs: number
}

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url')

function sorted (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, inner]) => [key, sorted(inner)]))
}

const signatureOf = ({ name, arguments: args }: Call): string => hash(`${name}\n${JSON.stringify(sorted(args))}`)

const outcomeOf = ({ content, isError = false }: ToolResult): string =>
  hash(`${isError}\n${content.map(part => part.type === 'text' ? part.text : part.data).join('\n')}`)

const polls: { readonly [tool: string]: readonly string[] | undefined } = {
  process: ['poll', 'log', 'list'], session_status: [], sessions_list: [], sessions_history: [], subagents: ['list']
}

/** Asks how far something is, which may be asked again. */
function isPoll ({ name, arguments: args }: Call): boolean {
  const actions = polls[name]
  return actions !== undefined && (actions.length === 0 || actions.includes(String(args['action'] ?? actions[0])))
}

/** How often the latest calls were the same ones with the same result. */
function streakOf (signature: string, entries: readonly Entry[]): number {
  const own = entries.filter(entry => entry.signature === signature)
  const last = own.at(-1)?.outcome
  let streak = 0
  while (streak < own.length && own.at(-1 - streak)!.outcome === last) streak++
  return streak
}

/** How many of the latest calls were two in turns, each with one result, if this one would be the next of them. */
function turnsOf (signature: string, entries: readonly Entry[]): number {
  const [before, last] = [entries.at(-2), entries.at(-1)]
  if (!before || !last || before.signature !== signature || last.signature === signature) return 0
  let turns = 0
  for (let index = entries.length - 1; index >= 0; index--) {
    const expected = turns % 2 === 0 ? last : before
    const entry = entries[index]!
    if (entry.signature !== expected.signature || entry.outcome !== expected.outcome) break
    turns++
  }
  return turns
}

export function createLoopDetection (now: () => number): LoopDetection {
  let entries: Entry[] = []
  /** The latest calls that all brought nothing new. */
  let stale = 0
  let unknown = 0

  function judgeOne (call: Call, signature: string, ahead: number, settings: LoopSettings): LoopFinding | undefined {
    const { detectors, criticalThreshold, warningThreshold, globalCircuitBreakerThreshold, maxIterations, historySize } = settings
    const recent = entries.filter(({ atMs }) => atMs >= now() - settings.windowMinutes * 60_000)
    const found = (detector: LoopFinding['detector'], level: LoopLevel, count: number): LoopFinding => ({ level, detector, count, toolName: call.name })
    const blocksAt = Math.min(criticalThreshold, historySize)
    const warnsAt = Math.min(warningThreshold, blocksAt)
    const graded = (detector: LoopFinding['detector'], count: number): LoopFinding | undefined =>
      count >= blocksAt ? found(detector, 'critical', count) : count >= warnsAt ? found(detector, 'warning', count) : undefined
    if (stale >= Math.max(globalCircuitBreakerThreshold, blocksAt)) return found('globalCircuitBreaker', 'breaker', stale)
    const turns = detectors.pingPong ? graded('pingPong', turnsOf(signature, entries)) : undefined
    // Whoever asks now and then how something is getting on waits, and does not go in circles.
    if (isPoll(call)) return turns ?? (detectors.knownPollNoProgress ? graded('knownPollNoProgress', streakOf(signature, recent) + ahead) : undefined)
    const same = recent.filter(entry => entry.signature === signature).length + ahead
    const repeated = detectors.genericRepeat ? graded('genericRepeat', streakOf(signature, entries) + ahead) : undefined
    const critical = [repeated, turns].find(finding => finding?.level === 'critical')
    return critical ?? (same >= maxIterations ? found('maxIterations', 'critical', same) : repeated ?? turns)
  }

  return {
    judge (calls, settings, known) {
      if (!settings.enabled) return calls.map(() => undefined)
      const ahead = new Map<string, number>()
      return calls.map(call => {
        if (!known(call.name)) {
          unknown++
          return unknown > settings.unknownToolThreshold
            ? { level: 'critical', detector: 'unknownTool', count: unknown, toolName: call.name }
            : undefined
        }
        const signature = signatureOf(call)
        const before = ahead.get(signature) ?? 0
        ahead.set(signature, before + 1)
        return judgeOne(call, signature, before, settings)
      })
    },
    record (call, result, { historySize }) {
      const entry = { signature: signatureOf(call), outcome: outcomeOf(result), atMs: now() }
      const isNew = !entries.some(({ signature, outcome }) => signature === entry.signature && outcome === entry.outcome)
      stale = isNew || isPoll(call) ? 0 : stale + 1
      entries = [...entries, entry].slice(-historySize)
    },
    forget () {
      entries = []
      stale = unknown = 0
    }
  }
}

const shown = (name: string): string => name.slice(0, 80)

/** For a model, or for the people who ask why a run has ended. */
export function findingText ({ detector, count, toolName }: LoopFinding): string {
  const tool = shown(toolName)
  switch (detector) {
    case 'pingPong': return `the last ${count} calls were the same two in turns, ${tool} among them, and brought nothing new`
    case 'unknownTool': return `tools that do not exist were called ${count} times, last ${tool}`
    case 'globalCircuitBreaker': return `${count} calls in a row, last ${tool}, brought nothing that was not known`
    case 'maxIterations': return `${tool} was called ${count} times with the same arguments within the window of tools.loopDetection`
    case 'knownPollNoProgress': return `${tool} was asked ${count} times and nothing had changed`
    case 'genericRepeat': return `${tool} was called ${count} times with the same arguments and the same result`
  }
}
