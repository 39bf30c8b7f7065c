/** Brings one kind of batches to a collector, one at a time, and lets nobody feel it when the collector is slow or away. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

export interface DeliveryOptions {
  readonly url: URL
  readonly headers: { readonly [name: string]: string }
  readonly contentType: string
  readonly signal: AbortSignal
  readonly timeoutMs?: number
}

export type DeliveryOutcome = 'sent' | 'refused' | 'unreachable'

const maxAnswerBytes = 65_536
const passing = new Set([408, 429, 502, 503, 504])

/** `unreachable`: the same batch may be taken later. `refused`: it never will. */
export async function deliver (body: Buffer, options: DeliveryOptions): Promise<DeliveryOutcome> {
  const { url, headers, contentType, signal, timeoutMs = 10_000 } = options
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return await new Promise(resolve => {
    const message = send(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': contentType, 'content-length': body.length, 'user-agent': 'openclaw-gateway' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    }, response => {
      const { statusCode: status = 0 } = response
      let bytes = 0
      // What it says is of no use here; it is read so that the connection is free again.
      response.on('data', (chunk: Buffer) => { if ((bytes += chunk.length) > maxAnswerBytes) response.destroy() })
      response.on('error', () => {})
      response.on('close', () => resolve(status >= 200 && status < 300 ? 'sent' : passing.has(status) ? 'unreachable' : 'refused'))
    })
    message.on('error', () => resolve('unreachable'))
    message.end(body)
  })
}
