/** What a chat request says beside its messages: functions, how the words are chosen, how they are sent. */
import type { RunRequest } from '../../../agent/room.ts'
import type { Sampling, ToolSpec } from '../../../providers/model.ts'
import { invalid } from '../errors.ts'
import { flagIn, integerIn, isFields, listIn, numberIn, objectIn, textIn, type Fields } from '../fields.ts'
import { choiceOf, effortOf, functionOf, refuseTwins, replySchemaOf } from '../functions.ts'

export type RunOptions = Pick<RunRequest, 'sampling' | 'maxOutputTokens' | 'thinking' | 'clientTools' | 'toolChoice'>

const maxTools = 128
const maxStops = 16

/** An agent gives one answer in words; who asks for something else is told so, and not given less than he asked for. */
function refuseOthers (body: Fields): void {
  if ((body.n ?? 1) !== 1) throw invalid('`n` must be 1: an agent gives one answer.', 'n')
  if (body.logprobs) throw invalid('`logprobs` are not given.', 'logprobs')
  if (Array.isArray(body.modalities) && body.modalities.some(kind => kind !== 'text')) {
    throw invalid('`modalities` may only be ["text"].', 'modalities')
  }
  if (body.functions != null) throw invalid('`functions` is not taken; send `tools`.', 'functions')
  if (body.function_call != null) throw invalid('`function_call` is not taken; send `tool_choice`.', 'function_call')
}

function stopOf ({ stop }: Fields): readonly string[] | undefined {
  if (stop === undefined || stop === null) return undefined
  const words: unknown[] = Array.isArray(stop) ? stop : [stop]
  if (words.length > maxStops || !words.every(word => typeof word === 'string')) {
    throw invalid(`\`stop\` must be a string, or a list of at most ${maxStops} strings.`, 'stop')
  }
  return words.filter(word => word !== '')
}

function formatOf (body: Fields): Sampling['json'] {
  const format = objectIn(body, 'response_format')
  if (format === undefined || format.type === 'text') return undefined
  if (format.type === 'json_object') return true
  const param = 'response_format'
  const described = format.type === 'json_schema' ? objectIn(format, 'json_schema', `${param}.json_schema`) : undefined
  if (!described) throw invalid('`response_format.type` must be text, json_object or json_schema, with `json_schema`.', param)
  return replySchemaOf(described, `${param}.json_schema`)
}

function samplingOf (body: Fields): Sampling | undefined {
  const found: { [name in keyof Sampling]: Sampling[name] | undefined } = {
    temperature: numberIn(body, 'temperature', 0, 2),
    topP: numberIn(body, 'top_p', 0, 1),
    stop: stopOf(body),
    presencePenalty: numberIn(body, 'presence_penalty', -2, 2),
    frequencyPenalty: numberIn(body, 'frequency_penalty', -2, 2),
    seed: integerIn(body, 'seed', Number.MIN_SAFE_INTEGER),
    json: formatOf(body),
    oneCallAtATime: flagIn(body, 'parallel_tool_calls') === false ? true : undefined
  }
  const entries = Object.entries(found).filter(([, value]) => value !== undefined)
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

function toolOf (tool: unknown, index: number): ToolSpec {
  const param = `tools[${index}]`
  if (!isFields(tool) || tool.type !== 'function' || !isFields(tool.function)) {
    throw invalid(`\`${param}\` must be {"type": "function", "function": {"name": …}}: other kinds are the agent's own business.`, param)
  }
  return functionOf(tool.function, `${param}.function`)
}

const choiceForm = '{"type": "function", "function": {"name": …}}'
const nameInChoice = ({ function: chosen }: Fields): unknown => isFields(chosen) ? chosen.name : undefined

export function runOptionsOf (body: Fields): RunOptions {
  refuseOthers(body)
  const sampling = samplingOf(body)
  const limit = integerIn(body, 'max_completion_tokens', 1) ?? integerIn(body, 'max_tokens', 1)
  const thinking = effortOf(textIn(body, 'reasoning_effort'), 'reasoning_effort')
  const tools = (listIn(body, 'tools', maxTools) ?? []).map(toolOf)
  refuseTwins(tools)
  const toolChoice = choiceOf(body, tools, choiceForm, nameInChoice)
  return {
    ...(sampling ? { sampling } : {}),
    ...(limit === undefined ? {} : { maxOutputTokens: limit }),
    ...(thinking === undefined ? {} : { thinking }),
    ...(tools.length > 0 ? { clientTools: tools } : {}),
    ...(toolChoice === undefined ? {} : { toolChoice })
  }
}

export interface Sending {
  readonly isStream: boolean
  readonly withUsage: boolean
}

export function sendingOf (body: Fields): Sending {
  return {
    isStream: flagIn(body, 'stream') === true,
    withUsage: objectIn(body, 'stream_options')?.include_usage === true
  }
}
