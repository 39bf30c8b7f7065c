/** The messages of a chat request as messages of a conversation. */
import type { AssistantMessage, ImagePart, Message, TextPart, ToolCallPart, ToolResultMessage, UserMessage } from '../../../protocol/transcript.ts'
import { invalid } from '../errors.ts'
import { isFields, type Fields } from '../fields.ts'
import type { ImageReader } from '../images.ts'

export interface Heard {
  /** Of system and developer messages, wherever they stand. */
  readonly system: string
  readonly messages: readonly Message[]
}

const maxMessages = 10_000
const maxNameChars = 128

type Part = TextPart | ImagePart
interface WantedImage { readonly url: unknown, readonly param: string, readonly put: (image: ImagePart) => void }

const noUsage: AssistantMessage['usage'] = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 }

/** A text, or a list of parts that are all texts. */
function wordsOf (content: unknown, param: string): string {
  if (content === undefined || content === null) return ''
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) throw invalid(`\`${param}\` must be a string or a list of parts.`, param)
  return content.map((part: unknown, index) => {
    if (isFields(part) && part.type === 'text' && typeof part.text === 'string') return part.text
    if (isFields(part) && part.type === 'refusal' && typeof part.refusal === 'string') return part.refusal
    throw invalid(`\`${param}[${index}]\` must be a text.`, param)
  }).join('\n')
}

/** Some agents of clients write arguments that are no JSON; the model made them, so they are told back as they are. */
export function argumentsOf (text: unknown, param: string): ToolCallPart['arguments'] {
  if (typeof text !== 'string') throw invalid(`\`${param}\` must be a string of JSON.`, param)
  try {
    const parsed: unknown = JSON.parse(text === '' ? '{}' : text)
    return isFields(parsed) ? parsed : { value: parsed }
  } catch {
    return { value: text }
  }
}

function callOf (call: unknown, param: string): ToolCallPart {
  if (!isFields(call) || !isFields(call.function) || typeof call.id !== 'string' || call.id === '' || typeof call.function.name !== 'string') {
    throw invalid(`\`${param}\` must be {"id": …, "type": "function", "function": {"name": …, "arguments": …}}.`, param)
  }
  const { name } = call.function
  if (call.id.length > maxNameChars || name.length > maxNameChars) throw invalid(`\`${param}\` has an id or a name that is too long.`, param)
  return { type: 'toolCall', id: call.id, name, arguments: argumentsOf(call.function.arguments, `${param}.function.arguments`) }
}

class Reader {
  readonly system: string[] = []
  readonly messages: Message[] = []
  readonly images: WantedImage[] = []
  private readonly now: number
  /** Calls that were made and not answered yet, by id. */
  private readonly open = new Map<string, string>()

  constructor (now: number) {
    this.now = now
  }

  read (message: unknown, param: string): void {
    if (!isFields(message)) throw invalid(`\`${param}\` must be an object.`, param)
    const { role } = message
    if (role === 'user') this.messages.push(this.user(message, param))
    else if (role === 'assistant') this.messages.push(this.assistant(message, param))
    else if (role === 'tool') this.messages.push(this.result(message, param))
    else if (role === 'system' || role === 'developer') this.instruct(wordsOf(message.content, `${param}.content`))
    else throw invalid(`\`${param}.role\` must be system, developer, user, assistant or tool.`, `${param}.role`)
  }

  private instruct (text: string): void {
    if (text.trim() !== '') this.system.push(text)
  }

  private user ({ content }: Fields, param: string): UserMessage {
    return { role: 'user', content: typeof content === 'string' ? content : this.parts(content, `${param}.content`), timestamp: this.now }
  }

  private parts (content: unknown, param: string): Part[] {
    if (!Array.isArray(content)) throw invalid(`\`${param}\` must be a string or a list of parts.`, param)
    const parts: Part[] = []
    for (const [index, part] of content.entries()) {
      const place = `${param}[${index}]`
      if (isFields(part) && part.type === 'text' && typeof part.text === 'string') parts.push({ type: 'text', text: part.text })
      else if (isFields(part) && part.type === 'image_url') {
        const url = isFields(part.image_url) ? part.image_url.url : part.image_url
        const at = parts.length
        parts.push({ type: 'text', text: '' })
        this.images.push({ url, param: place, put: image => { parts[at] = image } })
      } else throw invalid(`\`${place}\` must be a text or an image_url; other kinds are not taken here.`, place)
    }
    return parts
  }

  private assistant ({ content, tool_calls: calls }: Fields, param: string): AssistantMessage {
    if (calls != null && !Array.isArray(calls)) throw invalid(`\`${param}.tool_calls\` must be a list.`, param)
    const text = wordsOf(content, `${param}.content`)
    const parts = ((calls ?? []) as unknown[]).map((call, index) => callOf(call, `${param}.tool_calls[${index}]`))
    this.open.clear()
    for (const { id, name } of parts) this.open.set(id, name)
    return {
      role: 'assistant',
      content: [...text === '' ? [] : [{ type: 'text' as const, text }], ...parts],
      api: 'none',
      provider: 'openclaw',
      model: 'none',
      usage: noUsage,
      stopReason: parts.length > 0 ? 'toolUse' : 'stop',
      timestamp: this.now
    }
  }

  private result ({ content, tool_call_id: id }: Fields, param: string): ToolResultMessage {
    const toolName = typeof id === 'string' ? this.open.get(id) : undefined
    if (typeof id !== 'string' || toolName === undefined) {
      const place = `${param}.tool_call_id`
      throw invalid(`\`${place}\` must be the id of a call in the assistant message before it, and answer it once.`, place)
    }
    this.open.delete(id)
    return {
      role: 'toolResult',
      toolCallId: id,
      toolName,
      content: [{ type: 'text', text: wordsOf(content, `${param}.content`) }],
      isError: false,
      timestamp: this.now
    }
  }
}

/** Pictures are looked up at the end, and only when all the rest is right. */
export async function readMessages (messages: unknown, now: number, images: () => ImageReader): Promise<Heard> {
  const given = Array.isArray(messages) ? messages as unknown[] : []
  if (given.length > maxMessages) throw invalid(`\`messages\` must not have more than ${maxMessages} entries.`, 'messages')
  const reader = new Reader(now)
  for (const [index, message] of given.entries()) reader.read(message, `messages[${index}]`)
  if (!reader.messages.some(({ role }) => role === 'user')) throw invalid('Missing user message in `messages`.', 'messages')
  if (reader.images.length > 0) {
    const source = images()
    for (const { url, param, put } of reader.images) put(await source.read(url, param))
  }
  return { system: reader.system.join('\n\n'), messages: reader.messages }
}
