/** The bytes of an answer, unpacked and never more than asked for: a few packed bytes can claim to be gigabytes. */
import type { IncomingMessage } from 'node:http'
import type { Transform } from 'node:stream'
import { OutboundError } from './outbound-error.ts'

export interface BodyLimits {
  /** As they arrive, and unpacked. */
  readonly maxBytes: number
  readonly whenLarger: 'refuse' | 'truncate'
}

export interface Body {
  readonly bytes: Buffer
  readonly truncated: boolean
}

export const acceptedEncodings = 'gzip, deflate, br'

async function unpackerOf (encoding: string): Promise<Transform | undefined> {
  if (encoding === '' || encoding === 'identity') return undefined
  const zlib = await import('node:zlib')
  if (encoding === 'gzip' || encoding === 'x-gzip') return zlib.createGunzip()
  if (encoding === 'br') return zlib.createBrotliDecompress()
  if (encoding === 'deflate') return zlib.createInflate()
  throw new OutboundError('encoding', `The server packs its answer as "${encoding.slice(0, 40)}", which was not asked for.`)
}

function largerThan (maxBytes: number): OutboundError {
  return new OutboundError('too-large', `The answer is larger than ${maxBytes} bytes; ask for something smaller.`)
}

/** Rejects when the connection ends before the answer does; `destroy` of the message is the caller's. */
export async function readBody (message: IncomingMessage, { maxBytes, whenLarger }: BodyLimits): Promise<Body> {
  const declared = Number(message.headers['content-length'] ?? 0)
  if (declared > maxBytes && whenLarger === 'refuse') throw largerThan(maxBytes)
  const unpacker = await unpackerOf((message.headers['content-encoding'] ?? '').trim().toLowerCase())
  const chunks: Buffer[] = []
  let [arrived, unpacked] = [0, 0]
  let isFull = false
  if (unpacker) {
    message.on('error', error => unpacker.destroy(error))
    message.on('aborted', () => unpacker.destroy(new Error('the connection ended before the answer did')))
    message.on('data', (chunk: Buffer) => {
      arrived += chunk.length
      if (arrived <= maxBytes) return
      isFull = true
      message.unpipe(unpacker)
      unpacker.end()
    })
    message.pipe(unpacker)
  }
  try {
    for await (const chunk of (unpacker ?? message) as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      unpacked += chunk.length
      if (unpacked <= maxBytes) continue
      isFull = true
      break
    }
  } catch (error) {
    // What was cut on purpose is incomplete for the unpacker.
    if (!isFull) throw error
  }
  if (isFull && whenLarger === 'refuse') throw largerThan(maxBytes)
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), truncated: isFull }
}
