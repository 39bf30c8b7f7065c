/** The answer to a chat request while it comes into being. */
import type { FastifyReply } from 'fastify'
import { visibleReply } from '../../../agent/replies.ts'
import type { RunEvent, RunResult } from '../../../agent/room.ts'
import { openSse } from '../../../http/sse.ts'
import { lateBody } from '../errors.ts'
import type { OpenAiOptions } from '../openai.ts'
import { betweenMessages, finishOf, idOf, refusalOf, secondsOf, toolCallOf, usageOf } from './answer.ts'
import type { Asked } from './chat.ts'

/** What people see of the words so far, each word once. What comes within one turn of the event loop is told together. */
class Words {
  private readonly tell: (delta: string) => void
  private item: unknown
  /** What the current message says, and what of it was told. */
  private said = ''
  private told = ''
  private hasTold = false
  private pending: NodeJS.Immediate | undefined

  constructor (tell: (delta: string) => void) {
    this.tell = tell
  }

  hear ({ text, itemId }: RunEvent['data']): void {
    if (itemId !== this.item) this.next(itemId)
    this.said = String(text)
    this.pending ??= setImmediate(() => {
      this.pending = undefined
      this.show(visibleReply(this.said, false))
    })
  }

  /** The rest of what is there in the end. */
  end (text: string): void {
    clearImmediate(this.pending)
    this.pending = undefined
    this.show(text)
  }

  private next (itemId: unknown): void {
    if (this.item !== undefined) this.end(visibleReply(this.said, true))
    this.item = itemId
    this.said = this.told = ''
  }

  private show (text: string): void {
    if (text.length <= this.told.length || !text.startsWith(this.told)) return
    const isAnother = this.told === '' && this.hasTold
    const delta = text.slice(this.told.length)
    this.told = text
    this.hasTold = true
    this.tell(isAnother ? betweenMessages + delta : delta)
  }
}

interface Chunks {
  delta (delta: object, finish?: string): void
  words (text: string): void
  usage (usage: object): void
  whole (data: object): void
  end (): void
}

function chunksOf ({ reply, handle, model }: Asked): Chunks {
  const sse = openSse(reply)
  const head = JSON.stringify({ id: idOf(handle.runId), object: 'chat.completion.chunk', created: secondsOf(handle.acceptedAtMs), model }).slice(0, -1)
  const choice = `${head},"choices":[{"index":0,"delta":`
  return {
    delta: (delta, finish) => sse.send({
      data: `${choice}${JSON.stringify(delta)},"finish_reason":${finish === undefined ? 'null' : JSON.stringify(finish)}}]}`
    }),
    words: text => sse.send({ data: `${choice}{"content":${JSON.stringify(text)}},"finish_reason":null}]}` }),
    usage: usage => sse.send({ data: `${head},"choices":[],"usage":${JSON.stringify(usage)}}` }),
    whole: data => sse.send({ data: JSON.stringify(data) }),
    end () {
      sse.send({ data: '[DONE]' })
      sse.end()
    }
  }
}

/** The name first, then the arguments, as clients put calls together. */
function tellCalls (chunks: Chunks, { calls = [] }: RunResult): void {
  for (const [index, call] of calls.entries()) {
    const { function: { name, arguments: given }, ...more } = toolCallOf(call)
    chunks.delta({ tool_calls: [{ index, ...more, function: { name, arguments: '' } }] })
    chunks.delta({ tool_calls: [{ index, function: { arguments: given } }] })
  }
}

async function tell (asked: Asked, chunks: Chunks, words: Words): Promise<void> {
  const result = await asked.handle.result
  const refusal = refusalOf(result, asked.toolChoice)
  if (refusal) chunks.whole(lateBody(refusal))
  else {
    words.end(result.text)
    tellCalls(chunks, result)
    chunks.delta({}, finishOf(result))
    if (asked.sending.withUsage) chunks.usage(usageOf(result.usage))
  }
  chunks.end()
}

export function answerStream (asked: Asked, { runs, log }: Pick<OpenAiOptions, 'runs' | 'log'>): FastifyReply {
  const { reply, handle } = asked
  const chunks = chunksOf(asked)
  const words = new Words(chunks.words)
  chunks.delta({ role: 'assistant' })
  const leave = runs.follow(handle.runId, ({ stream, data }) => {
    if (stream === 'assistant') words.hear(data)
    else if (stream === 'thinking') chunks.delta({ reasoning_content: data.delta })
  })
  void tell(asked, chunks, words).catch((err: unknown) => {
    log.error({ err, runId: handle.runId }, 'an answer broke off')
    chunks.whole(lateBody(err))
    chunks.end()
  }).finally(leave)
  return reply
}
