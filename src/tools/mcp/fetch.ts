/** The `fetch` of servers elsewhere: to the one place that the configuration names, and with an end to what comes back. */
import { traceHeaders } from '../../lib/trace-context.ts'
import { maxMessageBytes, tooLargeText } from './limits.ts'

export type Fetch = (input: string | URL, init?: RequestInit) => Promise<Response>

/** Bytes of the message that is being read. In a stream of events a blank line ends one; of a whole answer all bytes count. */
function createMeter (isStream: boolean): (chunk: Uint8Array) => number {
  let length = 0
  let last = 0
  return chunk => {
    for (const byte of chunk) {
      length++
      if (byte === 13) continue
      if (isStream && byte === 10 && last === 10) length = 0
      last = byte
    }
    return length
  }
}

/** Ends a stream of events with a word for whoever waits for the answer, who would otherwise do so until the time is over. */
function excuse (body: RequestInit['body'], text: string): Uint8Array | undefined {
  const id = typeof body === 'string' ? (JSON.parse(body) as { id?: number | string }).id : undefined
  const message = { jsonrpc: '2.0', id, error: { code: -32000, message: text } }
  return id === undefined ? undefined : new TextEncoder().encode(`\n\nevent: message\ndata: ${JSON.stringify(message)}\n\n`)
}

function bounded (source: ReadableStream<Uint8Array>, isStream: boolean, { body, signal }: RequestInit): ReadableStream<Uint8Array> {
  const reader = source.getReader()
  const meter = createMeter(isStream)
  const breakOff = (controller: ReadableStreamDefaultController<Uint8Array>, error: Error): void => {
    const last = isStream && !signal?.aborted ? excuse(body, error.message) : undefined
    if (!last) return controller.error(error)
    controller.enqueue(last)
    controller.close()
  }
  return new ReadableStream({
    async pull (controller) {
      try {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        if (meter(value) <= maxMessageBytes) return controller.enqueue(value)
      } catch (error) {
        return breakOff(controller, error as Error)
      }
      breakOff(controller, new Error(tooLargeText))
      await reader.cancel()
    },
    cancel: reason => reader.cancel(reason)
  })
}

export function createFetch (address: string): Fetch {
  const { origin } = new URL(address)
  return async (input, init = {}) => {
    const url = new URL(input)
    // The server itself may name further addresses; its headers are for it alone.
    if (url.origin !== origin) throw new Error(`the server sends us to ${url.host}, which the configuration does not name`)
    const sent = new Headers(init.headers)
    for (const [name, value] of Object.entries(traceHeaders())) sent.set(name, value)
    const response = await fetch(url, { ...init, headers: sent, redirect: 'manual' })
    if (!response.body) return response
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false
    const { status, statusText } = response
    const headers = new Headers(response.headers)
    // The body is unpacked by now.
    for (const name of ['content-encoding', 'content-length']) headers.delete(name)
    return new Response(bounded(response.body, isStream, init), { status, statusText, headers })
  }
}
