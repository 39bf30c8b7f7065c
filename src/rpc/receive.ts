import { closeCodes } from '../protocol/close-codes.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { RequestFrame } from '../protocol/frames.ts'
import { wireLimits } from '../protocol/version.ts'
import type { Connection } from './connection.ts'
import type { Dispatcher } from './dispatch.ts'

const maxPendingRequests = 256

/** What is wrong with a frame that is not a request, in the words of the contract; undefined when it is one. */
function frameProblem (frame: { [key: string]: unknown }): string | undefined {
  const problems: string[] = []
  for (const field of ['id', 'method'] as const) {
    const value = frame[field]
    if (value === undefined) problems.push(`must have required property '${field}'`)
    else if (typeof value !== 'string') problems.push(`at /${field}: must be string`)
    else if (value === '') problems.push(`at /${field}: must NOT have fewer than 1 characters`)
  }
  if (frame.type !== 'req') problems.push('at /type: must be equal to constant')
  return problems.length > 0 ? problems.join('; ') : undefined
}

/** Reads one frame of a connected client. Unparsable data is ignored; everything that is a JSON value gets an answer. */
export function createReceiver (dispatcher: Dispatcher): (connection: Connection, text: string) => void {
  async function serve (connection: Connection, frame: RequestFrame, bytes: number): Promise<void> {
    connection.pendingRequests++
    connection.pendingBytes += bytes
    try {
      await dispatcher.dispatch(connection, frame)
    } finally {
      connection.pendingRequests--
      connection.pendingBytes -= bytes
    }
  }

  return (connection, text) => {
    let parsed: unknown
    try {
      parsed = JSON.parse(text)
    } catch {
      return
    }
    const frame = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as { [key: string]: unknown }
    const problem = frameProblem(frame)
    if (problem) {
      const id = typeof frame.id === 'string' && frame.id !== '' ? frame.id : 'invalid'
      return connection.respondError(id, new GatewayError('INVALID_FRAME', { message: `invalid request frame: ${problem}` }).toWire())
    }
    if (connection.pendingRequests >= maxPendingRequests || connection.pendingBytes + text.length > wireLimits.maxBufferedBytes) {
      return connection.respondError(frame.id as string, new GatewayError('BUSY', {
        message: 'too many requests are waiting on this connection',
        details: { maxPendingRequests }
      }).toWire())
    }
    if (connection.socket.bufferedAmount > wireLimits.maxBufferedBytes) {
      return connection.close(closeCodes.policyViolation, 'slow consumer')
    }
    void serve(connection, frame as unknown as RequestFrame, text.length)
  }
}
