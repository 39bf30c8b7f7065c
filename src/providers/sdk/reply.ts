/** One answer of the library's stream, told as it comes and kept as our transcript has it. */
import type { LanguageModelV4FinishReason, LanguageModelV4StreamPart, LanguageModelV4ToolCall, LanguageModelV4Usage } from '@ai-sdk/provider'
import { objectIn } from '../../lib/json-object.ts'
import type { TextPart, ThinkingPart, ToolCallPart, Usage } from '../../protocol/transcript.ts'
import { ProviderError, type StepEvent, type StepResult } from '../model.ts'

/** What one vendor says beside a part of its answer. */
export interface Metadata { readonly [name: string]: unknown }

/** How one vendor signs. `thoughtId`: pieces with the same one are one thought. */
export interface SignatureReader {
  readonly thinking: (metadata: Metadata) => Pick<ThinkingPart, 'signature' | 'redacted'>
  readonly thoughtId?: (metadata: Metadata) => string | undefined
  readonly call?: (metadata: Metadata) => Pick<ToolCallPart, 'thoughtSignature'>
}

interface Block {
  readonly type: 'text' | 'thinking'
  text: string
  metadata: Metadata
}

type Part = Block | ToolCallPart

/** The parts in the order in which they began; a stream may speak on in an earlier one. */
function createBlocks (read: SignatureReader, say: (event: StepEvent) => void) {
  const parts: Part[] = []
  const open = new Map<string, Block>()
  const add = (block: Block | undefined, delta: string, metadata: Metadata): void => {
    if (!block) return
    block.metadata = { ...block.metadata, ...metadata }
    if (delta === '') return
    block.text += delta
    say({ type: block.type, delta })
  }
  return {
    parts,
    start (type: Block['type'], id: string, metadata: Metadata): void {
      const last = parts.at(-1)
      const thoughtId = type === 'thinking' ? read.thoughtId?.(metadata) : undefined
      const continues = thoughtId !== undefined && last?.type === 'thinking' && read.thoughtId?.(last.metadata) === thoughtId
      const block: Block = continues ? last : { type, text: '', metadata }
      if (!continues) parts.push(block)
      else if (block.text !== '') add(block, '\n\n', {})
      open.set(`${type} ${id}`, block)
    },
    add: (type: Block['type'], id: string, delta: string, metadata: Metadata): void => add(open.get(`${type} ${id}`), delta, metadata),
    call (made: ToolCallPart): void {
      parts.push(made)
      say({ type: 'tool-call', call: made })
    }
  }
}

/** Collects the answer. Whether something was told can be asked when the stream fails. */
export function createReply (read: SignatureReader, tell: (event: StepEvent) => void) {
  let told = false
  const blocks = createBlocks(read, event => {
    told = true
    tell(event)
  })
  let response: { readonly id?: string | undefined, readonly modelId?: string | undefined } = {}
  let end: { finishReason: LanguageModelV4FinishReason, usage: LanguageModelV4Usage } | undefined
  let brokenCall: string | undefined
  const call = (part: LanguageModelV4ToolCall): void => {
    const made = callOf(part, read)
    if (made) blocks.call(made)
    else brokenCall ??= part.toolName
  }
  return {
    hasTold: () => told,
    take (part: LanguageModelV4StreamPart): void {
      if (part.type === 'text-start') blocks.start('text', part.id, {})
      else if (part.type === 'text-delta') blocks.add('text', part.id, part.delta, {})
      else if (part.type === 'reasoning-start') blocks.start('thinking', part.id, metadataOf(part))
      else if (part.type === 'reasoning-delta') blocks.add('thinking', part.id, part.delta, metadataOf(part))
      else if (part.type === 'reasoning-end') blocks.add('thinking', part.id, '', metadataOf(part))
      else if (part.type === 'tool-call' && !part.providerExecuted) call(part)
      else if (part.type === 'response-metadata') response = { id: part.id ?? response.id, modelId: part.modelId ?? response.modelId }
      else if (part.type === 'finish') end = part
      else if (part.type === 'error') throw part.error
    },
    result (): StepResult {
      if (!end || end.finishReason.unified === 'interrupted') throw new ProviderError('network', 'The provider broke off its answer.')
      const content = blocks.parts.map(part => part.type === 'toolCall' ? part : finished(part, read)).filter(part => !isEmpty(part))
      return {
        content,
        stopReason: stopReasonOf(end.finishReason, content.some(part => part.type === 'toolCall'), brokenCall),
        usage: usageOf(end.usage),
        ...(response.id ? { responseId: response.id } : {}),
        ...(response.modelId ? { responseModel: response.modelId } : {})
      }
    }
  }
}

/** One vendor answers, so there is one entry. */
const metadataOf = (part: { providerMetadata?: { readonly [vendor: string]: unknown } | undefined }): Metadata => {
  const values = Object.values(part.providerMetadata ?? {})[0] as Metadata | undefined
  return values ? Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null)) : {}
}

const finished = ({ type, text, metadata }: Block, read: SignatureReader): TextPart | ThinkingPart =>
  type === 'text' ? { type, text } : { type, thinking: text, ...read.thinking(metadata) }

const isEmpty = (part: TextPart | ThinkingPart | ToolCallPart): boolean =>
  (part.type === 'text' && part.text === '') || (part.type === 'thinking' && part.thinking === '' && part.signature === undefined)

function callOf (part: LanguageModelV4ToolCall, read: SignatureReader): ToolCallPart | undefined {
  const args = argumentsOf(part.input)
  return args && { type: 'toolCall', id: part.toolCallId, name: part.toolName, arguments: args, ...read.call?.(metadataOf(part)) }
}

const argumentsOf = (input: string): ToolCallPart['arguments'] | undefined =>
  input.trim() === '' ? {} : objectIn(input) as ToolCallPart['arguments'] | undefined

function stopReasonOf ({ unified, raw }: LanguageModelV4FinishReason, calls: boolean, brokenCall: string | undefined): StepResult['stopReason'] {
  if (unified === 'length') return 'length'
  if (unified === 'content-filter') throw new ProviderError('refusal', `The provider withheld the answer (${raw ?? 'content filter'}).`)
  if (unified === 'error') throw new ProviderError('server_error', `The provider gave up on the answer (${raw ?? 'error'}).`)
  // Cut off by the limit it would be half a call; here the model wrote it to its end.
  if (brokenCall !== undefined) throw new ProviderError('server_error', `The model called ${brokenCall} with arguments that are no JSON object.`)
  return calls ? 'toolUse' : 'stop'
}

function usageOf ({ inputTokens, outputTokens }: LanguageModelV4Usage): Usage {
  const cacheRead = inputTokens.cacheRead ?? 0
  const cacheWrite = inputTokens.cacheWrite ?? 0
  const input = inputTokens.noCache ?? Math.max(0, (inputTokens.total ?? 0) - cacheRead - cacheWrite)
  const output = outputTokens.total ?? 0
  return { input, output, cacheRead, cacheWrite, totalTokens: input + output + cacheRead + cacheWrite }
}
