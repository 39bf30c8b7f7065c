/** What a start finds of those before it: how they ended, and whether that was too often. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { countStart, type Starts } from '../../src/process/starts.ts'
import { freshDirectory } from '../fixtures/own-directory.ts'

type Test = { testdir (): string, teardown (fn: () => unknown): void }

const minuteMs = 60_000

function machine (t: Test, rules = { maxUncleanStarts: 3, windowMinutes: 5 }) {
  const stateDir = freshDirectory(t)
  const file = join(stateDir, 'starts.json')
  const time = { now: Date.parse('2026-11-22T03:00:00Z') }
  return {
    file,
    time,
    written: () => JSON.parse(readFileSync(file, 'utf8')),
    start: async (isRestart = false): Promise<Starts> => await countStart({ stateDir }, { isRestart, rules, now: () => time.now })
  }
}

t.test('three starts within five minutes that ended without a word hold back the next, until their time is over', async t => {
  const { start, time } = machine(t)
  for (let count = 0; count < 3; count++) {
    t.equal((await start()).unclean, undefined)
    time.now += minuteMs
  }
  const held = await start()
  t.match(held, { counts: { first: 1, crash: 3 }, trips: 1, unclean: { count: 3, windowMs: 5 * minuteMs, liftsInMs: 2 * minuteMs } })
  // The one that was held back ends in the same way, and the first of the others is forgotten by then.
  time.now += 2 * minuteMs
  t.match(await start(), { trips: 2, unclean: { count: 3, liftsInMs: minuteMs } })
  time.now += 60 * minuteMs
  t.match(await start(), { trips: 2, unclean: undefined }, 'whoever ran for an hour is in no circle')
})

t.test('an end in good order, or a restart, forgets them', async t => {
  for (const isRestart of [false, true]) {
    const { start } = machine(t)
    await start()
    await start()
    const third = await start()
    await third.ended()
    t.equal((await start(isRestart)).unclean, undefined)
    t.equal((await start()).unclean, undefined, 'one alone is none too many')
  }
})

t.test('the numbers are those of the configuration, and nought switches it off', async t => {
  const strict = machine(t, { maxUncleanStarts: 1, windowMinutes: 60 })
  await strict.start()
  strict.time.now += 59 * minuteMs
  t.match(await strict.start(), { unclean: { count: 1, windowMs: 60 * minuteMs, liftsInMs: minuteMs } })
  const off = machine(t, { maxUncleanStarts: 0, windowMinutes: 5 })
  for (let count = 0; count < 80; count++) t.equal((await off.start()).unclean, undefined)
  t.ok(off.written().unclean.length <= 50, 'and the file does not grow')
})

t.test('a clock that was set back, an older file and a broken one hold nobody back', async t => {
  const { start, time, file } = machine(t)
  for (let count = 0; count < 3; count++) await start()
  time.now -= 60 * minuteMs
  t.equal((await start()).unclean, undefined)
  for (const text of ['{"counts":{"crash":9},"isOpen":true}', '{"isOpen":true,"beganAtMs":"now","unclean":{"a":1},"trips":-1}', 'garbage', '[]']) {
    writeFileSync(file, text)
    t.match(await start(), { unclean: undefined, trips: 0 })
  }
})
