/**
 * WebSocket framing for the load side. The bench does not use a WebSocket client library: frames that are the same every time
 * are built and masked once, so that the load costs less than the gateway it measures.
 */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Any key that is not zero: servers skip the unmasking of a zero key, and that would be less work than a real client gives them. */
const maskKey = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

function header (opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | opcode, 0x80 | length])
  if (length < 65_536) return Buffer.from([0x80 | opcode, 0x80 | 126, length >> 8, length & 255])
  const out = Buffer.alloc(10)
  out[0] = 0x80 | opcode
  out[1] = 0x80 | 127
  out.writeBigUInt64BE(BigInt(length), 2)
  return out
}

export function clientFrame (payload: string | Buffer, opcode: number = opcodes.text): Buffer {
  const data = typeof payload === 'string' ? Buffer.from(payload) : payload
  const head = header(opcode, data.length)
  const out = Buffer.allocUnsafe(head.length + 4 + data.length)
  head.copy(out)
  maskKey.copy(out, head.length)
  const start = head.length + 4
  for (let index = 0; index < data.length; index++) out[start + index] = data[index]! ^ maskKey[index & 3]!
  return out
}

interface ServerFrame { opcode: number, final: boolean, start: number, end: number }

/** One frame of `data` at `offset`, or nothing while bytes are missing. */
function frameAt (data: Buffer, offset: number): ServerFrame | undefined {
  if (data.length - offset < 2) return undefined
  const short = data[offset + 1]! & 127
  const extra = short < 126 ? 0 : short === 126 ? 2 : 8
  const start = offset + 2 + extra
  if (data.length < start) return undefined
  const length = extra === 0 ? short : extra === 2 ? data.readUInt16BE(offset + 2) : Number(data.readBigUInt64BE(offset + 2))
  const end = start + length
  return data.length < end ? undefined : { opcode: data[offset]! & 15, final: data[offset]! > 127, start, end }
}

/** Cuts a server's byte stream into messages. The payload is a view of the chunk: use it at once or copy it. */
export function createFrameReader (onMessage: (opcode: number, payload: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer | undefined
  let parts: Buffer[] = []
  let partsOpcode = 0

  const deliver = (frame: ServerFrame, payload: Buffer): void => {
    if (frame.final && frame.opcode !== opcodes.continuation) return onMessage(frame.opcode, payload)
    if (frame.opcode !== opcodes.continuation) partsOpcode = frame.opcode
    parts.push(Buffer.from(payload))
    if (!frame.final) return
    const whole = Buffer.concat(parts)
    parts = []
    onMessage(partsOpcode, whole)
  }

  return chunk => {
    const data = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    let offset = 0
    for (let frame = frameAt(data, offset); frame !== undefined; frame = frameAt(data, offset)) {
      offset = frame.end
      deliver(frame, data.subarray(frame.start, frame.end))
    }
    rest = offset === data.length ? undefined : data.subarray(offset)
  }
}
