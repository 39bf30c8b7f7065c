import t from 'tap'
import { existsSync } from 'node:fs'
import { cpuMsOf, memoryOf, parseStat } from '../../bench/process-figures.ts'

t.test('a stat line is read past a process name that holds spaces and brackets', async t => {
  const line = '42 (a (b) c) S 7 42 42 0 -1 4194304 100 0 0 0 30 12 3 5 20 0 11 0 100 0 0'
  t.same(parseStat(line), { pid: 42, parent: 7, cpuMs: 500 })
})

t.test('a process costs memory and CPU time, and one that does not exist is not a number', { skip: !existsSync('/proc/self/stat') }, async t => {
  const { rssKb, processes } = memoryOf(process.pid)
  t.ok(rssKb > 10_000 && processes >= 1)
  t.ok(cpuMsOf(process.pid) > 0)
  t.ok(Number.isNaN(cpuMsOf(undefined)))
  t.ok(Number.isNaN(memoryOf(undefined).rssKb))
})
