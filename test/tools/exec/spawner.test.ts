import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { once } from 'node:events'
import t from 'tap'
import { createOutput } from '../../../src/tools/exec/output.ts'
import type { Printed } from '../../../src/tools/exec/spawner/orders.ts'
import { createPacing } from '../../../src/tools/exec/spawner/pacing.ts'
import { createSpawner } from '../../../src/tools/exec/spawner/spawner.ts'
import { endTree, treeOf } from '../../../src/tools/exec/process-tree.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'
import { detailsOf, execDesk, processesWith, until } from './exec-desk.ts'
import { eventually } from '../../fixtures/eventually.ts'

/** A duration that no other process on this machine sleeps for. */
const odd = (): string => `${randomInt(10_000, 99_999)}.${randomInt(10_000, 99_999)}`

const program = (command: string) => ({ file: '/bin/sh', args: ['-c', command], cwd: '/', env: { PATH: '/usr/bin:/bin' }, stdin: 'ignore' as const })

const marked = (marker: string, command: string) => ({ ...program(command), env: { PATH: '/usr/bin:/bin', OPENCLAW_EXEC_ID: marker } })

const parentOf = (pid: number): number => Number(/^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
const isRunning = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
/** The process that started it; ended by tests, so it has to be a child of this one. */
function spawnerOf (pid: number): number {
  const spawner = parentOf(pid)
  if (!(spawner > 1) || spawner === process.pid || parentOf(spawner) !== process.pid) throw new Error(`no process of this test: ${spawner}`)
  return spawner
}

t.test('commands are children of a process that is there only while there are some', async t => {
  const spawner = createSpawner({ env: {}, idleMs: 100 })
  t.teardown(() => spawner.close())
  const first = await spawner.start(program('sleep 30'), { marker: 'first', onOutput () {} })
  const second = await spawner.start(program('exit 3'), { marker: 'second', onOutput () {} })
  const pid = spawnerOf(first.pid)
  t.match(await second.ended, { code: 3, signal: null, isClean: true })
  first.stop(0)
  t.match(await first.ended, { code: null, signal: 'SIGKILL', isClean: true })
  t.ok(await until(() => !isRunning(pid)), 'it goes when nothing comes')
  const third = await spawner.start(program('exit 4'), { marker: 'third', onOutput () {} })
  t.match(await third.ended, { code: 4 }, 'and is there again for the next')
  await t.rejects(spawner.start({ ...program(''), file: '/nowhere/sh' }, { marker: 'fourth', onOutput () {} }), /ENOENT/)
})

t.test('a gateway that is killed leaves no command behind', async t => {
  const word = odd()
  const command = `(setsid sleep ${word} &); sleep ${word} & sleep ${word}`
  const gateway = spawn(process.execPath, [fileURLToPath(new URL('./doomed-exec.ts', import.meta.url)), ownDirectory(t), command], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => gateway.kill('SIGKILL'))
  await new Promise(resolve => gateway.stdout.once('data', resolve))
  t.ok(await until(async () => (await processesWith(`sleep\0${word}`)).length === 3), 'they run')
  gateway.kill('SIGKILL')
  t.ok(await until(async () => (await processesWith(word)).length === 0))
})

t.test('a command that ends whoever started it ends itself, and the next one runs', async t => {
  const { exec } = await execDesk(t)
  const word = odd()
  const result = await exec({ command: `(setsid sleep ${word} &); sleep ${word} & sleep 0.5; kill -9 $PPID; sleep ${word}` })
  t.match(result, { isError: true, details: { status: 'failed', exitSignal: 'SIGKILL', exitReason: 'signal' } })
  t.ok(await until(async () => (await processesWith(`sleep\0${word}`)).length === 0))
  t.match(await exec({ command: 'echo next' }), { details: { exitCode: 0, aggregated: 'next\n' } })
})

t.test('one that is stopped in its tracks holds no run back', async t => {
  const stuck = async (word: string, stops: string) => {
    const spawner = createSpawner({ env: {}, answerMs: 4000 })
    t.teardown(() => spawner.close())
    return await spawner.start(marked(word, `(sleep ${word}) & ${stops}; sleep ${word}`), { marker: word, onOutput () {} })
  }
  const [early, late] = [odd(), odd()]
  const unheard = stuck(early, 'kill -STOP $PPID').then(async command => {
    command.stop(0)
    return (await command.ended).signal
  }, (error: Error) => error.message)
  const running = await stuck(late, 'sleep 0.5; kill -STOP $PPID')
  t.ok(await until(() => /^State:\tT/m.test(readFileSync(`/proc/${spawnerOf(running.pid)}/status`, 'utf8'))))
  running.stop(0)
  t.match(await running.ended, { signal: 'SIGKILL', isClean: true })
  t.match(await unheard, /SIGKILL/)
  for (const word of [early, late]) {
    t.ok(await until(async () => (await processesWith(`sleep\0${word}`)).length === 0), 'also of a command that nobody has heard of yet')
  }
})

t.test('what is left out on the way is what would have been left out at its end', t => {
  const [all, paced] = [createOutput(), createOutput()]
  const take = ({ head, skipped, tail }: Printed): void => {
    paced.add(head)
    paced.skip(skipped)
    paced.add(tail)
  }
  const limits = { headBytes: 32_768, tailBytes: 98_304 }
  let left = (): void => {}
  const pacing = createPacing(limits, (printed, done) => {
    take(printed)
    left = done
  })
  for (let chunk = 0; chunk < 400; chunk++) {
    const bytes = Buffer.from(`${chunk} `.repeat(randomInt(1, 20_000)))
    all.add(bytes)
    pacing.add(bytes)
    if (chunk % 7 === 0) pacing.flush()
    if (chunk % 5 === 0) left()
  }
  pacing.flush()
  t.equal(paced.totalBytes, all.totalBytes)
  t.equal(paced.text(), all.text())
  t.same(paced.since(all.totalBytes - 1000), all.since(all.totalBytes - 1000))
  t.end()
})

t.test('what a command prints slowly is told while it runs', async t => {
  const { exec, process } = await execDesk(t)
  const { sessionId } = detailsOf(await exec({ command: 'echo one; sleep 30', background: true }))
  t.ok(await until(async () => /one/.test(detailsOf(await process({ action: 'log', sessionId })).log)))
})

t.test('a pid that leads no command means nothing, not every process there is', async t => {
  for (const leader of [0, -1, 1, process.pid, Number.NaN]) t.same(await treeOf(leader, 'nobody-has-this-mark'), [], String(leader))
})

t.test('the tree of a command has its children and grandchildren, never the process that asks', async t => {
  const child = spawn('/bin/sh', ['-c', 'sleep 60 & (setsid sleep 60 &) ; echo ready; wait'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env['PATH'], OPENCLAW_EXEC_ID: 'tree-test' } })
  await once(child.stdout, 'data')
  const exited = once(child, 'exit')
  const members = await eventually(() => treeOf(child.pid!, 'tree-test'), all => all.length >= 3)
  t.notOk(members.includes(process.pid))
  t.equal(await endTree(child.pid!, 'tree-test', { graceMs: 0 }), true)
  await exited
  t.same(await treeOf(child.pid!, 'tree-test'), [])
})
