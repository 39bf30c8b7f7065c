/** An agent's reply on a terminal: as it comes, or whole at the end. */
import type { GatewayEvent } from './gateway-client.ts'
import type { Output } from './output.ts'

export interface AgentAnswer {
  readonly runId: string
  readonly status: string
  readonly summary?: string
  readonly error?: string
  readonly result?: { readonly payloads?: ReadonlyArray<{ readonly text?: string }>, readonly meta?: object }
}

interface AgentEvent {
  readonly runId?: string
  readonly stream?: string
  readonly data?: { readonly text?: string, readonly delta?: string, readonly itemId?: string, readonly replace?: boolean }
}

/** What a model says must not steer the terminal; lines and tabs may stay. */
// eslint-disable-next-line no-control-regex -- these are what it is about
export const printable = (text: string): string => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '')

export const replyText = ({ result }: AgentAnswer): string =>
  (result?.payloads ?? []).map(({ text }) => text ?? '').filter(Boolean).join('\n\n')

export interface ReplyPrinter {
  /** Takes what belongs to this run, and leaves the rest. */
  hear (event: GatewayEvent): void
  finish (answer: AgentAnswer): void
}

/** Prints the words as they arrive. */
export function createReplyPrinter (runId: string, write: (text: string) => void): ReplyPrinter {
  let itemId: string | undefined
  let said = ''
  let anything = false

  function say (text: string): void {
    if (text === '') return
    anything = true
    write(printable(text))
  }

  function next (data: NonNullable<AgentEvent['data']>): void {
    if (data.itemId !== itemId && anything) write('\n\n')
    if (data.itemId !== itemId) said = ''
    itemId = data.itemId
    const whole = data.replace ? data.text ?? data.delta ?? '' : said + (data.delta ?? '')
    if (whole.startsWith(said)) say(whole.slice(said.length))
    else say(`\n${whole}`)
    said = whole
  }

  return {
    hear ({ event, payload }) {
      const { runId: of, stream, data } = (payload ?? {}) as AgentEvent
      if (event === 'agent' && of === runId && stream === 'assistant' && data) next(data)
    },
    finish (answer) {
      if (!anything) say(replyText(answer))
      if (anything) write('\n')
    }
  }
}

/** The same for programs: one JSON document for each event, and the answer as the last. */
export const createEventPrinter = (runId: string, out: Output): ReplyPrinter => ({
  hear ({ event, payload }) {
    if (event === 'agent' && (payload as AgentEvent | undefined)?.runId === runId) out.jsonLine({ type: 'event', event, payload })
  },
  finish: answer => out.jsonLine({ type: 'result', ...answer })
})
