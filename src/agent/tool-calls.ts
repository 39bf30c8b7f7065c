/** Carries out what a model asked for in one step. */
import type { Message, ToolCallPart } from '../protocol/transcript.ts'
import type { ToolResult } from '../tools/tool.ts'
import { isOwners } from './answerable.ts'
import type { RunContext } from './context.ts'
import type { Admission } from './tool-guard.ts'
import { untilEnded } from './run.ts'
import { interruptedCall, type Turn } from './turn.ts'

const failed = (text: string): ToolResult => ({ content: [{ type: 'text', text }], isError: true })

const outOfTime = 'Ended: the time that tools of this run may take is used up (tools.budget.secondsPerRun). Answer with what you have.'

const titleOf = (name: string): string => name.split(/[_-]/).filter(Boolean).map(word => word[0]!.toUpperCase() + word.slice(1)).join(' ')

function announce ({ voice }: Turn, call: ToolCallPart, startedAt: number): (result: ToolResult, endedAt: number) => void {
  const { id, name, arguments: args } = call
  const item = { itemId: `tool:${id}`, toolCallId: id, name, kind: 'tool', title: titleOf(name), commandBearing: false, startedAt }
  voice.item({ ...item, phase: 'start', status: 'running' })
  voice.tool({ phase: 'start', name, toolCallId: id, args })
  return ({ content, details, isError = false }, endedAt) => {
    voice.tool({ phase: 'result', name, toolCallId: id, isError, result: { content, ...(details === undefined ? {} : { details }) } })
    voice.item({ ...item, phase: 'end', status: isError ? 'failed' : 'completed', endedAt })
  }
}

async function perform (turn: Turn, call: ToolCallPart, signal: AbortSignal, { log }: RunContext): Promise<ToolResult> {
  const tool = turn.tools.find(known => known.name === call.name)
  const { run, voice } = turn
  const { id, name } = call
  if (!tool) return failed(`There is no tool named ${name}. Available: ${turn.tools.map(known => known.name).join(', ') || 'none'}.`)
  try {
    return await untilEnded(signal, tool.run(call.arguments, {
      runId: run.id,
      sessionKey: run.key,
      agentId: run.agentId,
      callId: id,
      isOwner: isOwners(turn.messages),
      signal,
      update: partialResult => voice.tool({ phase: 'update', name, toolCallId: id, partialResult })
    }))
  } catch (error) {
    if (run.signal.aborted) throw error
    if (signal.aborted) return failed(outOfTime)
    log.warn({ err: error, tool: name, runId: run.id }, 'a tool failed')
    return failed(error instanceof Error ? error.message : String(error))
  }
}

interface Manner {
  readonly parallel: boolean
  readonly admission: Admission
}

/** Results in the order of the calls, whichever was done first. */
export async function carryOut (turn: Turn, calls: readonly ToolCallPart[], manner: Manner, context: RunContext): Promise<Message[]> {
  const { parallel, admission: { refusals, signal, finish } } = manner
  const one = async (call: ToolCallPart, index: number): Promise<Message> => {
    const tool = turn.tools.find(({ name }) => name === call.name)
    const done = announce(turn, call, context.now())
    const work = (): Promise<ToolResult> => perform(turn, call, signal, context)
    const result = refusals ? failed(refusals[index]!) : finish(call, tool, await (context.watch?.tool(turn.run, call, work) ?? work()))
    done(result, context.now())
    if (tool && !result.isError) turn.toolNames.add(call.name)
    return {
      role: 'toolResult',
      toolCallId: call.id,
      toolName: call.name,
      content: result.content,
      ...(result.details === undefined ? {} : { details: result.details }),
      isError: result.isError ?? false,
      timestamp: context.now()
    }
  }
  if (parallel) return Promise.all(calls.map(one))
  const results: Message[] = []
  for (const [index, call] of calls.entries()) {
    if (turn.steering.has()) {
      results.push(interruptedCall(call, context.now(), 'Not carried out: a newer message arrived first.'))
    } else results.push(await one(call, index))
  }
  return results
}
