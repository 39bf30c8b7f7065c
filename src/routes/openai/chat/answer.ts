/** The answer to a chat request as one object. */
import type { RunRequest, RunResult } from '../../../agent/room.ts'
import { GatewayError } from '../../../protocol/errors.ts'
import type { ToolCallPart, Usage } from '../../../protocol/transcript.ts'
import { failureOf } from '../errors.ts'
import type { Asked } from './chat.ts'

/** Between what an agent says before it uses a tool and what it says afterwards. */
export const betweenMessages = '\n\n'

export interface WireCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string, readonly arguments: string }
}

export const toolCallOf = ({ id, name, arguments: given }: ToolCallPart): WireCall =>
  ({ id, type: 'function', function: { name, arguments: JSON.stringify(given) } })

export function finishOf ({ calls, stopReason }: RunResult): string {
  if (calls) return 'tool_calls'
  return stopReason === 'length' ? 'length' : 'stop'
}

export function usageOf (usage: Usage | undefined): object {
  const { input, output, cacheRead, cacheWrite } = usage ?? { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }
  const prompt = input + cacheRead + cacheWrite
  return {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    ...(cacheRead > 0 ? { prompt_tokens_details: { cached_tokens: cacheRead } } : {})
  }
}

/** Why there is no answer, also when the model said something: whoever demands a call cannot go on without one. */
export function refusalOf (result: RunResult, toolChoice: RunRequest['toolChoice']): GatewayError | undefined {
  const failure = failureOf(result)
  if (failure || result.calls || toolChoice === undefined || toolChoice === 'auto' || toolChoice === 'none') return failure
  const wanted = typeof toolChoice === 'string' ? toolChoice : toolChoice.name
  return new GatewayError('MODEL_FAILED', { message: `tool_choice=${wanted} was not satisfied by the agent response` })
}

export const idOf = (runId: string): string => `chatcmpl_${runId}`
export const secondsOf = (ms: number): number => Math.floor(ms / 1000)

export async function answerWhole ({ reply, handle, model, toolChoice }: Asked): Promise<object> {
  const result = await handle.result
  const refusal = refusalOf(result, toolChoice)
  if (refusal) {
    if (refusal.code === 'RUN_ABORTED' || refusal.code === 'RUN_TIMED_OUT') reply.header('x-should-retry', 'false')
    throw refusal
  }
  const { text, earlier = [], thought, calls, usage } = result
  const content = earlier.length === 0 ? text : [...earlier, text].filter(Boolean).join(betweenMessages)
  return {
    id: idOf(handle.runId),
    object: 'chat.completion',
    created: secondsOf(handle.acceptedAtMs),
    model,
    choices: [{
      index: 0,
      message: {
        role: 'assistant',
        content,
        ...(thought === undefined ? {} : { reasoning_content: thought }),
        ...(calls ? { tool_calls: calls.map(toolCallOf) } : {})
      },
      finish_reason: finishOf(result)
    }],
    usage: usageOf(usage)
  }
}
