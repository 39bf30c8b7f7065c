/** The agent loop: a model speaks, its tools are carried out, until it has nothing more to ask for. */
import type { Message, ToolCallPart } from '../protocol/transcript.ts'
import { assistantMessage, ProviderError, type ModelInfo, type RoutedResult, type StepRequest } from '../providers/model.ts'
import type { RunContext } from './context.ts'
import { combined, lineOf } from './messages.ts'
import { delivered } from './outgoing.ts'
import { prompted } from './prompted.ts'
import { untilEnded, type Run } from './run.ts'
import { answeredRow } from './stored-run.ts'
import { carryOut } from './tool-calls.ts'
import { addUsage, modelMessages, storedMessages, type NewLine, type Turn } from './turn.ts'

/** A model that asks for tools without end is stopped here. */
const maxSteps = 200

/** And one that speaks without end here: what it says is kept in memory and told to everybody as a whole. */
const maxStepChars = 2 * 1024 * 1024

const line = (run: Run, message: Message): NewLine => ({ type: 'message', message, runId: run.id })

/** What people said since goes in before the model speaks again, and their messages are settled with it. */
async function takeOver (turn: Turn, context: RunContext): Promise<void> {
  const { run, steering } = turn
  const { sessions, now } = context
  if (!steering.has()) return
  const inputs = steering.waiting()
  const lines = inputs.map(({ row }) => lineOf(combined([row!.input!]), now(), run.id))
  for (const input of inputs) input.state = 'committing'
  try {
    await run.write(sessions, {
      lines: [...turn.unwritten, ...lines],
      ops: inputs.flatMap(input => input.ops(answeredRow(input.row!, run.id, now()), false))
    })
  } catch (error) {
    for (const input of inputs) input.state = 'queued'
    throw error
  }
  turn.unwritten = []
  turn.messages.push(...lines.map(({ message }) => message))
  steering.taken(inputs)
  const { guardOf } = await import('./tool-guard.ts')
  guardOf(run, context).forget()
}

function requestOf ({ run, system, tools }: Turn, messages: readonly Message[], signal: AbortSignal): StepRequest {
  const { thinking, maxOutputTokens, sampling, clientTools, toolChoice } = run.request
  return {
    ...sampling,
    system,
    messages,
    tools: clientTools ? [...tools, ...clientTools] : tools,
    sessionId: run.sessionId,
    signal,
    ...(toolChoice ? { toolChoice } : {}),
    ...(thinking ? { thinking } : {}),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens })
  }
}

const answeredWithoutEnd = ({ provider, id }: ModelInfo): ProviderError => new ProviderError(
  'format', `${provider}/${id} answered more than ${maxStepChars} characters in one go and was stopped; limit it with maxTokens`, { partial: true })

const tellsThoughts = ({ request: { thinking, thoughts } }: Run): boolean => thinking === 'off' ? false : Boolean(thinking ?? thoughts)

async function speak (turn: Turn, { models }: RunContext): Promise<RoutedResult> {
  const { run, voice, route } = turn
  voice.lifecycle({ phase: 'model', provider: route.model.provider, model: route.model.id })
  const endless = new AbortController()
  let chars = 0
  const signal = AbortSignal.any([run.signal, endless.signal])
  const step = models.step(route, requestOf(turn, await prompted(turn.messages), signal), event => {
    if (event.type !== 'tool-call') chars += event.delta.length
    if (chars > maxStepChars) return endless.abort()
    if (event.type === 'text') voice.text(event.delta)
    else if (event.type === 'thinking' && tellsThoughts(run)) voice.thinking(event.delta)
  }, (from, to, { kind, message }) => voice.lifecycle({
    phase: 'fallback_step',
    fallbackStepType: 'fallback_step',
    fallbackStepFromModel: `${from.provider}/${from.id}`,
    fallbackStepToModel: `${to.provider}/${to.id}`,
    fallbackStepFromFailureReason: kind,
    fallbackStepFromFailureDetail: message.slice(0, 240),
    fallbackStepFinalOutcome: 'next_fallback'
  }))
  const result = await untilEnded(run.signal, step).catch(error => {
    throw endless.signal.aborted ? answeredWithoutEnd(route.model) : error
  })
  turn.model = result.model
  turn.attempts = result.attempts
  turn.usage = addUsage(turn.usage, result.usage)
  turn.lastUsage = result.usage
  voice.usage(result.usage.output)
  return result
}

/** A conversation that the model refuses as too long is shortened once, and asked again. */
async function speakWithin (turn: Turn, context: RunContext): Promise<RoutedResult> {
  try {
    return await speak(turn, context)
  } catch (error) {
    const isTooLong = error instanceof ProviderError && error.kind === 'context_overflow' && !error.partial
    if (!isTooLong || turn.isShortened || !await context.shorten(turn, context, true)) throw error
    turn.isShortened = true
    turn.messages = modelMessages(await storedMessages(turn.run.key, context.sessions), context.now())
    return speak(turn, context)
  }
}

/** Says durably that something is about to be done which must not be done twice, then does it. */
export async function useTools (turn: Turn, calls: readonly ToolCallPart[], context: RunContext): Promise<void> {
  const { run } = turn
  const { guardOf, fitted } = await import('./tool-guard.ts')
  const admission = guardOf(run, context).admit(turn, calls)
  const effects = !admission.refusals && calls.some(({ name }) => turn.tools.find(tool => tool.name === name)?.effects)
  if (effects) {
    run.row = { ...run.row!, effects: true }
    await run.write(context.sessions, { lines: turn.unwritten, ops: run.ops(run.row, true) })
    turn.unwritten = []
  }
  const parallel = context.config().config.agents.defaults.parallelTools
  const results = await carryOut(turn, calls, { parallel, admission }, context)
  admission.done()
  turn.unwritten.push(...results.map(message => line(run, message)))
  turn.messages = fitted([...turn.messages, ...results], turn.route.model.contextWindow)
  await run.write(context.sessions, { lines: turn.unwritten })
  turn.unwritten = []
  if (admission.stop) throw admission.stop
}

const thoughtsIn = ({ content }: RoutedResult): string[] => content.map(part => part.type === 'thinking' ? part.thinking : '').filter(Boolean)

export async function converse (turn: Turn, context: RunContext): Promise<void> {
  const { run, voice } = turn
  for (let step = 1; step <= maxSteps; step++) {
    run.signal.throwIfAborted()
    await takeOver(turn, context)
    if (step > 1) {
      turn.earlier.push(voice.said())
      voice.nextMessage()
    }
    const result = await speakWithin(turn, context)
    const said = { agentId: run.agentId, sessionKey: run.key }
    const message = delivered(assistantMessage(result, context.now()), said, context.outgoing)
    turn.unwritten.push(line(run, message))
    turn.messages.push(message)
    turn.stopReason = result.stopReason
    if (run.request.thoughts) turn.thoughts.push(...thoughtsIn(result).map(thought => context.outgoing?.whole(thought, said) ?? thought))
    const calls = result.content.filter(part => part.type === 'toolCall')
    if (calls.length === 0) return
    const isForCaller = ({ name }: ToolCallPart): boolean => run.request.clientTools?.some(tool => tool.name === name) === true
    turn.calls = calls.filter(isForCaller)
    const own = turn.calls.length === 0 ? calls : calls.filter(call => !isForCaller(call))
    if (own.length > 0) await useTools(turn, own, context)
    if (turn.calls.length > 0) return
  }
  throw new Error(`the model asked for tools ${maxSteps} times in a row`)
}
