import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { ancestry, bootId, describeProcess, processStartTime, thisMachine } from '../../src/lib/process-info.ts'
import { isAlive } from '../fixtures/is-alive.ts'

const onLinux = process.platform === 'linux'
const hasPs = spawnSync('ps', ['-p', '1']).error === undefined
/** The road of the systems without /proc; `ps` is the same program on Linux. */
const withPs = { ...thisMachine, platform: 'darwin' as const }
const roads = [thisMachine, ...(onLinux && hasPs ? [withPs] : [])]

function startNode (t: Test, script: string) {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  return child
}

for (const source of roads) {
  t.test(`a living process has a parent, a start time and a command (${source.platform})`, async t => {
    const child = startNode(t, 'setInterval(() => {}, 1000) // 4711')
    const found = await describeProcess(child.pid!, source)
    t.match(found, { pid: child.pid, parentPid: process.pid, startTime: Number, command: /setInterval.* 4711$/ })
    t.ok(found!.startTime > 0)
    t.same(await describeProcess(child.pid!, source), found, 'and the same the next time')
    t.equal(await processStartTime(child.pid!, source), found!.startTime)
    t.ok(await isAlive(child.pid!, source))
  })

  t.test(`processes that started apart have different start times (${source.platform})`, async t => {
    const ours = await processStartTime(process.pid, source)
    // `ps` counts in seconds, so the second process has to begin in another one.
    await new Promise(resolve => setTimeout(resolve, 1100))
    const child = startNode(t, 'setInterval(() => {}, 1000)')
    t.ok((await processStartTime(child.pid!, source))! > ours!)
  })

  t.test(`a process that has ended is not alive (${source.platform})`, async t => {
    const child = startNode(t, '')
    await once(child, 'exit')
    t.notOk(await isAlive(child.pid!, source))
    t.equal(await processStartTime(child.pid!, source), undefined)
  })

  t.test(`a zombie is not alive (${source.platform})`, { skip: process.platform === 'win32' && 'Windows has none' }, async t => {
    const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60'])
    t.teardown(() => { parent.kill('SIGKILL') })
    const [line] = await once(createInterface(parent.stdout), 'line') as [string]
    while (await isAlive(Number(line), source)) await new Promise(resolve => setTimeout(resolve, 10))
    t.doesNotThrow(() => process.kill(Number(line), 0), 'the kernel still knows the pid')
  })

  t.test(`a line of ancestors begins with the process itself and goes through its parent (${source.platform})`, async t => {
    const line = await ancestry(process.pid, source)
    t.same(line.slice(0, 2), [process.pid, process.ppid])
    t.equal(new Set(line).size, line.length)
  })
}

t.test('what is no pid is no process', async t => {
  for (const pid of [0, -1, 1.5, NaN, 2 ** 53]) t.notOk(await isAlive(pid), String(pid))
})

t.test('a name with spaces and brackets does not shift the fields', { skip: !onLinux && 'reads /proc' }, async t => {
  const child = startNode(t, "process.title = 'a) Z (b'; console.log('titled'); setInterval(() => {}, 1000)")
  await once(child.stdout!, 'data')
  t.match(await describeProcess(child.pid!), { parentPid: process.pid })
})

t.test('the boot id stays the same while the machine is up, and only Linux has one', async t => {
  const id = await bootId()
  t.equal(await bootId(), id)
  t.equal(typeof id, onLinux ? 'string' : 'undefined')
  t.equal(await bootId(withPs), undefined)
})

t.test('Windows is asked through CIM', async t => {
  const asked: string[] = []
  const answering = (text: string) => ({ platform: 'win32' as const, run: async (file: string, args: readonly string[]) => { asked.push(`${file} ${args.at(-1)}`); return text } })
  t.same(await describeProcess(4711, answering('812 134100000000000000 "C:\\node.exe" server.js\r\n')),
    { pid: 4711, parentPid: 812, startTime: 134100000000000000, command: '"C:\\node.exe" server.js' })
  t.match(asked, [/^powershell\.exe .*ProcessId=4711/])
  t.equal(await describeProcess(4711, answering('')), undefined)
})
