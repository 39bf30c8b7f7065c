import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { browse } from '../../src/lib/mdns/browse.ts'
import { serviceType, type MdnsPlace } from '../../src/lib/mdns/link.ts'
import { decodeMessage, encodeMessage, recordTypes, type DnsMessage, type DnsRecord } from '../../src/lib/mdns/message.ts'
import { createResponder, type Responder } from '../../src/lib/mdns/responder.ts'
import { eventually, freePort } from '../process/daemon.ts'

const service = {
  instance: 'a.machine (OpenClaw)', host: 'openclaw-0123.local', port: 18789, entries: { role: 'gateway', gatewayPort: '18789' }
}

async function peer (t: Test, place?: MdnsPlace): Promise<{ socket: Socket, heard: DnsMessage[] }> {
  const heard: DnsMessage[] = []
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.on('message', bytes => {
    const message = decodeMessage(bytes)
    if (message?.isResponse) heard.push(message)
  })
  socket.bind(place?.port ?? 0, place ? '0.0.0.0' : '127.0.0.1')
  await once(socket, 'listening')
  if (place) {
    socket.addMembership(place.address, '127.0.0.1')
    socket.setMulticastInterface('127.0.0.1')
  }
  t.teardown(() => { socket.close() })
  return { socket, heard }
}

function respond (t: Test, place: MdnsPlace, troubles: Error[] = []): Responder {
  const responder = createResponder({ place, service, networks: () => ['127.0.0.1'], onTrouble: error => { troubles.push(error) } })
  t.teardown(() => responder.close())
  return responder
}

const query = (id = 7, records: DnsRecord[] = [], name = serviceType, type: number = recordTypes.PTR): Buffer =>
  encodeMessage({ id, isResponse: false, questions: [{ name, type, unicast: false }], records })

t.test('whoever asks from its own port is answered alone, with everything that it takes to connect', async t => {
  const place = { address: '127.0.0.1', port: await freePort() }
  respond(t, place)
  const { socket, heard } = await peer(t)
  await eventually(async () => {
    socket.send(query(), place.port, place.address)
    return heard.length > 0
  }, Boolean)
  const [answer] = heard
  t.match(answer, { id: 7, isResponse: true, questions: [{ name: serviceType }] })
  t.same(answer!.records.map(({ type }) => type), [recordTypes.PTR, recordTypes.SRV, recordTypes.TXT, recordTypes.A])
  t.match(answer!.records, [{ ttlSeconds: 10 }, { port: 18789, target: service.host }, { entries: service.entries }, { address: '127.0.0.1' }])
  t.match(await eventually(() => browse(place, ['127.0.0.1'], 300), found => found.length > 0), [{ instance: service.instance, port: 18789, addresses: ['127.0.0.1'], entries: service.entries }])
})

t.test('everybody hears the beginning and the goodbye, and no more than an answer each second', async t => {
  const place = { address: '224.0.0.251', port: await freePort() }
  const { socket, heard } = await peer(t, place)
  const responder = respond(t, place)
  await eventually(async () => heard.length >= 2, Boolean)
  t.ok(heard.every(({ records }) => records[0]!.ttlSeconds === 4500), 'announced twice')
  const announcedAt = performance.now()
  await eventually(async () => performance.now() - announcedAt > 1100, Boolean)
  const before = heard.length
  const beganAt = performance.now()
  for (let sent = 0; sent < 100; sent++) socket.send(query(sent), place.port, place.address)
  await eventually(() => heard.length > before)
  await eventually(async () => performance.now() - beganAt > 700, Boolean)
  const allowed = 1 + Math.ceil((performance.now() - beganAt) / 1000)
  t.ok(heard.length > before && heard.length - before <= allowed, `${heard.length - before} answers to a hundred questions`)
  await responder.close()
  const isGoodbye = ({ records }: DnsMessage): boolean => records.every(({ ttlSeconds }) => ttlSeconds === 0)
  t.ok(await eventually(async () => isGoodbye(heard.at(-1)!), Boolean), 'what was said is taken back')
})

t.test('broken packets, answers, foreign questions and what is known already are passed over', async t => {
  const place = { address: '127.0.0.1', port: await freePort() }
  const troubles: Error[] = []
  respond(t, place, troubles)
  const { socket, heard } = await peer(t)
  await eventually(async () => {
    socket.send(query(1), place.port, place.address)
    return heard.length > 0
  }, Boolean)
  const whole = query()
  const loop = Buffer.concat([whole.subarray(0, 12), Buffer.from([0xc0, 12, 0, 12, 0, 1])])
  const many = Buffer.from(whole)
  many.writeUInt16BE(0xffff, 4)
  const known: DnsRecord = {
    type: recordTypes.PTR, name: serviceType, target: heard[0]!.records[0]!.type === recordTypes.PTR ? heard[0]!.records[0]!.target : '', ttlSeconds: 4500, unique: false
  }
  const broken = [Buffer.alloc(0), loop, many, Buffer.alloc(20_000, 1), ...[...whole.keys()].map(end => whole.subarray(0, end))]
  const passed = [...broken, encodeMessage({ ...heard[0]!, id: 12 }), query(8, [known]), query(9, [], '_ipp._tcp.local'), query(10, [], serviceType, recordTypes.A)]
  t.ok(broken.every(bytes => decodeMessage(bytes) === undefined))
  heard.length = 0
  for (const bytes of passed) socket.send(bytes, place.port, place.address)
  await eventually(async () => {
    socket.send(query(11), place.port, place.address)
    return heard.some(({ id }) => id === 11)
  }, Boolean)
  // Questions of the beginning may still be answered.
  t.same(heard.filter(({ id }) => id !== 11 && id !== 1), [])
  t.ok(heard.some(({ id }) => id === 11))
  t.same(troubles, [])
})

t.test('a storm of questions from one machine is answered a few times a second', async t => {
  const place = { address: '127.0.0.1', port: await freePort() }
  respond(t, place)
  const { socket, heard } = await peer(t)
  await eventually(async () => {
    socket.send(query(), place.port, place.address)
    return heard.length > 0
  }, Boolean)
  heard.length = 0
  const beganAt = performance.now()
  for (let sent = 0; sent < 500; sent++) socket.send(query(sent), place.port, place.address)
  await eventually(async () => performance.now() - beganAt > 500, Boolean)
  t.ok(heard.length <= 10 * (2 + Math.floor((performance.now() - beganAt) / 1000)), `${heard.length} answers to 500 questions`)
})

t.test('a port that cannot be had is told once and hurts nobody', async t => {
  const taken = createSocket('udp4')
  taken.bind(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => { taken.close() })
  const troubles: Error[] = []
  const responder = respond(t, { address: '127.0.0.1', port: taken.address().port }, troubles)
  await eventually(async () => troubles.length > 0, Boolean)
  t.match(troubles, [{ code: 'EADDRINUSE' }])
  await responder.close()
  t.equal(troubles.length, 1)
})
