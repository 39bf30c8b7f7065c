import t from 'tap'
import { createEventBus } from '../../src/events/bus.ts'

t.test('a listener that throws stops neither the others nor the emitter, and is reported', async t => {
  const problems: unknown[] = []
  const bus = createEventBus((error, event) => problems.push([(error as Error).message, event]))
  const heard: unknown[] = []
  bus.subscribe(() => { throw new Error('broken') })
  const off = bus.subscribe(({ event, payload }) => heard.push([event, payload]))
  bus.emit('tick', { ts: 1 })
  off()
  bus.emit('tick', { ts: 2 })
  t.same(heard, [['tick', { ts: 1 }]])
  t.same(problems, [['broken', 'tick'], ['broken', 'tick']])
})
