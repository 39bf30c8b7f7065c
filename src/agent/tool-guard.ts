/** Keeps what an agent does with its tools within bounds: no circles, no more than its budget, no result that fills the conversation. */
import { agentEntry } from '../config/agent-entries.ts'
import type { Config } from '../config/schema.ts'
import { steadyNow } from '../lib/clock.ts'
import type { Message, ToolCallPart } from '../protocol/transcript.ts'
import { createLoopDetection, findingText, type LoopFinding, type LoopSettings } from '../tools/guards/loop-detection.ts'
import { limitResult, type ResultLimits } from '../tools/guards/result-limits.ts'
import type { Tool, ToolResult } from '../tools/tool.ts'
import type { RunContext } from './context.ts'
import { RunStopped } from './failures.ts'
import type { Run } from './run.ts'
import type { Turn } from './turn.ts'

/** What may be done of one step. */
export interface Admission {
  /** One text for each call when none of them is carried out. */
  readonly refusals?: readonly string[]
  /** Why the run ends after that. */
  readonly stop?: RunStopped
  /** Ends what takes too long. */
  readonly signal: AbortSignal
  /** A result as it goes into the conversation. */
  finish (call: ToolCallPart, tool: Tool | undefined, result: ToolResult): ToolResult
  /** Everything was carried out. */
  done (): void
}

export interface ToolGuard {
  admit (turn: Turn, calls: readonly ToolCallPart[]): Admission
  /** Somebody has said something new. */
  forget (): void
}

interface Budget { readonly callsPerRun: number, readonly secondsPerRun: number }

type ToolsConfig = { readonly loopDetection?: Partial<LoopSettings>, readonly budget?: Partial<Budget> }

const without = <T extends object>(settings: T | undefined): Partial<T> =>
  Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>

function settingsOf (config: Config, agentId: string): { loops: LoopSettings, budget: Budget } {
  const { loopDetection, budget } = config.tools
  const own = agentEntry(config, agentId)?.tools as ToolsConfig | undefined
  return {
    loops: {
      ...loopDetection,
      ...without(own?.loopDetection),
      detectors: { ...loopDetection.detectors, ...without(own?.loopDetection?.detectors) }
    } as LoopSettings,
    budget: { ...budget, ...without(own?.budget) } as Budget
  }
}

/** Characters of one result, by the window of the model; a third of the window in any case. */
const automaticChars = (window: number): number => window >= 200_000 ? 64_000 : window >= 100_000 ? 32_000 : 16_000
const charsPerToken = 4
const largestShare = 0.3

function limitsOf (config: Config, agentId: string, window: number): ResultLimits {
  const own = without(agentEntry(config, agentId)?.contextLimits)
  const { toolResultMaxChars, toolResultMaxImages } = { ...config.agents.defaults.contextLimits, ...own }
  const share = window > 0 ? Math.floor(window * charsPerToken * largestShare) : Infinity
  return { maxChars: Math.min(share, toolResultMaxChars ?? automaticChars(window)), maxImages: toolResultMaxImages }
}

const loopRefusal = (finding: LoopFinding): string =>
  `Not carried out: ${findingText(finding)}. Do something else, or answer with what you have; the next time the run ends.`
const neighbourRefusal = 'Not carried out: another call of this step goes in circles.'

const worst = (findings: ReadonlyArray<LoopFinding | undefined>): LoopFinding | undefined =>
  findings.find(found => found?.level === 'breaker') ?? findings.find(found => found?.level === 'critical')

function withWarning (result: ToolResult, finding: LoopFinding): ToolResult {
  const text = `[Warning: ${findingText(finding)}. Do something else, or say what is missing.]`
  return { ...result, content: [...result.content, { type: 'text', text }] }
}

