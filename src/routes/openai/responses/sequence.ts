/** From what a run says to the numbered events of a response, and to the response that they make. */
import { itemId, responseObject, textContent } from './shapes.ts'
import type { CallItem, Ending, MessageItem, OutputItem, ReasoningItem, ResponseEvent, ResponseFacts, ResponseObject } from './shapes.ts'

export interface Call {
  readonly id: string
  readonly name: string
  /** JSON. */
  readonly arguments: string
}

export interface Sequence {
  /** The response as it stands now. */
  readonly response: ResponseObject
  begin (state: 'queued' | 'in_progress'): void
  /** It waited for its turn, which has come. */
  working (): void
  text (delta: string): void
  thinking (delta: string): void
  /** The agent said something and used its own tools; what it says now is another message. */
  nextMessage (): void
  /** The program that asked is to carry this out. */
  call (call: Call): void
  end (ending: Ending): ResponseObject
}

type Open =
  | { readonly kind: 'message', readonly id: string, text: string }
  | { readonly kind: 'reasoning', readonly id: string, text: string }

const message = ({ id, text }: Open, status: MessageItem['status'], phase: MessageItem['phase']): MessageItem =>
  ({ id, type: 'message', role: 'assistant', status, phase, content: [textContent(text)] })

const reasoning = ({ id, text }: Open, status: ReasoningItem['status']): ReasoningItem =>
  ({ id, type: 'reasoning', status, summary: [{ type: 'summary_text', text }] })

export function createSequence (facts: ResponseFacts, tell: (event: ResponseEvent) => void): Sequence {
  const { name: own } = facts
  const output: OutputItem[] = []
  let number = 0
  let open: Open | undefined
  let state: 'queued' | 'in_progress' | Ending = 'in_progress'
  let messages = 0
  let thoughts = 0
  let calls = 0

  const event = (type: string, fields: object): void => tell({ type: `response.${type}`, sequence_number: number++, ...fields })
  const now = (): ResponseObject => responseObject(facts, open ? [...output, openItem(open)] : output.slice(), state)
  const openItem = (item: Open): OutputItem =>
    item.kind === 'message' ? message(item, 'in_progress', 'final_answer') : reasoning(item, 'in_progress')

  const inItem = ({ id }: Open): object => ({ item_id: id, output_index: output.length })
  const inText = (item: Open): object => ({ ...inItem(item), content_index: 0 })
  const inThought = (item: Open): object => ({ ...inItem(item), summary_index: 0 })

  function done (item: OutputItem): void {
    event('output_item.done', { output_index: output.length, item })
    output.push(item)
    open = undefined
  }

  function close (status: MessageItem['status'] = 'completed', phase: MessageItem['phase'] = 'final_answer'): void {
    if (!open) return
    const { text } = open
    if (open.kind === 'message') {
      event('output_text.done', { ...inText(open), text, logprobs: [] })
      event('content_part.done', { ...inText(open), part: textContent(text) })
      done(message(open, status, phase))
    } else {
      event('reasoning_summary_text.done', { ...inThought(open), text })
      event('reasoning_summary_part.done', { ...inThought(open), part: { type: 'summary_text', text } })
      done(reasoning(open, status))
    }
  }

  function openMessage (): Open {
    if (open?.kind === 'message') return open
    close()
    const item: Open = open = { kind: 'message', id: itemId('msg', own, messages++), text: '' }
    event('output_item.added', { output_index: output.length, item: { ...message(item, 'in_progress', 'final_answer'), content: [] } })
    event('content_part.added', { ...inText(item), part: textContent('') })
    return item
  }

  function openThought (): Open {
    if (open?.kind === 'reasoning') return open
    close('completed', 'commentary')
    const item: Open = open = { kind: 'reasoning', id: itemId('rs', own, thoughts++), text: '' }
    event('output_item.added', { output_index: output.length, item: { ...reasoning(item, 'in_progress'), summary: [] } })
    event('reasoning_summary_part.added', { ...inThought(item), part: { type: 'summary_text', text: '' } })
    return item
  }

  return {
    get response () { return now() },
    begin (first) {
      state = first
      event('created', { response: now() })
      event(first, { response: now() })
    },
    working () {
      if (state !== 'queued') return
      state = 'in_progress'
      event('in_progress', { response: now() })
    },
    text (delta) {
      if (delta === '') return
      const item = openMessage()
      item.text += delta
      event('output_text.delta', { ...inText(item), delta, logprobs: [] })
    },
    thinking (delta) {
      if (delta === '') return
      const item = openThought()
      item.text += delta
      event('reasoning_summary_text.delta', { ...inThought(item), delta })
    },
    nextMessage: () => close('completed', 'commentary'),
    call ({ id, name, arguments: args }) {
      close('completed', 'commentary')
      const at = { item_id: itemId('fc', own, calls++), output_index: output.length }
      const item: CallItem = { id: at.item_id, type: 'function_call', status: 'completed', call_id: id, name, arguments: args }
      event('output_item.added', { output_index: at.output_index, item: { ...item, status: 'in_progress', arguments: '' } })
      event('function_call_arguments.delta', { ...at, delta: args })
      event('function_call_arguments.done', { ...at, name, arguments: args })
      done(item)
    },
    end (ending) {
      // Whoever reads output[0] finds a message also where an agent had nothing to say.
      if (ending.status === 'completed' && !output.some(({ type }) => type !== 'reasoning')) openMessage()
      close(ending.status === 'completed' ? 'completed' : 'incomplete')
      state = ending
      const response = now()
      event(ending.status, { response })
      return response
    }
  }
}
