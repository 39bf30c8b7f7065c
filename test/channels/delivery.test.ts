import t from 'tap'
import type { OutboundMessage, SendOutcome } from '../../src/channels/define-channel.ts'
import { chunksOf, lengthOf } from '../../src/channels/delivery/chunks.ts'
import { createDelivery, maxAttempts, type Delivery } from '../../src/channels/delivery/delivery.ts'
import type { OutboundItem } from '../../src/channels/delivery/item.ts'
import type { ChannelAccount } from '../../src/channels/room.ts'
import type { Logger } from '../../src/log/logger.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import { createSimulatedClock } from '../fixtures/simulated-clock.ts'
import { hour, minute } from './scene.ts'

type Send = (message: OutboundMessage) => SendOutcome | Promise<SendOutcome>

interface Scene {
  delivery: Delivery
  readonly clock: ReturnType<typeof createSimulatedClock>
  /** What the service took, with the second at which it did. */
  readonly arrived: string[]
  readonly tried: string[]
  send: Send
  isRunning: boolean
  config: { [key: string]: unknown }
  /** For how long the service recognises a message. */
  repeatMs: number | undefined
  readonly stored: () => Promise<OutboundItem[]>
  /** As after `kill -9`: nothing is told to stop. */
  restart (): Promise<void>
}

async function open (): Promise<Scene> {
  const clock = createSimulatedClock()
  const collection = createMemoryStore().collection<OutboundItem>('outbound')
  const beganAt = clock.now()
  const quiet = { warn () {}, info () {}, error () {}, debug () {} } as unknown as Logger
  async function send (message: OutboundMessage): Promise<SendOutcome> {
    scene.tried.push(message.text)
    const outcome = await scene.send(message)
    if (outcome.kind === 'sent') scene.arrived.push(`${message.chatId} ${message.text} @${(clock.now() - beganAt) / 1000}`)
    return outcome
  }
  let generation = 0
  const make = (own = ++generation): Delivery => createDelivery({
    collection,
    clock,
    log: quiet,
    random: () => 0.5,
    maxAgeMs: () => 30 * minute,
    settingsOf: () => scene.config,
    find: () => ({
      entry: { config: scene.config },
      channel: { limits: { textLength: 20, textUnit: 'utf16' }, ...(scene.repeatMs === undefined ? {} : { repeatMs: scene.repeatMs }) },
      sent () {},
      // A process that was killed sends nothing any more.
      current: () => scene.isRunning && own === generation ? { send } : undefined
    }) as unknown as ChannelAccount
  })
  let next = 1
  const scene: Scene = {
    delivery: undefined as unknown as Delivery,
    clock,
    arrived: [],
    tried: [],
    send: () => ({ kind: 'sent', messageId: String(next++) }),
    isRunning: true,
    config: {},
    repeatMs: undefined,
    stored: async () => (await collection.all()).map(({ value }) => value),
    async restart () {
      scene.delivery = make()
      await scene.delivery.open()
    }
  }
  await scene.restart()
  return scene
}

const message = (id: string, text: string, chatId = 'c'): Parameters<Delivery['enqueue']>[0] => ({ id, channel: 'demo', accountId: 'default', chatId, text })

t.test('messages of one chat arrive in order, and a slow chat holds up no other', async t => {
  const scene = await open()
  const held = Promise.withResolvers<SendOutcome>()
  scene.send = ({ chatId }) => chatId === 'slow' ? held.promise : { kind: 'sent', messageId: '1' }
  await Promise.all([message('1', 'a', 'slow'), message('2', 'b', 'slow'), message('3', 'c'), message('4', 'd')].map(async one => await scene.delivery.enqueue(one)))
  await scene.clock.pass(1000)
  t.same(scene.arrived, ['c c @0', 'c d @0'])
  held.resolve({ kind: 'sent', messageId: '9' })
  await scene.clock.pass(1)
  t.same(scene.arrived.slice(2).map(one => one.slice(0, 6)), ['slow a', 'slow b'])
  t.same(await scene.stored(), [], 'nothing is left behind')
})

t.test('the same id is one message', async t => {
  const scene = await open()
  await Promise.all(Array.from({ length: 50 }, async () => await scene.delivery.enqueue(message('1', 'once'))))
  await scene.clock.pass(10)
  await scene.delivery.enqueue(message('1', 'once'))
  await scene.clock.pass(10)
  t.equal(scene.arrived.length, 1)
  t.same(await scene.delivery.settled('1'), { messageIds: ['1'] })
})

