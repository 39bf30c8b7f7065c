import t from 'tap'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { createFrameReader } from '../../bench/wire/frames.ts'
import { openSocket, type Ended } from '../../bench/wire/socket.ts'

t.test('frames of every length form go to a ws server and back unchanged', async t => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  t.teardown(() => server.close())
  await once(server, 'listening')
  server.on('connection', socket => socket.on('message', data => socket.send(data.toString())))
  const socket = openSocket({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  const texts = [1, 125, 126, 65_535, 65_536, 200_000].map(length => 'é'.repeat(length >> 1) + 'x'.repeat(length & 1))
  const got: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.onText = payload => {
    got.push(payload.toString())
    if (got.length === texts.length) resolve()
    else socket.send(texts[got.length]!)
  }
  server.once('connection', () => socket.send(texts[0]!))
  await promise
  t.same(got, texts)
  const ended = new Promise<Ended>(resolve => { socket.onEnd = resolve })
  for (const client of server.clients) client.close(1008, 'enough')
  t.same(await ended, { closeCode: 1008, reason: 'enough' })
})

t.test('a byte stream is cut into the same messages however it arrives', async t => {
  const stream = Buffer.concat([
    Buffer.from([0x81, 2]), Buffer.from('ab'),
    Buffer.from([0x01, 1]), Buffer.from('c'), Buffer.from([0x89, 0]), Buffer.from([0x80, 1]), Buffer.from('d'),
    Buffer.from([0x81, 126, 0, 130]), Buffer.alloc(130, 'e')
  ])
  const wanted = [[1, 'ab'], [9, ''], [1, 'cd'], [1, 'e'.repeat(130)]]
  for (let size = 1; size <= stream.length; size++) {
    const got: unknown[] = []
    const read = createFrameReader((opcode, payload) => got.push([opcode, payload.toString()]))
    for (let at = 0; at < stream.length; at += size) read(stream.subarray(at, at + size))
    t.same(got, wanted, `in pieces of ${size}`)
  }
})
