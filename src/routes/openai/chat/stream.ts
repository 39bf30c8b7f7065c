/** The answer to a chat request while it comes into being. */
import type { RunResult } from '../../../agent/room.ts'
import { openSse } from '../../../http/sse.ts'
import { lateBody } from '../errors.ts'
import type { OpenAiOptions } from '../openai.ts'
import { Words } from '../words.ts'
import { betweenMessages, finishOf, idOf, refusalOf, secondsOf, toolCallOf, usageOf } from './answer.ts'
import type { Asked } from './chat.ts'

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

export function answerStream (asked: Asked, { runs, log }: Pick<OpenAiOptions, 'runs' | 'log'>): void {
  const { handle } = asked
  const chunks = chunksOf(asked)
  const words = new Words({ tell: (delta, isAnother) => chunks.words(isAnother ? betweenMessages + delta : delta) })
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
}
