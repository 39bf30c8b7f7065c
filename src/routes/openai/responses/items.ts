/** What a program sends as `input`, as messages of a conversation. */
import { noUsage } from '../../../agent/turn.ts'
import type { AssistantMessage, ImagePart, Message, TextPart } from '../../../protocol/transcript.ts'
import { argumentsOf } from '../chat/messages.ts'
import { invalid } from '../errors.ts'
import { isFields, type Fields } from '../fields.ts'

/** What has to be looked up elsewhere; `place` is the path of the part in the request, for refusals. */
export interface ItemSources {
  readonly now: () => number
  image (part: Fields, place: string): Promise<ImagePart>
  file (part: Fields, place: string): Promise<TextPart>
  /** An item that this gateway answered earlier, in the shape in which it answered it. */
  item (id: string, place: string): Promise<object>
}

export interface Heard {
  /** Of system and developer messages. */
  readonly system: string
  readonly messages: readonly Message[]
}

const maxItems = 10_000
const maxName = 128

function textOf (value: unknown, place: string, maxLength = Infinity): string {
  if (typeof value !== 'string') throw invalid(`${place} must be a string`, place)
  if (value.length > maxLength) throw invalid(`${place} must not be longer than ${maxLength} characters`, place)
  return value
}

const shownType = ({ type }: Fields): string => JSON.stringify(type)?.slice(0, 64) ?? 'that is missing'

type Part = TextPart | ImagePart

async function partOf (part: unknown, place: string, sources: ItemSources): Promise<Part> {
  if (!isFields(part)) throw invalid(`${place} must be an object`, place)
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text': return { type: 'text', text: textOf(part.text, `${place}.text`) }
    case 'refusal': return { type: 'text', text: textOf(part.refusal, `${place}.refusal`) }
    case 'input_image': return await sources.image(part, place)
    case 'input_file': return await sources.file(part, place)
  }
  throw invalid(`${place}.type ${shownType(part)} is not understood here; send input_text, input_image or input_file`, `${place}.type`)
}

async function partsOf (content: unknown, place: string, sources: ItemSources): Promise<Part[]> {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  if (!Array.isArray(content)) throw invalid(`${place} must be a string or a list of parts`, place)
  const parts: Part[] = []
  for (const [index, part] of content.entries()) parts.push(await partOf(part, `${place}[${index}]`, sources))
  return parts
}

function textsOf (parts: readonly Part[], place: string): TextPart[] {
  if (parts.some(({ type }) => type !== 'text')) throw invalid(`${place} takes texts only`, place)
  return parts.filter(part => part.type === 'text')
}

const joined = (parts: readonly TextPart[]): string => parts.map(({ text }) => text).join('\n')

/** Goes through the items one after the other and keeps what they make. */
class Reader {
  readonly system: string[] = []
  readonly messages: Message[] = []
  private readonly names = new Map<string, string>()
  private readonly sources: ItemSources

  constructor (sources: ItemSources) {
    this.sources = sources
  }

  async read (item: unknown, place: string): Promise<void> {
    if (!isFields(item)) throw invalid(`${place} must be an object`, place)
    switch (item.type ?? (item.role === undefined ? undefined : 'message')) {
      case 'message': return await this.message(item, place)
      case 'function_call': return this.call(item, place)
      case 'function_call_output': return await this.result(item, place)
      // What a model thought is for the model that thought it.
      case 'reasoning': return
      case 'item_reference': return await this.read(await this.sources.item(textOf(item.id, `${place}.id`, 512), place), place)
    }
    const kinds = 'message, function_call, function_call_output, reasoning or item_reference'
    throw invalid(`${place}.type ${shownType(item)} is not understood here; send ${kinds}`, `${place}.type`)
  }

  private async message ({ role, content }: Fields, place: string): Promise<void> {
    const parts = await partsOf(content, `${place}.content`, this.sources)
    switch (role) {
      case 'system':
      case 'developer':
        this.system.push(joined(textsOf(parts, `${place}.content`)))
        return
      case 'assistant': return this.said(textsOf(parts, `${place}.content`), 'stop')
      case 'user': {
        const isPlain = parts.length === 1 && parts[0]!.type === 'text'
        this.messages.push({ role, content: isPlain ? (parts[0] as TextPart).text : parts, timestamp: this.sources.now() })
        return
      }
    }
    throw invalid(`${place}.role must be user, assistant, system or developer`, `${place}.role`)
  }

  /** What a model answered in one go comes as several items and is one message. */
  private said (content: AssistantMessage['content'], stopReason: AssistantMessage['stopReason']): void {
    const last = this.messages.at(-1)
    if (last?.role === 'assistant') {
      this.messages[this.messages.length - 1] = { ...last, content: [...last.content, ...content], stopReason }
      return
    }
    this.messages.push({
      role: 'assistant', content, api: 'none', provider: 'openclaw', model: 'none', usage: noUsage, stopReason, timestamp: this.sources.now()
    })
  }

  private call (item: Fields, place: string): void {
    const id = textOf(item.call_id, `${place}.call_id`, maxName)
    const name = textOf(item.name, `${place}.name`, maxName)
    this.names.set(id, name)
    this.said([{ type: 'toolCall', id, name, arguments: argumentsOf(item.arguments, `${place}.arguments`) }], 'toolUse')
  }

  private async result (item: Fields, place: string): Promise<void> {
    const toolCallId = textOf(item.call_id, `${place}.call_id`, maxName)
    this.messages.push({
      role: 'toolResult',
      toolCallId,
      toolName: this.names.get(toolCallId) ?? '',
      content: await partsOf(item.output, `${place}.output`, this.sources),
      isError: false,
      timestamp: this.sources.now()
    })
  }
}

export async function readInput (input: unknown, sources: ItemSources): Promise<Heard> {
  if (typeof input === 'string') return { system: '', messages: [{ role: 'user', content: input, timestamp: sources.now() }] }
  if (!Array.isArray(input)) throw invalid('input must be a string or a list of items', 'input')
  if (input.length > maxItems) throw invalid(`input must not have more than ${maxItems} items`, 'input')
  const reader = new Reader(sources)
  for (const [index, item] of input.entries()) await reader.read(item, `input[${index}]`)
  return { system: reader.system.filter(text => text !== '').join('\n\n'), messages: reader.messages }
}
