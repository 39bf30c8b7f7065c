/** Messages of protocol buffers from plain objects, by a table of their fields. As much of it as OTLP needs. */

type Scalar = 'string' | 'hex' | 'bool' | 'int' | 'fixed32' | 'fixed64' | 'double' | 'fixed64s' | 'doubles'

/** `message`: one of that kind; in a list: any number of them. */
export type FieldType = Scalar | Schema | readonly [Schema]
export interface Schema { readonly [field: string]: readonly [number: number, type: FieldType] }

type Message = { readonly [field: string]: unknown }

function varint (value: number | bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return [...bytes, Number(rest)]
}

const tag = (number: number, wire: 0 | 1 | 2 | 5): Buffer => Buffer.from(varint(number << 3 | wire))

function eight (write: (buffer: Buffer, offset: number) => void): Buffer {
  const buffer = Buffer.allocUnsafe(8)
  write(buffer, 0)
  return buffer
}
const fixed64 = (value: unknown): Buffer => eight(buffer => buffer.writeBigUInt64LE(BigInt(value as string)))
const double = (value: unknown): Buffer => eight(buffer => buffer.writeDoubleLE(Number(value)))

function fixed32 (value: unknown): Buffer {
  const buffer = Buffer.allocUnsafe(4)
  buffer.writeUInt32LE(Number(value))
  return buffer
}

const sized = (number: number, content: Buffer): Buffer[] => [tag(number, 2), Buffer.from(varint(content.length)), content]

function scalar (number: number, type: Scalar, value: unknown): Buffer[] {
  switch (type) {
    case 'string': return sized(number, Buffer.from(String(value)))
    case 'hex': return sized(number, Buffer.from(String(value), 'hex'))
    case 'bool': return [tag(number, 0), Buffer.from([value ? 1 : 0])]
    case 'int': return [tag(number, 0), Buffer.from(varint(BigInt(value as string)))]
    case 'fixed32': return [tag(number, 5), fixed32(value)]
    case 'fixed64': return [tag(number, 1), fixed64(value)]
    case 'double': return [tag(number, 1), double(value)]
    case 'fixed64s': return sized(number, Buffer.concat((value as unknown[]).map(fixed64)))
    case 'doubles': return sized(number, Buffer.concat((value as unknown[]).map(double)))
  }
}

export function encode (message: Message, schema: Schema): Buffer {
  const parts: Buffer[] = []
  for (const [field, [number, type]] of Object.entries(schema)) {
    const value = message[field]
    if (value === undefined) continue
    if (typeof type === 'string') {
      parts.push(...scalar(number, type, value))
      continue
    }
    const [kind, messages] = Array.isArray(type) ? [type[0] as Schema, value as Message[]] : [type as Schema, [value as Message]]
    for (const one of messages) parts.push(...sized(number, encode(one, kind)))
  }
  return Buffer.concat(parts)
}
