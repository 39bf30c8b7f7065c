/** Words are what the echo model bills: it has no tokens. */
import type { Message } from '../../protocol/transcript.ts'
import type { StepRequest } from '../model.ts'

export interface WordCount { request (request: StepRequest): number }

export function wordsIn (text: string): number {
  let words = 0
  let inside = false
  for (let at = 0; at < text.length; at++) {
    const isSpace = text.charCodeAt(at) <= 32
    if (!isSpace && !inside) words += 1
    inside = !isSpace
  }
  return words
}

function wordsOf ({ content }: Message): number {
  if (typeof content === 'string') return wordsIn(content)
  let words = 0
  for (const part of content) if (part.type === 'text') words += wordsIn(part.text)
  return words
}

/** A conversation is counted anew in each step; what was counted is remembered as long as the message lives. */
export function createWordCount (): WordCount {
  const known = new WeakMap<Message, number>()
  let system = { text: '', words: 0 }
  const ofMessage = (message: Message): number => {
    const found = known.get(message)
    if (found !== undefined) return found
    const words = wordsOf(message)
    known.set(message, words)
    return words
  }
  return {
    request (request) {
      if (request.system !== system.text) system = { text: request.system, words: wordsIn(request.system) }
      let words = system.words
      for (const message of request.messages) words += ofMessage(message)
      return words
    }
  }
}
