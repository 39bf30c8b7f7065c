import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
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

t.test('the optimizer that sleeps while the gateway starts is at work afterwards', async t => {
  const launcher = readFileSync(new URL('../../bin/openclaw.js', import.meta.url), 'utf8')
  const flag = /setFlagsFromString\('(--no-turbofan)'\)/.exec(launcher)![1]!
  const script = `
    import { setFlagsFromString } from 'node:v8'
    import { createRest } from ${JSON.stringify(new URL('../../src/host/rest.ts', import.meta.url).href)}
    setFlagsFromString(${JSON.stringify(flag)})
    const body = Array.from({ length: 60 }, (_, index) => 'sum += index % ' + (index + 2) + ' * n').join(';')
    const make = name => Function('return function ' + name + ' (n) { let sum = 0; for (let index = 0; index < 200; index++) {' + body + '} return sum }')()
    const asleep = make('asleep'), awake = make('awake')
    const heat = work => { for (let round = 0; round < 3000; round++) work(round) }
    heat(asleep)
    console.log('now')
    createRest()
    setTimeout(() => { heat(awake); heat(awake); setTimeout(() => process.exit(), 500) }, 800)
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--trace-opt', '--input-type=module', '-e', script], { maxBuffer: 2 ** 26 })
  const [before, after] = stdout.split('\nnow\n')
  t.notMatch(before, /completed optimizing .*JSFunction asleep.*TURBOFAN/, 'while it starts')
  t.match(after, /completed optimizing .*JSFunction awake.*TURBOFAN/, 'once it is up')
})
