import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { createCaller } from '../../src/auth/caller.ts'
import type { GatewayEvent } from '../../src/events/bus.ts'
import { Connection } from '../../src/rpc/connection.ts'
import { createConnections } from '../../src/rpc/connections.ts'
import { createFanOut } from '../../src/rpc/fan-out.ts'

interface Test { teardown (fn: () => unknown): void }

const lagBytes = 50_000
const address = '127.0.0.1'

/** Real sockets with connections as the gateway keeps them. */
async function createRoom (t: Test, follows: (id: string, key: string) => boolean = () => false) {
  const server = new WebSocketServer({ port: 0, host: address })
  await once(server, 'listening')
  t.teardown(() => server.close())
  const connections = createConnections(() => ({ preauthPerAddress: 10, preauthTotal: 10 }), () => {})
  const slow: string[] = []
  const fanOut = createFanOut({ connections, lagBytes, follows, onSlow: ({ id }) => slow.push(id) })
  async function join (id: string, caps: string[] = []) {
    const accepted = once(server, 'connection') as Promise<[WebSocket]>
    const client = new WebSocket(`ws://${address}:${(server.address() as AddressInfo).port}`)
    t.teardown(() => client.terminate())
    const heard: any[] = []
    client.on('message', data => heard.push(JSON.parse(String(data))))
    const [[socket]] = await Promise.all([accepted, once(client, 'open')])
    const connection = new Connection(id, socket, { clientAddress: address } as never, { now: 0, steady: 0 })
    connection.caps = new Set(caps)
    connection.caller = createCaller({ principal: id, method: 'token', scopes: ['operator.read'], address, local: true })
    connection.state = 'connected'
    connections.add(connection)
    connections.admit(connection)
    return { client, heard, socket }
  }
  return { fanOut, join, slow }
}

const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 5))

/** A reply that grows by a piece; each event carries all of it. */
function growing (pieceLength: number) {
  let text = ''
  const next = (number: number): GatewayEvent => {
    const delta = String(number % 10).repeat(pieceLength)
    text += delta
    const whole = text
    return { event: 'chat', payload: { delta, text: whole.length }, sessionKey: 's', series: { id: 'r', whole: () => ({ delta: whole, replace: true }) } }
  }
  return { next, text: () => text }
}

t.test('a client that lags is spared pieces and then given all of it at once', async t => {
  const { fanOut, join, slow } = await createRoom(t)
  const [reader, laggard] = [await join('reader'), await join('laggard')]
  laggard.client.pause()
  const reply = growing(40_000)
  let number = 0
  while (fanOut.stats().dropped < 5) {
    fanOut.deliver(reply.next(number++))
    await turn()
  }
  laggard.client.resume()
  for (let more = 0; more < 2; more++) {
    while (laggard.socket.bufferedAmount > lagBytes) await turn()
    fanOut.deliver(reply.next(number++))
  }
  while (reader.heard.length < number || laggard.heard.length < number - fanOut.stats().dropped) await turn()
  const read = (heard: any[]): string => heard.reduce((text, { payload }) => payload.replace ? payload.delta : text + payload.delta, '')
  t.ok(read(reader.heard) === reply.text())
  t.notOk(reader.heard.some(({ payload }) => payload.replace), 'nobody else is bothered')
  t.ok(read(laggard.heard) === reply.text())
  t.equal(laggard.heard.filter(({ payload }) => payload.replace).length, 1)
  t.same(laggard.heard.map(({ seq }) => seq), laggard.heard.map((_, index) => index + 1), 'without a hole in the numbers')
  t.same(slow, [])
})

t.test('what several were told in one turn arrives whole and in order', async t => {
  const { fanOut, join } = await createRoom(t)
  const { heard } = await join('reader')
  for (let number = 0; number < 50; number++) fanOut.deliver({ event: 'agent', payload: { number } })
  while (heard.length < 50) await turn()
  t.same(heard.map(({ payload }) => payload.number), Array.from({ length: 50 }, (_, index) => index))
})

t.test('who scopes his events hears what he follows and what he began', async t => {
  const { fanOut, join } = await createRoom(t, (id, key) => id === 'follower' && key === 'followed')
  const scoped = ['session-scoped-events']
  const [everything, follower, owner] = [await join('everything'), await join('follower', scoped), await join('owner', scoped)]
  for (const sessionKey of ['followed', 'other']) fanOut.deliver({ event: 'chat', payload: sessionKey, sessionKey, ownerConnectionId: 'owner' })
  fanOut.deliver({ event: 'chat', payload: 'of nobody here', sessionKey: 'other' })
  fanOut.deliver({ event: 'tick', payload: 'for all' })
  while ([everything, follower, owner].some(({ heard }) => heard.at(-1)?.event !== 'tick')) await turn()
  t.same(everything.heard.map(({ payload }) => payload), ['followed', 'other', 'of nobody here', 'for all'])
  t.same(follower.heard.map(({ payload }) => payload), ['followed', 'for all'])
  t.same(owner.heard.map(({ payload }) => payload), ['followed', 'other', 'for all'])
})

t.test('what needs a capability goes to those who have it and are concerned', async t => {
  const { fanOut, join } = await createRoom(t, id => id === 'follower')
  const cap = ['tool-events']
  const all = [await join('plain'), await join('follower', cap), await join('owner', cap), await join('stranger', cap)]
  fanOut.deliver({ event: 'agent', payload: 'tool', sessionKey: 's', needsCap: 'tool-events', ownerConnectionId: 'owner' })
  fanOut.deliver({ event: 'tick', payload: 'end' })
  while (all.some(({ heard }) => heard.at(-1)?.event !== 'tick')) await turn()
  t.same(all.map(({ heard }) => heard.length), [1, 2, 2, 1])
})