t.test('a long text comes in parts, and a part that is refused for now is sent again, not the ones before it', async t => {
  const scene = await open()
  let refusals = 2
  scene.send = ({ text }) => text.startsWith('third') && refusals-- > 0 ? { kind: 'later', reason: '429', retryAfterMs: 3000 } : { kind: 'sent', messageId: text }
  await scene.delivery.enqueue(message('1', 'first part is here. second part is here. third part is here.'))
  await scene.clock.pass(minute)
  t.same(scene.arrived, ['c first part is here. @0', 'c second part is here. @0', 'c third part is here. @6'])
  t.equal(scene.tried.length, 5)
})

t.test('a service that cannot be reached for twenty minutes has the message then', async t => {
  const scene = await open()
  scene.send = () => ({ kind: 'later', reason: 'no route to host' })
  await scene.delivery.enqueue(message('1', 'x'))
  await scene.clock.pass(20 * minute)
  t.match(scene.delivery.list(), [{ state: 'queued', reason: 'no route to host' }])
  t.ok(scene.tried.length > maxAttempts)
  scene.send = ({ text }) => ({ kind: 'sent', messageId: text })
  await scene.clock.pass(minute)
  t.equal(scene.arrived.length, 1)
  t.same(scene.delivery.list(), [])
})

t.test('waits grow, and what never gets through is dead with its reason, where somebody can send it again', async t => {
  const scene = await open()
  scene.send = () => ({ kind: 'later', reason: 'no route to host' })
  await scene.delivery.enqueue(message('1', 'x'))
  await scene.clock.pass(10)
  const failed = t.rejects(scene.delivery.settled('1'), { code: 'DELIVERY_FAILED', message: /no route to host/ })
  await scene.clock.pass(5 * minute)
  t.ok(scene.tried.length < 20, 'half a minute apart in the end')
  await scene.clock.pass(60 * minute)
  await failed
  t.match(scene.delivery.list(), [{ state: 'dead', reason: /^\d+ tries: no route to host$/ }])
  scene.send = () => ({ kind: 'sent', messageId: '7' })
  t.equal(await scene.delivery.retry('1'), true)
  await scene.clock.pass(10)
  t.equal(scene.arrived.length, 1)
  t.equal(await scene.delivery.retry('1'), false)
})

t.test('what is refused for good is not tried again, and the next message goes on', async t => {
  const scene = await open()
  scene.send = ({ text }) => text === 'bad' ? { kind: 'refused', reason: 'chat not found' } : { kind: 'sent', messageId: '1' }
  await scene.delivery.enqueue(message('1', 'bad'))
  await scene.delivery.enqueue(message('2', 'good'))
  await scene.clock.pass(10)
  t.same(scene.tried, ['bad', 'good'])
  t.match(scene.delivery.list(), [{ id: '1', state: 'dead', reason: 'chat not found', attempts: 1 }])
  t.equal(await scene.delivery.discard('1'), true)
  t.same(await scene.stored(), [])
})

t.test('a send whose outcome nobody knows is parked, or tried again where the channel says so', async t => {
  for (const policy of ['park', 'retry']) {
    const scene = await open()
    scene.config = { unknownOutcome: policy }
    let first = true
    scene.send = () => {
      if (!first) return { kind: 'sent', messageId: '1' }
      first = false
      throw new Error('socket hang up')
    }
    await scene.delivery.enqueue(message('1', 'x'))
    await scene.clock.pass(minute)
    t.equal(scene.tried.length, policy === 'park' ? 1 : 2, policy)
    if (policy === 'park') t.match(scene.delivery.list(), [{ state: 'parked', reason: 'nobody knows whether it arrived: socket hang up', attempts: 1 }])
    else t.same(scene.delivery.list(), [])
  }
})

t.test('after a crash: what waited is sent, what was being sent is parked, what is too old is parked', async t => {
  const scene = await open()
  scene.isRunning = false
  await scene.delivery.enqueue(message('old', 'old', 'a'))
  await scene.clock.pass(hour)
  await scene.delivery.enqueue(message('waiting', 'waiting', 'b'))
  scene.isRunning = true
  scene.send = () => new Promise(() => {})
  await scene.delivery.enqueue(message('sending', 'sending', 'c'))
  await scene.clock.pass(10)
  scene.send = () => ({ kind: 'sent', messageId: '1' })
  const tried = scene.tried.length
  scene.isRunning = false
  await scene.restart()
  scene.isRunning = true
  await scene.clock.pass(minute)
  t.same(scene.tried.slice(tried).filter(text => text !== 'waiting'), [], 'neither of the others is sent')
  t.match(scene.delivery.list().map(({ id, state, attempts }) => `${id} ${state} ${attempts}`).sort(), ['old parked 0', 'sending parked 1'])
})

