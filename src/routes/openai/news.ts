/** What of the messages that a program sends is new to a conversation that the gateway keeps. */
import type { RunRequest } from '../../agent/room.ts'
import { openCalls, storedMessages } from '../../agent/turn.ts'
import type { ImagePart, Message, ToolResultMessage } from '../../protocol/transcript.ts'
import type { Sessions } from '../../sessions/room.ts'
import { invalid } from './errors.ts'

export type News = Pick<RunRequest, 'message' | 'history' | 'images'> & { readonly toolResults: readonly ToolResultMessage[] }

/** What follows the last reply. */
export function newsOf (messages: readonly Message[]): News {
  const begin = messages.findLastIndex(({ role }) => role === 'assistant') + 1
  const texts: string[] = []
  const images: ImagePart[] = []
  const toolResults: ToolResultMessage[] = []
  for (const message of messages.slice(begin)) {
    if (message.role === 'toolResult') toolResults.push(message)
    else if (typeof message.content === 'string') texts.push(message.content)
    else for (const part of message.content) if (part.type === 'text') texts.push(part.text); else if (part.type === 'image') images.push(part)
  }
  return { history: messages.slice(0, begin), toolResults, message: texts.join('\n\n'), ...(images.length > 0 ? { images } : {}) }
}

export const isNothing = ({ message, images, toolResults }: News): boolean => message === '' && !images && toolResults.length === 0

/** Results of calls that the conversation waits for; of others it knows nothing, or knows already. `param` names the messages. */
export async function newsFor (sessionKey: string, messages: readonly Message[], sessions: Sessions, param: string): Promise<News> {
  const news = newsOf(messages)
  const isNew = sessions.get(sessionKey) === undefined
  const open = isNew || news.toolResults.length === 0
    ? undefined
    : new Set(openCalls(await storedMessages(sessionKey, sessions)).map(({ id }) => id))
  const awaited = open ? { ...news, toolResults: news.toolResults.filter(({ toolCallId }) => open.has(toolCallId)) } : news
  if (!isNothing(awaited)) return awaited
  throw invalid(news.toolResults.length > 0
    ? 'This conversation does not wait for the answer to that call: it was answered already, or the conversation went on without it.'
    : `Missing user message in \`${param}\`: nothing follows the last reply.`, param)
}
