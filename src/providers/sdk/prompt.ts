/** Our transcript as the library's prompt. What a model signed goes back to that model and to no other. */
import type {
  LanguageModelV4FilePart, LanguageModelV4Message, LanguageModelV4ReasoningPart, LanguageModelV4TextPart, LanguageModelV4ToolCallPart,
  LanguageModelV4ToolResultPart, SharedV4ProviderOptions
} from '@ai-sdk/provider'
import type { AssistantMessage, ImagePart, Message, TextPart, ThinkingPart, ToolCallPart, ToolResultMessage } from '../../protocol/transcript.ts'
import type { ModelInfo, StepRequest } from '../model.ts'

/** How one vendor takes back what it signed. */
export interface Signatures {
  readonly thinking: (part: ThinkingPart) => SharedV4ProviderOptions | undefined
  readonly call?: (part: ToolCallPart) => SharedV4ProviderOptions | undefined
}

type AssistantPart = LanguageModelV4TextPart | LanguageModelV4ReasoningPart | LanguageModelV4ToolCallPart

/** All three take these; ids that another vendor gave may hold more. */
const callId = (id: string): string => id.replace(/[^\w-]/g, '_').slice(0, 64)

export function promptOf (model: ModelInfo, request: StepRequest, signatures: Signatures): LanguageModelV4Message[] {
  const system = [request.system, ...(request.json === true ? ['Reply with one JSON value and nothing else.'] : [])].filter(text => text !== '')
  return [
    ...system.length > 0 ? [{ role: 'system' as const, content: system.join('\n\n') }] : [],
    ...conversation(model, request.messages, signatures)
  ]
}

function conversation (model: ModelInfo, messages: readonly Message[], signatures: Signatures): LanguageModelV4Message[] {
  const prompt: LanguageModelV4Message[] = []
  /** Calls that still wait for their results; every vendor refuses a conversation that goes on without them. */
  const open = new Map<string, ToolCallPart>()
  const settle = (): void => {
    if (open.size > 0) addResults(prompt, [...open.values()].map(unansweredResult))
    open.clear()
  }
  for (const message of messages) {
    if (message.role === 'toolResult') {
      if (open.delete(message.toolCallId)) addResults(prompt, [resultPart(model, message)])
      continue
    }
    settle()
    if (message.role === 'user') {
      const content = userParts(model, message.content)
      if (content.length > 0) prompt.push({ role: 'user', content })
      continue
    }
    const content = assistantParts(model, message, signatures)
    if (content.length > 0) prompt.push({ role: 'assistant', content })
    for (const part of message.content) if (part.type === 'toolCall') open.set(part.id, part)
  }
  settle()
  return prompt
}

function addResults (prompt: LanguageModelV4Message[], results: LanguageModelV4ToolResultPart[]): void {
  const last = prompt.at(-1)
  if (last?.role === 'tool') last.content.push(...results)
  else prompt.push({ role: 'tool', content: results })
}

type UserPart = LanguageModelV4TextPart | LanguageModelV4FilePart

function userParts (model: ModelInfo, content: string | ReadonlyArray<TextPart | ImagePart>): UserPart[] {
  const parts = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content
  return parts.filter(part => part.type !== 'text' || part.text !== '').map(part => textOrImage(model, part))
}

const textOrImage = (model: ModelInfo, part: TextPart | ImagePart): UserPart => {
  if (part.type === 'text') return { type: 'text', text: part.text }
  return model.input.includes('image')
    ? { type: 'file', mediaType: part.mimeType, data: { type: 'data', data: part.data } }
    : { type: 'text', text: unseenImage }
}

const unseenImage = '(There is an image here. This model reads text only.)'

function assistantParts (model: ModelInfo, message: AssistantMessage, signatures: Signatures): AssistantPart[] {
  const own = message.api === model.api && message.provider === model.provider && message.model === model.id
  return message.content.flatMap((part): AssistantPart[] => {
    if (part.type === 'text') return part.text === '' ? [] : [{ type: 'text', text: part.text }]
    if (part.type === 'thinking') {
      const providerOptions = own ? signatures.thinking(part) : undefined
      return providerOptions ? [{ type: 'reasoning', text: part.thinking, providerOptions }] : []
    }
    const providerOptions = own ? signatures.call?.(part) : undefined
    return [{
      type: 'tool-call',
      toolCallId: callId(part.id),
      toolName: part.name,
      input: part.arguments,
      ...(providerOptions ? { providerOptions } : {})
    }]
  })
}

function resultPart (model: ModelInfo, { toolCallId, toolName, content, isError }: ToolResultMessage): LanguageModelV4ToolResultPart {
  const id = { type: 'tool-result' as const, toolCallId: callId(toolCallId), toolName }
  const images = model.input.includes('image') && content.some(part => part.type === 'image')
  if (images && !isError) return { ...id, output: { type: 'content', value: content.map(part => textOrImage(model, part)) } }
  const value = content.map(part => part.type === 'text' ? part.text : unseenImage).join('\n')
  return { ...id, output: { type: isError ? 'error-text' : 'text', value } }
}

const unansweredResult = ({ id, name }: ToolCallPart): LanguageModelV4ToolResultPart => ({
  type: 'tool-result',
  toolCallId: callId(id),
  toolName: name,
  output: { type: 'error-text', value: 'No result: the run ended before this tool did.' }
})
