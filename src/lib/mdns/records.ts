/** What is told about one service: where it is and what it says about itself. */
import { nameOf, recordTypes, sameName, type DnsMessage, type DnsRecord, type Question } from './message.ts'
import { serviceType } from './link.ts'

export interface Announced {
  /** As people see it in a list. */
  readonly instance: string
  /** A name of the service's own: that of the machine belongs to the machine. */
  readonly host: string
  readonly port: number
  readonly entries: { readonly [key: string]: string }
}

const typesName = '_services._dns-sd._udp.local'
const lastingSeconds = 4500
const addressSeconds = 120
/** A caller that is no mDNS responder remembers nothing for long. */
const legacySeconds = 10

export interface AnswerOptions {
  /** The address under which this asker reaches us. */
  readonly addresses: readonly string[]
  /** Takes back what was said. */
  readonly goodbye?: boolean
  /** For a resolver that knows only plain DNS. */
  readonly legacy?: boolean
}

function allRecords (service: Announced, { addresses, goodbye = false, legacy = false }: AnswerOptions): DnsRecord[] {
  const { instance, host, port, entries } = service
  const name = `${nameOf(instance)}.${serviceType}`
  const seconds = (usual: number): number => goodbye ? 0 : legacy ? legacySeconds : usual
  const lasting = { ttlSeconds: seconds(lastingSeconds), unique: false }
  const own = { ttlSeconds: seconds(addressSeconds), unique: !legacy }
  return [
    { type: recordTypes.PTR, name: serviceType, target: name, ...lasting },
    { type: recordTypes.SRV, name, port, target: host, ...own },
    { type: recordTypes.TXT, name, entries, ...own, ttlSeconds: lasting.ttlSeconds },
    ...addresses.map(address => ({ type: recordTypes.A, name: host, address, ...own }))
  ]
}

export const announcement = (service: Announced, options: AnswerOptions): DnsMessage =>
  ({ id: 0, isResponse: true, questions: [], records: allRecords(service, options) })

const isAskedBy = (record: DnsRecord) => ({ name, type }: Question): boolean =>
  sameName(name, record.name) && (type === record.type || type === recordTypes.ANY)

/** Whoever asks says what it still remembers. */
function isKnown (record: DnsRecord, query: DnsMessage): boolean {
  if (record.type !== recordTypes.PTR) return false
  const isFresh = ({ ttlSeconds }: DnsRecord): boolean => ttlSeconds * 2 >= record.ttlSeconds
  return query.records.some(known =>
    known.type === recordTypes.PTR && sameName(known.name, record.name) && sameName(known.target, record.target) && isFresh(known))
}

/** Undefined where nobody asked for us, or whoever asked knows us already. */
export function answerTo (query: DnsMessage, service: Announced, options: AnswerOptions): DnsMessage | undefined {
  const all = allRecords(service, options)
  const { ttlSeconds } = all[0]!
  const types: DnsRecord = { type: recordTypes.PTR, name: typesName, target: serviceType, ttlSeconds, unique: false }
  const wanted = [...all, types].filter(record => query.questions.some(isAskedBy(record)) && !isKnown(record, query))
  if (wanted.length === 0) return undefined
  // What is needed next comes with it, so that nobody has to ask four times.
  const more = wanted.some(({ name }) => name !== typesName) ? all.filter(record => !wanted.includes(record)) : []
  const { id, questions } = options.legacy ? query : { id: 0, questions: [] }
  return { id, isResponse: true, questions, records: [...wanted, ...more] }
}
