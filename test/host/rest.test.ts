import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import t from 'tap'
import { createRest } from '../../src/host/rest.ts'

const nursery = (): number => getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')!.physical_space_size

/** Enough survivors at once make a nursery grow. */
async function burst (): Promise<void> {
  const kept: object[][] = []
  for (let round = 0; round < 60; round++) {
    kept.push(Array.from({ length: 20_000 }, (_, index) => ({ index, text: `entry ${index}` })))
    if (kept.length > 4) kept.shift()
    await new Promise(resolve => setImmediate(resolve))
  }
}

t.test('what a burst of work took is given back once there is nothing to do', async t => {
  await burst()
  const before = nursery()
  t.ok(before > 4 * 1024 * 1024, `the nursery has grown: ${before}`)
  const rest = createRest()
  t.teardown(() => rest.stop())
  const deadline = performance.now() + 20_000
  while (nursery() > before / 2 && performance.now() < deadline) await sleep(100)
  t.ok(nursery() <= before / 2, `given back: ${nursery()} of ${before}`)
})

t.test('nothing is collected any more after it was stopped', async t => {
  const rest = createRest()
  rest.stop()
  await burst()
  const before = nursery()
  await sleep(1_500)
  t.ok(nursery() >= before, `untouched: ${nursery()} of ${before}`)
})
