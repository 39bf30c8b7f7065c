/** Asks the local network who offers the service. Answers are hearsay: anybody there may send any. */
import { createSocket, type Socket } from 'node:dgram'
import { mostNetworks, sendToAll, serviceType, type MdnsPlace } from './link.ts'
import { decodeMessage, encodeMessage, labelsOf, recordTypes, sameName, type DnsRecord } from './message.ts'

export interface Found {
  readonly instance: string
  readonly host: string
  readonly port: number
  readonly addresses: readonly string[]
  readonly entries: { readonly [key: string]: string }
}

const mostFound = 100
const mostAnswers = 2_000
/** A question may be lost like every datagram. */
const askAgainMs = 700

const question = encodeMessage({
  id: 0, isResponse: false, questions: [{ name: serviceType, type: recordTypes.PTR, unicast: true }], records: []
})

/** The services of one answer. What the answer does not bring along cannot be reached and is left out. */
function servicesOf (records: readonly DnsRecord[]): Found[] {
  return records.flatMap(pointer => {
    if (pointer.type !== recordTypes.PTR || pointer.ttlSeconds === 0 || !sameName(pointer.name, serviceType)) return []
    const about = records.filter(({ name }) => sameName(name, pointer.target))
    const where = about.find(record => record.type === recordTypes.SRV)
    if (where?.type !== recordTypes.SRV || where.port === 0) return []
    const said = about.find(record => record.type === recordTypes.TXT)
    const isAddress = (record: DnsRecord) => record.type === recordTypes.A && sameName(record.name, where.target)
    const addresses = records.flatMap(record => isAddress(record) && 'address' in record ? [record.address] : [])
    const entries = said?.type === recordTypes.TXT ? said.entries : {}
    return [{ instance: labelsOf(pointer.target)[0] ?? '', host: where.target, port: where.port, addresses, entries }]
  })
}

function open (): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', reuseAddr: true })
    socket.once('error', reject)
    socket.bind(0, () => {
      socket.removeListener('error', reject)
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

/** Listens for as long as it is told. A network that cannot be asked has nobody in it. */
export async function browse (place: MdnsPlace, networks: readonly string[], timeoutMs: number): Promise<Found[]> {
  const found = new Map<string, Found>()
  const socket = await open()
  let answers = 0
  socket.on('message', bytes => {
    const message = answers++ < mostAnswers ? decodeMessage(bytes) : undefined
    for (const service of message?.isResponse ? servicesOf(message.records) : []) {
      const known = found.get(service.instance)
      if (!known && found.size >= mostFound) return
      // The same gateway answers in every network that it is in.
      const addresses = [...new Set([...known?.addresses ?? [], ...service.addresses])].slice(0, mostNetworks)
      found.set(service.instance, { ...service, addresses })
    }
  })
  const ask = (): void => { void sendToAll(socket, place, networks, () => question) }
  ask()
  const again = setTimeout(ask, Math.min(askAgainMs, timeoutMs / 2))
  await new Promise(resolve => setTimeout(resolve, timeoutMs))
  clearTimeout(again)
  await new Promise<void>(resolve => socket.close(() => resolve()))
  return [...found.values()]
}