t.test('after a crash what was being sent is sent again where the settings say so', async t => {
  const scene = await open()
  scene.config = { unknownOutcome: 'retry' }
  scene.send = () => new Promise(() => {})
  await scene.delivery.enqueue(message('sending', 'sending'))
  await scene.clock.pass(10)
  scene.send = () => ({ kind: 'sent', messageId: '1' })
  await scene.restart()
  await scene.clock.pass(minute)
  t.same([scene.arrived.length, scene.delivery.list()], [1, []])
})

t.test('after a crash what was being sent is sent again for as long as the service recognises it', async t => {
  const scene = await open()
  scene.repeatMs = 2 * minute
  scene.send = async () => await new Promise(() => {})
  await scene.delivery.enqueue(message('soon', 'soon'))
  await scene.clock.pass(minute)
  const tried = scene.tried.length
  scene.isRunning = false
  await scene.restart()
  scene.isRunning = true
  scene.send = () => ({ kind: 'later', reason: 'busy', retryAfterMs: 90_000 })
  await scene.clock.pass(5_000)
  t.ok(scene.tried.length > tried, 'sent again')
  scene.send = () => ({ kind: 'sent', messageId: '7' })
  await scene.clock.pass(2 * minute)
  t.same(scene.arrived, [], 'and not any more when the service has forgotten it')
  t.match(await scene.stored(), [{ state: 'parked', reason: /an earlier try may have arrived/ }])
  await scene.delivery.retry('soon')
  await scene.clock.pass(5_000)
  t.equal(scene.arrived.length, 1, 'a person decides')
})

t.test('what the service has forgotten meanwhile is sent again where the settings say so', async t => {
  const scene = await open()
  scene.repeatMs = 2 * minute
  scene.config = { unknownOutcome: 'retry' }
  scene.send = async () => await new Promise(() => {})
  await scene.delivery.enqueue(message('1', 'x'))
  await scene.clock.pass(minute)
  scene.isRunning = false
  await scene.restart()
  await scene.clock.pass(2 * minute)
  t.match(scene.delivery.list(), [{ state: 'queued', attempts: 1 }])
  scene.isRunning = true
  scene.send = () => ({ kind: 'sent', messageId: '7' })
  await scene.clock.pass(minute)
  t.same([scene.arrived.length, scene.delivery.list()], [1, []])
})

t.test('while an account does not run its messages wait, and count no try', async t => {
  const scene = await open()
  scene.isRunning = false
  await scene.delivery.enqueue(message('1', 'x'))
  await scene.clock.pass(20 * minute)
  t.match(scene.delivery.list(), [{ state: 'queued', attempts: 0 }])
  scene.isRunning = true
  await scene.clock.pass(3000)
  t.equal(scene.arrived.length, 1)
})

t.test('what is prepared for the commit of somebody else is sent when that is through', async t => {
  const scene = await open()
  const { ops, committed } = scene.delivery.prepare(message('1', 'x'))
  t.match(ops, [{ op: 'put', collection: 'outbound', key: '1', value: { text: 'x', state: 'queued' } }])
  await scene.clock.pass(10)
  t.same(scene.tried, [])
  committed()
  committed()
  await scene.clock.pass(10)
  t.same(scene.tried, ['x'])
})

t.test('parts fit the service, keep every character, and keep code code', t => {
  const text = 'Words and words. '.repeat(40) + '👩‍👩‍👧 '.repeat(30) + 'x'.repeat(300)
  for (const textUnit of ['utf16', 'code-points', 'bytes'] as const) {
    const parts = chunksOf(text, { textLength: 100, textUnit })
    t.ok(parts.every(part => lengthOf(part, textUnit) <= 100), textUnit)
    t.ok(parts.every(part => part.isWellFormed()), 'no half characters')
    t.equal(parts.join('').replace(/\s/g, ''), text.replace(/\s/g, ''))
  }
  const code = `intro\n\`\`\`js\n${'const a = 1\n'.repeat(30)}\`\`\`\nend`
  const parts = chunksOf(code, { textLength: 120, textUnit: 'utf16' })
  t.ok(parts.length > 2)
  for (const part of parts) {
    t.ok(part.length <= 120)
    t.equal(part.split('```').length % 2, 1, 'each part opens and closes its blocks')
  }
  t.same(chunksOf('   ', { textLength: 10, textUnit: 'utf16' }), [])
  t.same(chunksOf('short', { textLength: 10, textUnit: 'utf16' }), ['short'])
  t.end()
})
