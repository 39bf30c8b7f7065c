/** What the doctor says of locks: who holds them, and what those left behind who are gone. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { bootId, processStartTime } from '../../src/lib/process-info.ts'
import { stateLockPath } from '../../src/lib/state-lock.ts'
import { freshDirectory } from '../fixtures/own-directory.ts'
import { cliHome, runCli } from './run-cli.ts'

type Test = { testdir (): string, teardown (fn: () => unknown): void }

/** A pid that no process of this machine has. */
const noPid = 2 ** 22 + 4711
const holder = fileURLToPath(new URL('../fixtures/hold-state-lock.ts', import.meta.url))

function scene (t: Test) {
  const home = cliHome(freshDirectory(t))
  writeFileSync(home.configPath, '{ gateway: { mode: "local" } }\n', { mode: 0o600 })
  const lock = stateLockPath(home.stateDir)
  const doctor = async (...more: string[]) => (await runCli(['doctor', '--only', 'lock', '--json', ...more], { env: home.env })).json()
  return {
    ...home,
    lock,
    doctor,
    /** As it was a while ago. */
    leave (path: string, text: string, agoMs = 120_000) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      writeFileSync(path, text, { mode: 0o600 })
      const at = new Date(Date.now() - agoMs)
      utimesSync(path, at, at)
    },
    named: async () => (await doctor()).findings.map(({ checkId, message }: { checkId: string, message: string }) => `${checkId}: ${message}`).join('\n') as string
  }
}

t.test('a lock whose gateway is gone, or whose pid belongs to somebody else by now, is found and removed', async t => {
  const { lock, leave, doctor, named } = scene(t)
  const startTime = await processStartTime(process.pid)
  const owners = [
    [{ pid: noPid, startTime: 1 }, /process \d+ is gone/],
    [{ pid: process.pid, startTime: startTime! + 1, bootId: await bootId() }, /belongs to another process now/],
    [{ pid: process.pid, startTime, bootId: 'of-another-boot' }, /started anew since/]
  ] as const
  for (const [owner, why] of owners) {
    leave(lock, JSON.stringify(owner))
    t.match(await named(), why)
    t.ok(existsSync(lock), 'nothing is changed without --fix')
    t.match(await doctor('--fix'), { ok: true, repairs: [{ checkId: 'lock.stale', ok: true, message: why }] })
    t.notOk(existsSync(lock))
  }
  t.match(await doctor(), { findings: [] })
})

t.test('a lock that names nobody is set aside once it is old, and kept', async t => {
  const { lock, leave, doctor } = scene(t)
  for (const text of ['', 'garbage {', '{"port":4711}']) {
    leave(lock, text, 0)
    t.match(await doctor('--fix'), { findings: [{ checkId: 'lock.unreadable', repairable: false }] })
    t.equal(readFileSync(lock, 'utf8'), text, 'somebody may only just be writing it')
    leave(lock, text)
    t.match(await doctor('--fix'), { repairs: [{ checkId: 'lock.unreadable', ok: true }] })
    t.notOk(existsSync(lock))
    t.equal(readFileSync(`${lock}.unreadable`, 'utf8'), text)
  }
})

t.test('whoever lives keeps its lock, and is named', async t => {
  const { stateDir, lock, leave, doctor } = scene(t)
  const child = spawn(process.execPath, [holder, stateDir], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const [line] = await once(createInterface(child.stdout), 'line') as [string]
  t.match(JSON.parse(line), { held: true })
  const written = readFileSync(lock, 'utf8')
  const other = join(dirname(lock), 'gateway.0a1b2c3d.lock')
  leave(other, written)
  const { findings, gateway, repairs } = await doctor('--fix')
  t.match(gateway, { running: true, pid: child.pid })
  t.match(findings, [{ checkId: 'lock.silent-owner' }, { checkId: 'lock.other', path: other, message: new RegExp(`process ${child.pid} holds`) }])
  t.equal(repairs, undefined)
  t.equal(readFileSync(lock, 'utf8'), written)

  // Its name is gone and the kernel knows all the same: it may be in another container.
  leave(lock, JSON.stringify({ pid: noPid, startTime: 1 }))
  t.match((await doctor('--fix')).findings[0], { checkId: 'lock.elsewhere', repairable: false })
  t.ok(existsSync(lock))
})

t.test('a lock of the configuration that nobody takes away keeps everybody from writing, and is found', async t => {
  const { configPath, leave, doctor, env } = scene(t)
  const lock = `${configPath}.lock`
  leave(lock, 'x')
  t.match(await doctor(), { findings: [{ checkId: 'lock.config', severity: 'error', message: /it names nobody: nobody can change the configuration/ }] })
  t.match(await doctor('--fix'), { repairs: [{ checkId: 'lock.config', ok: true }] })
  t.equal((await runCli(['config', 'set', 'gateway.port', '4711'], { env })).code, 0)

  leave(lock, String(noPid))
  t.match(await doctor(), { findings: [{ checkId: 'lock.config', severity: 'info' }] })
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore' })
  t.teardown(() => { stranger.kill('SIGKILL') })
  await once(stranger, 'spawn')
  leave(lock, String(stranger.pid))
  t.match(await doctor('--fix'), { findings: [{ severity: 'error', message: /belongs to another program/ }], repairs: [{ ok: true }] })
  t.notOk(existsSync(lock))
})
