/** What a request for a response says beside its input. */
import type { RunRequest } from '../../../agent/room.ts'
import type { Sampling, ToolSpec } from '../../../providers/model.ts'
import { invalid } from '../errors.ts'
import { flagIn, integerIn, isFields, listIn, numberIn, objectIn, textIn, type Fields } from '../fields.ts'
import { choiceOf, effortOf, functionOf, refuseTwins, replySchemaOf } from '../functions.ts'
import type { Echo } from './shapes.ts'

export type RunOptions = Pick<RunRequest, 'sampling' | 'maxOutputTokens' | 'thinking' | 'clientTools' | 'toolChoice'>

export interface Asked {
  readonly options: RunOptions
  readonly echo: Echo
  readonly isStream: boolean
  readonly isBackground: boolean
  readonly isStored: boolean
  readonly previous: string | undefined
  readonly instructions: string | undefined
  /** What the model thinks is part of the answer. */
  readonly thoughts: boolean
}

const maxTools = 128
const maxMetadata = 16
const maxUserChars = 512
const summaries: ReadonlySet<string> = new Set(['auto', 'concise', 'detailed'])

/** What changes the answer and is not done here is refused; the rest of what OpenAI knows is taken and changes nothing. */
function refuseOthers (body: Fields): void {
  if (body.conversation != null) throw invalid('`conversation` is not taken; send `previous_response_id`, or a `user`, who has a conversation of its own.', 'conversation')
  if (body.prompt != null) throw invalid('`prompt` is not taken: prompts are not kept here; send `instructions` and `input`.', 'prompt')
  if (body.top_logprobs) throw invalid('`top_logprobs` are not given.', 'top_logprobs')
}

function formatOf (body: Fields): Sampling['json'] {
  const text = objectIn(body, 'text')
  const format = text && objectIn(text, 'format', 'text.format')
  if (format === undefined || format.type === 'text') return undefined
  if (format.type === 'json_object') return true
  if (format.type === 'json_schema') return replySchemaOf(format, 'text.format')
  throw invalid('`text.format.type` must be text, json_object or json_schema.', 'text.format')
}

function toolOf (tool: unknown, index: number): ToolSpec {
  const param = `tools[${index}]`
  if (isFields(tool) && tool.type === 'function') return functionOf(tool, param)
  throw invalid(`\`${param}\` must be {"type": "function", "name": …}: other kinds are the agent's own business.`, param)
}

function metadataOf (body: Fields): Echo['metadata'] {
  const metadata = objectIn(body, 'metadata') ?? {}
  const entries = Object.entries(metadata)
  const isFine = entries.length <= maxMetadata && entries.every(([name, value]) => name.length <= 64 && typeof value === 'string' && value.length <= 512)
  if (isFine) return metadata as Echo['metadata']
  throw invalid(`\`metadata\` takes at most ${maxMetadata} strings of at most 512 characters, with names of at most 64.`, 'metadata')
}

function samplingOf (body: Fields): Sampling | undefined {
  const found: { [name in keyof Sampling]: Sampling[name] | undefined } = {
    temperature: numberIn(body, 'temperature', 0, 2),
    topP: numberIn(body, 'top_p', 0, 1),
    json: formatOf(body),
    oneCallAtATime: flagIn(body, 'parallel_tool_calls') === false ? true : undefined
  }
  const entries = Object.entries(found).filter(([, value]) => value !== undefined)
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

function optionsOf (body: Fields): RunOptions {
  const sampling = samplingOf(body)
  const maxOutputTokens = integerIn(body, 'max_output_tokens', 1)
  const reasoning = objectIn(body, 'reasoning') ?? {}
  const thinking = effortOf(textIn(reasoning, 'effort', 'reasoning.effort'), 'reasoning.effort')
  const tools = (listIn(body, 'tools', maxTools) ?? []).map(toolOf)
  refuseTwins(tools)
  const toolChoice = choiceOf(body, tools, '{"type": "function", "name": …}', ({ name }) => name)
  return {
    ...(sampling ? { sampling } : {}),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(thinking === undefined ? {} : { thinking }),
    ...(tools.length > 0 ? { clientTools: tools } : {}),
    ...(toolChoice === undefined ? {} : { toolChoice })
  }
}

function summaryOf (body: Fields): string | undefined {
  const reasoning = objectIn(body, 'reasoning') ?? {}
  const summary = textIn(reasoning, 'summary', 'reasoning.summary') ?? textIn(reasoning, 'generate_summary', 'reasoning.generate_summary')
  if (summary === undefined || summaries.has(summary)) return summary
  throw invalid(`\`reasoning.summary\` must be ${[...summaries].join(', ')}.`, 'reasoning.summary')
}

function echoOf (body: Fields, options: RunOptions, flags: Pick<Echo, 'background' | 'store'>): Echo {
  const { sampling = {}, maxOutputTokens, clientTools = [], toolChoice = 'auto' } = options
  const reasoning = objectIn(body, 'reasoning')
  const user = textIn(body, 'user')?.slice(0, maxUserChars)
  return {
    ...flags,
    model: String(body.model),
    instructions: textIn(body, 'instructions') ?? null,
    previous_response_id: textIn(body, 'previous_response_id') ?? null,
    metadata: metadataOf(body),
    max_output_tokens: maxOutputTokens ?? null,
    temperature: sampling.temperature ?? null,
    top_p: sampling.topP ?? null,
    parallel_tool_calls: sampling.oneCallAtATime !== true,
    tool_choice: typeof toolChoice === 'object' ? { type: 'function', ...toolChoice } : toolChoice,
    tools: clientTools.map(({ strict = null, ...tool }) => ({ type: 'function', ...tool, strict })),
    text: { format: objectIn(body, 'text')?.format ?? { type: 'text' } },
    reasoning: reasoning ? { effort: reasoning.effort ?? null, summary: summaryOf(body) ?? null } : null,
    truncation: body.truncation === 'auto' ? 'auto' : 'disabled',
    ...(user === undefined ? {} : { user })
  }
}

export function readAsked (body: Fields): Asked {
  refuseOthers(body)
  const isBackground = flagIn(body, 'background') === true
  const isStored = flagIn(body, 'store') !== false
  if (isBackground && !isStored) throw invalid('`background` needs `store`: the answer is fetched later.', 'background')
  const options = optionsOf(body)
  const echo = echoOf(body, options, { background: isBackground, store: isStored })
  return {
    options,
    echo,
    isStream: flagIn(body, 'stream') === true,
    isBackground,
    isStored,
    previous: echo.previous_response_id || undefined,
    instructions: echo.instructions || undefined,
    thoughts: options.thinking !== 'off' && summaryOf(body) !== undefined
  }
}