function createToolGuard (run: Run, { config, now, log }: RunContext): ToolGuard {
  const loops = createLoopDetection(now)
  let used = 0
  let spentMs = 0
  let isWarned = false

  function refusal (turn: Turn, calls: readonly ToolCallPart[], findings: ReadonlyArray<LoopFinding | undefined>, budget: Budget) {
    const refuse = (kind: string, texts: readonly string[], why: string, isLast: boolean) => {
      log.warn({ runId: run.id, sessionKey: run.key, reason: why }, 'tool calls of a run were refused')
      const stop = isWarned || isLast ? { stop: new RunStopped(kind, why) } : {}
      isWarned = true
      return { refusals: texts, ...stop }
    }
    const finding = worst(findings)
    if (finding) {
      const texts = findings.map(found => found && found.level !== 'warning' ? loopRefusal(found) : neighbourRefusal)
      const why = `the agent went in circles and was stopped: ${findingText(finding)} (tools.loopDetection)`
      return refuse('tool_loop', texts, why, finding.level === 'breaker')
    }
    const { callsPerRun, secondsPerRun } = budget
    const over = callsPerRun > 0 && used + calls.length > callsPerRun
      ? `the ${callsPerRun} tool calls of this run are used up (tools.budget.callsPerRun)`
      : secondsPerRun > 0 && spentMs >= secondsPerRun * 1000
        ? `the ${secondsPerRun} seconds that tools of this run may take are used up (tools.budget.secondsPerRun)`
        : undefined
    return over && refuse('tool_budget', calls.map(() => `Not carried out: ${over}. Answer with what you have.`), over, false)
  }

  return {
    forget () {
      loops.forget()
      isWarned = false
    },
    admit (turn, calls) {
      const { loops: settings, budget } = settingsOf(config().config, run.agentId)
      const findings = loops.judge(calls, settings, name => turn.tools.some(tool => tool.name === name))
      const refused = refusal(turn, calls, findings, budget)
      const startedMs = steadyNow()
      if (!refused) used += calls.length
      const limits = limitsOf(config().config, run.agentId, turn.route.model.contextWindow)
      const leftMs = Math.min(budget.secondsPerRun * 1000 - spentMs, 2 ** 31 - 1)
      return {
        ...refused,
        signal: budget.secondsPerRun > 0 && !refused ? AbortSignal.any([run.signal, AbortSignal.timeout(leftMs)]) : run.signal,
        finish (call, tool, result) {
          if (tool) loops.record(call, result, settings)
          const finding = findings[calls.indexOf(call)]
          const limited = limitResult(result, limits, tool?.rest)
          return finding ? withWarning(limited, finding) : limited
        },
        done () { spentMs += steadyNow() - startedMs }
      }
    }
  }
}

const guards = new WeakMap<Run, ToolGuard>()

/** One for each run, from its first tool call on. */
export function guardOf (run: Run, context: RunContext): ToolGuard {
  const guard = guards.get(run) ?? createToolGuard(run, context)
  guards.set(run, guard)
  return guard
}

/** All results of a conversation together take half of the window at most; the oldest give way first, and further than they have to. */
const resultShare = 0.5
const roomAfter = 0.75
const unknownWindow = 32_000
/** About what a picture costs. */
const imageChars = 6_000
const keptChars = 200

const sizeOf = (message: Message): number => message.role !== 'toolResult'
  ? 0
  : message.content.reduce((sum, part) => sum + (part.type === 'text' ? part.text.length : imageChars), 0)

function faded (message: Message): Message {
  if (message.role !== 'toolResult') return message
  const text = message.content.map(part => part.type === 'text' ? part.text : '(a picture)').join('\n')
  const note = `[… an old result of ${text.length} characters: the rest was taken out of the conversation. Call ${message.toolName} again if it is needed …]`
  return { ...message, content: [{ type: 'text', text: `${text.slice(0, keptChars)}\n${note}` }] }
}

/** The messages with old results shortened where there are too many. */
export function fitted (messages: Message[], contextWindow: number): Message[] {
  const most = (contextWindow || unknownWindow) * charsPerToken * resultShare
  let total = messages.reduce((sum, message) => sum + sizeOf(message), 0)
  if (total <= most) return messages
  const lastStep = messages.findLastIndex(({ role }) => role === 'assistant')
  return messages.map((message, index) => {
    const size = sizeOf(message)
    if (total <= most * roomAfter || index > lastStep || size <= keptChars * 2) return message
    const shorter = faded(message)
    total += sizeOf(shorter) - size
    return shorter
  })
}
