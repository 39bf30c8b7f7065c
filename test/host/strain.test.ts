import t from 'tap'
import { createIncidents } from '../../src/host/incidents.ts'
import { createStrain, type Readings } from '../../src/host/strain.ts'

const mb = 1024 * 1024
const calm: Readings = { rssBytes: 100 * mb, heapBytes: 10 * mb, heapLimitBytes: 100 * mb, containerBytes: undefined, lateMs: 0, canOpenFiles: true }
const limits = { softHeapPercent: 80, hardHeapPercent: 95, maxDelayMs: 2000 }

function scene (more: object = {}) {
  let readings = calm
  const left: string[] = []
  const said: string[] = []
  const incidents = createIncidents(() => 0)
  const strain = createStrain({
    limits: () => ({ ...limits, ...more }), incidents, say: (level, _fields, message) => said.push(`${level}: ${message}`), leave: reason => left.push(reason), read: lateMs => ({ ...readings, lateMs })
  })
  const look = (changed: Partial<Readings>, lateMs = 0): string | undefined => {
    readings = { ...calm, ...changed }
    strain.look(lateMs)
    try {
      strain.expectRoom()
      return undefined
    } catch (error) {
      const { code, retryAfterMs, message } = error as { code: string, retryAfterMs?: number, message: string }
      t.equal(code, 'BUSY')
      t.equal(retryAfterMs, 5000)
      return message
    }
  }
  return { look, strain, left, said, types: () => incidents.report().events.map(({ type }) => type) }
}

t.test('near the limit nothing new is begun, and a little below it everything is again', async t => {
  const { look, strain, said, types } = scene()
  t.equal(look({}), undefined)
  t.match(look({ heapBytes: 81 * mb }), /^gateway overloaded: heap: 81 MB of 80 MB$/)
  t.same(strain.failing(), ['memory-pressure'])
  t.match(look({ heapBytes: 78 * mb }), /heap/, 'not with the next byte that is freed')
  t.equal(look({ heapBytes: 70 * mb }), undefined)
  t.same(strain.failing(), [])
  t.same(types(), ['diagnostic.memory.pressure', 'diagnostic.overload.shed', 'diagnostic.overload.ended'])
  t.equal(said.length, 2, 'each is said once')
})

t.test('garbage that is about to be collected ends nobody, what stays too much ends the gateway once', async t => {
  const { look, left } = scene()
  look({ heapBytes: 96 * mb })
  look({ heapBytes: 20 * mb })
  t.same(left, [])
  for (let round = 0; round < 5; round++) look({ heapBytes: 96 * mb })
  t.same(left, ['heap: 96 MB of 95 MB'])
})

t.test('a container limits all memory, settings win over it, and without either nothing does', async t => {
  t.equal(scene().look({ rssBytes: 10_000 * mb }), undefined)
  t.match(scene().look({ rssBytes: 430 * mb, containerBytes: 500 * mb }), /memory: 430 MB of 425 MB/)
  t.equal(scene({ softRssMb: 450 }).look({ rssBytes: 430 * mb, containerBytes: 500 * mb }), undefined)
})

t.test('a late loop and used-up descriptors shed, and only the descriptors make it unready', async t => {
  const { look, strain, left } = scene()
  t.match(look({}, 2500), /the event loop is 2500 ms late/)
  t.same(strain.failing(), [])
  t.match(look({ canOpenFiles: false }), /descriptor/)
  t.same(strain.failing(), ['file-descriptors'])
  t.equal(look({}), undefined)
  t.equal(scene({ maxDelayMs: 0 }).look({}, 60_000), undefined, 'unless nobody minds')
  t.same(left, [])
})
