import t from 'tap'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { processTree } from '../../bench/process-figures.ts'
import { parseOptions } from '../../bench/options.ts'
import { scenarios } from '../../bench/scenarios/index.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const entry = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))
const run = promisify(execFile)

/** A process that ended and that nobody has waited for yet still has a line. */
function isAlive (pid: number): boolean {
  const path = `/proc/${pid}/stat`
  return existsSync(path) && !/\) Z /.test(readFileSync(path, 'latin1'))
}

interface Row { key: string, medians: { ceiling?: number } }

/** What the table of these scenarios says, and what is written of it. */
async function runOnly (only: readonly string[], json: string): Promise<{ stdout: string, rows: Row[] }> {
  const args = [entry, '--ceiling', '--rounds', '1', '--seconds', '0.05', '--scale', '0.02', '--only', only.join(), '--json', json]
  const { stdout } = await run(process.execPath, args, { timeout: 280_000 })
  return { stdout, rows: (JSON.parse(readFileSync(json, 'utf8')) as { rows: Row[] }).rows }
}

t.test('every scenario gives figures of the ceiling in a run of tiny counts', { timeout: 290_000 }, async t => {
  const directory = ownDirectory(t)
  const names = scenarios.filter(({ onlyNamed }) => !onlyNamed).map(({ name }) => name)
  // Two at a time, since most of it is waiting.
  const halves = await Promise.all([0, 1].map(half => runOnly(names.filter((_name, index) => index % 2 === half), join(directory, `${half}.json`))))
  const stdout = halves.map(half => half.stdout).join('')
  for (const name of ['COLD-START', 'CONNECTS', 'RPC', 'HTTP', 'IDLE', 'FANOUT', 'GUESSERS', 'TURNS', 'FIRST-TOKEN', 'SESSIONS-LIST', 'DELIVERY', 'TURN-MEMORY', 'CRASH']) t.match(stdout, name)
  const rows = halves.flatMap(half => half.rows)
  const valueOf = (key: string) => rows.find(row => row.key === key)?.medians.ceiling ?? NaN
  for (const key of [
    'spawn to first /health 200', 'connects/s, 64 at a time', 'connects/s, 16 at a time, device token', 'calls/s, 16 × 32',
    'req/s, GET /health × 16', 'req/s, POST /tools/invoke × 16', 'events delivered/s, 1 to 4, one after the other', 'turns/s, chat.send, 8 at a time on 1',
    'turns/s, agent, 64 at a time on 8', 'lists/s, 100 of 100, 16 × 32', 'turns in all',
    'events delivered/s, 1 to 4, turn after turn', 'spawn after kill -9 to hello-ok', "known client's health p99, guessers at work"
  ]) t.ok(valueOf(key) > 0, `${key}: ${valueOf(key)}`)
  t.ok(Number.isFinite(valueOf('added to the first word p50, chat.send')), 'a difference, which noise can make less than nothing')
  for (const key of ['connects refused, 64 at a time', 'calls refused, 16 × 32', 'shots with losses, 1 to 4', 'new client, loopback: refused of 20',
    'turns failed, chat.send, 64 at a time on 8', 'turns with losses, 1 to 4', 'turns failed']) {
    t.equal(valueOf(key), 0, key)
  }
})

t.test('an interrupted bench takes its servers and its files with it', { timeout: 120_000, skip: !existsSync('/proc/self/stat') }, async t => {
  const directory = ownDirectory(t)
  const child = spawn(process.execPath, [entry, '--ceiling', '--only', 'connects', '--seconds', '30'], {
    env: { ...process.env, TMPDIR: directory }, stdio: 'ignore'
  })
  t.teardown(() => child.kill('SIGKILL'))
  // the bench itself, a server and a load process
  while (processTree(child.pid!).length < 3) await sleep(20)
  const pids = processTree(child.pid!).map(({ pid }) => pid)
  t.ok(readdirSync(directory).length > 0, 'the servers work in a directory of the bench')
  child.kill('SIGINT')
  const [code] = await once(child, 'exit')
  t.equal(code, 130)
  t.same(readdirSync(directory), [], 'the working directory of the servers is gone')
  while (pids.some(isAlive)) await sleep(20)
})

t.test('a number out of range and an unknown target are refused by name', async t => {
  t.throws(() => parseOptions(['--rounds', '0']), /--rounds takes a number from 1 to 100, not 0/)
  t.throws(() => parseOptions(['--target', 'mine']), /--target knows ours, peer and ceiling, not mine/)
  t.throws(() => parseOptions(['--target', 'peer']), /--peer ENTRY/)
  t.same(parseOptions([]).targets, ['ours', 'ceiling'])
  t.same(parseOptions(['--peer', 'x.js']).targets, ['ours', 'ceiling', 'peer'])
  t.same(parseOptions(['--url', 'ws://127.0.0.1:1']).targets, ['url', 'ceiling'])
})
