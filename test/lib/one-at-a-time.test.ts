import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createLanes, createOneAtATime } from '../../src/lib/one-at-a-time.ts'

t.test('work on one thing is done in the order in which it was asked for, whatever became of the work before it', async t => {
  const take = createOneAtATime()
  const done: string[] = []
  const slow = take(async () => { await turn(); done.push('slow') })
  const failing = take(async () => { done.push('failing'); throw new Error('no') })
  const last = take(async () => { done.push('last') })
  await t.rejects(failing, { message: 'no' })
  await Promise.all([slow, last])
  t.same(done, ['slow', 'failing', 'last'])
})

t.test('lanes of other keys do not wait, and each keeps its own order', async t => {
  const inLane = createLanes()
  const gate = Promise.withResolvers<void>()
  const done: string[] = []
  const first = inLane('a', async () => { await gate.promise; done.push('a1') })
  const second = inLane('a', async () => { done.push('a2'); throw new Error('no') })
  t.equal(await inLane('b', async () => { done.push('b'); return 7 }), 7)
  t.same(done, ['b'])
  const refused = t.rejects(second, { message: 'no' })
  gate.resolve()
  await Promise.all([first, refused])
  await inLane('a', async () => { done.push('a3') })
  t.same(done, ['b', 'a1', 'a2', 'a3'])
})
