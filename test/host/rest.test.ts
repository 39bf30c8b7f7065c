import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import t from 'tap'
import { createRest } from '../../src/host/rest.ts'
import { eventually } from '../fixtures/eventually.ts'

// An engine that is left alone gives memory back as well, after a while of its own choosing: here only what is tested does.
setFlagsFromString('--no-memory-reducer')

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
  t.ok(await eventually(nursery, size => size <= before / 2, 30_000), `given back of ${before}`)
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
    setInterval(() => heat(awake), 50)
  `
  const child = spawn(process.execPath, ['--trace-opt', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', text => { said += text })
  t.ok(await eventually(() => /completed optimizing .*JSFunction awake.*TURBOFAN/.test(said), Boolean, 30_000), 'once it is up')
  t.match(said, '\nnow\n')
  t.notMatch(said.split('\nnow\n')[0], /completed optimizing .*JSFunction asleep.*TURBOFAN/, 'while it starts')
})
