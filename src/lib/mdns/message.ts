/** DNS messages as far as finding services needs them (RFC 1035, 6762, 6763). Whatever arrives was written by strangers. */

export const recordTypes = { A: 1, PTR: 12, TXT: 16, SRV: 33, ANY: 255 } as const

export interface Question {
  readonly name: string
  readonly type: number
  /** The asker would rather be answered alone. */
  readonly unicast: boolean
}

export type RecordData =
  | { readonly type: 1, readonly address: string }
  | { readonly type: 12, readonly target: string }
  | { readonly type: 16, readonly entries: { readonly [key: string]: string } }
  | { readonly type: 33, readonly port: number, readonly target: string }

export type DnsRecord = RecordData & {
  readonly name: string
  readonly ttlSeconds: number
  /** Nobody else has such a record: what others remember of it ends. */
  readonly unique: boolean
}

export interface DnsMessage {
  readonly id: number
  readonly isResponse: boolean
  readonly questions: readonly Question[]
  /** Those of every section, without the kinds that nobody here reads. */
  readonly records: readonly DnsRecord[]
}

const headerBytes = 12
const longestMessageBytes = 9000
const mostQuestions = 32
const mostRecords = 128
const longestLabelBytes = 63
const longestNameBytes = 255
const topBit = 0x8000

/** A label may contain dots of its own; in a name they are written as \. */
export const nameOf = (...labels: readonly string[]): string => labels.map(label => label.replace(/[\\.]/g, '\\$&')).join('.')
export const labelsOf = (name: string): string[] => (name.match(/(?:\\.|[^\\.])+/gs) ?? []).map(label => label.replace(/\\(.)/gs, '$1'))
/** Upper and lower case are the same in names. */
export const sameName = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

function encodeName (name: string): Buffer {
  const labels = labelsOf(name).map(label => Buffer.from(label).subarray(0, longestLabelBytes))
  return Buffer.concat([...labels.flatMap(label => [Buffer.from([label.length]), label]), Buffer.alloc(1)])
}

const uint16 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2))
  return bytes
}

function encodeEntries (entries: { readonly [key: string]: string }): Buffer {
  const lines = Object.entries(entries).map(([key, value]) => Buffer.from(`${key}=${value}`).subarray(0, 255))
  return lines.length === 0 ? Buffer.alloc(1) : Buffer.concat(lines.flatMap(line => [Buffer.from([line.length]), line]))
}

function encodeData (record: DnsRecord): Buffer {
  if (record.type === recordTypes.A) return Buffer.from(record.address.split('.').map(Number))
  if (record.type === recordTypes.PTR) return encodeName(record.target)
  if (record.type === recordTypes.TXT) return encodeEntries(record.entries)
  return Buffer.concat([uint16(0, 0, record.port), encodeName(record.target)])
}

function encodeRecord (record: DnsRecord): Buffer {
  const data = encodeData(record)
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(record.type, 0)
  fixed.writeUInt16BE(record.unique ? topBit | 1 : 1, 2)
  fixed.writeUInt32BE(record.ttlSeconds, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([encodeName(record.name), fixed, data])
}

/** Every record stands among the answers, or the last `additional` of them beside these. */
export function encodeMessage ({ id, isResponse, questions, records }: DnsMessage, additional = 0): Buffer {
  const header = uint16(id, isResponse ? 0x8400 : 0, questions.length, records.length - additional, 0, additional)
  const asked = questions.flatMap(({ name, type, unicast }) => [encodeName(name), uint16(type, unicast ? topBit | 1 : 1)])
  return Buffer.concat([header, ...asked, ...records.map(encodeRecord)])
}

interface Read<Value> { readonly value: Value, readonly next: number }

/** A pointer may only lead further to the front, so no name goes round in circles. */
function readName (bytes: Buffer, start: number): Read<string> {
  const labels: string[] = []
  let at = start
  let next: number | undefined
  let before = start
  let length = 0
  for (;;) {
    const size = bytes.readUInt8(at)
    if (size === 0) return { value: nameOf(...labels), next: next ?? at + 1 }
    if (size >= 0xc0) {
      const target = bytes.readUInt16BE(at) & 0x3fff
      if (target >= before) throw new RangeError('a pointer leads forward')
      next ??= at + 2
      before = at = target
      continue
    }
    length += size + 1
    if (size > longestLabelBytes || length > longestNameBytes || at + 1 + size > bytes.length) throw new RangeError('a name is too long')
    labels.push(bytes.toString('utf8', at + 1, at + 1 + size))
    at += size + 1
  }
}

function readEntries (data: Buffer): { [key: string]: string } {
  const entries = new Map<string, string>()
  for (let at = 0; at < data.length;) {
    const size = data.readUInt8(at)
    const line = data.toString('utf8', at + 1, at + 1 + size)
    const equals = line.indexOf('=')
    const key = equals < 0 ? line : line.slice(0, equals)
    if (key !== '' && !entries.has(key)) entries.set(key, equals < 0 ? '' : line.slice(equals + 1))
    at += size + 1
  }
  return Object.fromEntries(entries)
}

function readData (bytes: Buffer, type: number, start: number, end: number): RecordData | undefined {
  if (type === recordTypes.A) return end - start === 4 ? { type, address: [...bytes.subarray(start, end)].join('.') } : undefined
  if (type === recordTypes.PTR) return { type, target: readName(bytes, start).value }
  if (type === recordTypes.TXT) return { type, entries: readEntries(bytes.subarray(start, end)) }
  if (type === recordTypes.SRV) return { type, port: bytes.readUInt16BE(start + 4), target: readName(bytes, start + 6).value }
  return undefined
}

function readRecord (bytes: Buffer, start: number): Read<DnsRecord | undefined> {
  const { value: name, next: at } = readName(bytes, start)
  const ttlSeconds = bytes.readUInt32BE(at + 4)
  const end = at + 10 + bytes.readUInt16BE(at + 8)
  if (end > bytes.length) throw new RangeError('a record is cut off')
  const data = readData(bytes, bytes.readUInt16BE(at), at + 10, end)
  return { value: data && { ...data, name, ttlSeconds, unique: (bytes.readUInt16BE(at + 2) & topBit) !== 0 }, next: end }
}

function decode (bytes: Buffer): DnsMessage | undefined {
  const [questionCount, ...recordCounts] = [4, 6, 8, 10].map(at => bytes.readUInt16BE(at))
  const recordCount = recordCounts.reduce((sum, count) => sum + count, 0)
  const flags = bytes.readUInt16BE(2)
  const isOrdinary = (flags & 0x7800) === 0
  if (!isOrdinary || questionCount! > mostQuestions || recordCount > mostRecords) return undefined
  const questions: Question[] = []
  const records: DnsRecord[] = []
  let at = headerBytes
  for (let left = questionCount!; left > 0; left--) {
    const { value: name, next } = readName(bytes, at)
    questions.push({ name, type: bytes.readUInt16BE(next), unicast: (bytes.readUInt16BE(next + 2) & topBit) !== 0 })
    at = next + 4
  }
  for (let left = recordCount; left > 0; left--) {
    const { value, next } = readRecord(bytes, at)
    if (value) records.push(value)
    at = next
  }
  return { id: bytes.readUInt16BE(0), isResponse: (flags & topBit) !== 0, questions, records }
}

/** Undefined for everything that is no message, or a larger one than anybody needs. */
export function decodeMessage (bytes: Buffer): DnsMessage | undefined {
  if (bytes.length < headerBytes || bytes.length > longestMessageBytes) return undefined
  try {
    return decode(bytes)
  } catch {
    return undefined
  }
}
