/** A conversation in the words of chat completions. */
import { createHash } from 'node:crypto'
import type { AssistantMessage, ImagePart, Message, TextPart, ToolResultMessage, UserMessage } from '../../protocol/transcript.ts'
import type { ModelInfo } from '../model.ts'

export interface WireMessage { readonly role: string, readonly [field: string]: unknown }

export interface Dialect {
  readonly seesImages: boolean
  readonly developerRole: boolean
  readonly stringContent: boolean
  readonly toolResultName: boolean
  readonly reasoningContent: boolean
  /** The server takes only ids of this form; others are made anew. */
  readonly shortToolIds: boolean
}

export function dialectOf ({ provider, input, compat = {} }: ModelInfo, baseUrl: string): Dialect {
  return {
    seesImages: input.includes('image'),
    developerRole: compat.supportsDeveloperRole === true,
    stringContent: compat.requiresStringContent === true,
    toolResultName: compat.requiresToolResultName === true,
    reasoningContent: compat.requiresReasoningContentOnAssistantMessages === true,
    shortToolIds: provider === 'mistral' || URL.parse(baseUrl)?.hostname === 'api.mistral.ai'
  }
}

export function wireMessages (system: string, messages: readonly Message[], dialect: Dialect): WireMessage[] {
  const wire: WireMessage[] = system === '' ? [] : [{ role: dialect.developerRole ? 'developer' : 'system', content: system }]
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at]!
    if (message.role === 'user') wire.push({ role: 'user', content: userContent(message, dialect) })
    else if (message.role === 'assistant') {
      const results: ToolResultMessage[] = []
      for (let next = messages[at + 1]; next?.role === 'toolResult'; next = messages[at + 1]) {
        results.push(next)
        at += 1
      }
      wire.push(...turn(message, results, dialect))
    }
    // Results without the message that asked for them are refused everywhere, and say nothing.
  }
  return wire
}

/** What the assistant said and called, with one answer for each call: a server refuses a call that stays open. */
function turn (message: AssistantMessage, results: readonly ToolResultMessage[], dialect: Dialect): WireMessage[] {
  const text = message.content.map(part => part.type === 'text' ? part.text : '').join('')
  const thinking = dialect.reasoningContent ? message.content.map(part => part.type === 'thinking' ? part.thinking : '').join('') : ''
  const calls = message.content.filter(part => part.type === 'toolCall')
  if (text === '' && calls.length === 0) return []
  const said: WireMessage = {
    role: 'assistant',
    content: text === '' && !dialect.stringContent ? null : text,
    ...(thinking === '' ? {} : { reasoning_content: thinking }),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map(({ id, name, arguments: given }) =>
            ({ id: toolId(id, dialect), type: 'function', function: { name, arguments: JSON.stringify(given) } }))
        })
  }
  const answers = calls.map(({ id, name }): WireMessage => {
    const result = results.find(({ toolCallId }) => toolCallId === id)
    return {
      role: 'tool',
      tool_call_id: toolId(id, dialect),
      ...(dialect.toolResultName ? { name } : {}),
      content: result ? resultText(result) : 'No result: the call was interrupted.'
    }
  })
  const images = results.flatMap(({ content }) => content.filter(part => part.type === 'image'))
  return images.length === 0 ? [said, ...answers] : [said, ...answers, shownImages(images, dialect)]
}

function resultText ({ content, isError }: ToolResultMessage): string {
  const text = content.map(part => part.type === 'text' ? part.text : '').join('')
  if (text !== '') return isError && !/error|fail/i.test(text.slice(0, 200)) ? `Error: ${text}` : text
  return content.length > 0 ? 'See the image below.' : isError ? 'Error without a description.' : 'Done, no output.'
}

/** A tool message has only text, so its images follow as if the user showed them. */
const shownImages = (images: readonly ImagePart[], dialect: Dialect): WireMessage => ({
  role: 'user',
  content: contentOf([{ type: 'text', text: 'Images from the tool results above:' }, ...images], dialect)
})

const userContent = ({ content }: UserMessage, dialect: Dialect): unknown => typeof content === 'string' ? content : contentOf(content, dialect)

function contentOf (parts: ReadonlyArray<TextPart | ImagePart>, { seesImages, stringContent }: Dialect): unknown {
  const asText = (part: TextPart | ImagePart): string =>
    part.type === 'text' ? part.text : '[An image was left out: this model reads text only.]'
  if (stringContent || !seesImages || parts.every(part => part.type === 'text')) return parts.map(asText).join('\n')
  return parts.map(part => part.type === 'text'
    ? { type: 'text', text: part.text }
    : { type: 'image_url', image_url: { url: `data:${part.mimeType};base64,${part.data}` } })
}

const longestToolId = 40

/** Ids that another provider made may be too long or of another form; the same id always becomes the same. */
function toolId (id: string, { shortToolIds }: Dialect): string {
  if (shortToolIds ? /^[A-Za-z0-9]{9}$/.test(id) : id.length <= longestToolId) return id
  const hash = createHash('sha256').update(id).digest('hex')
  return shortToolIds ? hash.slice(0, 9) : `call_${hash.slice(0, 24)}`
}
