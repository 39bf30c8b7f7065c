/** What a run says while it goes on, as the events of its response. */
import type { RunEvent, RunRequest, RunResult } from '../../../agent/room.ts'
import type { GatewayError } from '../../../protocol/errors.ts'
import { refusalOf } from '../chat/answer.ts'
import { Words } from '../words.ts'
import type { Sequence } from './sequence.ts'
import type { Ending, ResponseFailure } from './shapes.ts'

export interface Telling {
  hear (event: RunEvent): void
  /** Nothing when the run is put down and goes on at the next start. */
  end (result: RunResult): void
}

function failureIn (error: GatewayError): ResponseFailure {
  const code = error.code === 'MODEL_RATE_LIMITED' ? 'rate_limit_exceeded' : error.status < 500 ? 'invalid_prompt' : 'server_error'
  return { code, message: error.message }
}

/** A gateway that stops puts its runs down; the next one takes them up again. */
export const goesOn = ({ outcome, stopReason }: RunResult): boolean => outcome === 'aborted' && stopReason === 'shutdown'

export function endingOfRun (result: RunResult, toolChoice?: RunRequest['toolChoice']): Ending {
  const { outcome, stopReason, endedAtMs, usage } = result
  const common = { endedAtMs, ...usage ? { usage } : {} }
  if (outcome === 'aborted') return { ...common, status: 'cancelled' }
  const refusal = refusalOf(result, toolChoice)
  if (refusal) return { ...common, status: 'failed', failure: failureIn(refusal) }
  return stopReason === 'length' ? { ...common, status: 'incomplete', reason: 'max_output_tokens' } : { ...common, status: 'completed' }
}

export interface TellingOptions {
  readonly thoughts: boolean
  readonly toolChoice?: RunRequest['toolChoice']
}

export function createTelling (sequence: Sequence, { thoughts, toolChoice }: TellingOptions): Telling {
  const words = new Words({ tell: sequence.text, onEnd: sequence.nextMessage })

  return {
    hear ({ stream, data }) {
      if (stream === 'lifecycle' && data.phase === 'start') sequence.working()
      else if (stream === 'assistant') words.hear(data)
      // What comes after its own tools is another message.
      else if (stream === 'tool' && data.phase === 'start') words.endMessage()
      else if (stream === 'thinking' && thoughts) {
        words.flush()
        sequence.thinking(String(data.delta))
      }
    },
    end (result) {
      words.end(goesOn(result) ? '' : result.text)
      if (goesOn(result)) return
      for (const { id, name, arguments: args } of result.calls ?? []) sequence.call({ id, name, arguments: JSON.stringify(args) })
      sequence.end(endingOfRun(result, toolChoice))
    }
  }
}
