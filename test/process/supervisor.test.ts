import t from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSupervisor } from '../../src/process/supervisor.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { createHome, eventually, startDaemon, stop } from './daemon.ts'

/** systemd's side of the protocol: a datagram socket, which Node itself cannot open. */
const receiver = `
import socket, sys, json
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\\0', 1))
print('"bound"', flush=True)
while True:
    print(json.dumps(s.recv(4096).decode()), flush=True)
`
/** A unit with OpenFile=: the connected socket is descriptor 3 of the process that takes this one's place. */
const handOver = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[1])
if s.fileno() != 3: os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='notify')
os.execvp(sys.argv[2], sys.argv[2:])
`

const missing = [['python3', ['--version']], ['systemd-notify', ['--version']]] as const
const absent = missing.filter(([program, args]) => spawnSync(program, [...args]).status !== 0).map(([program]) => program)
const options = process.platform !== 'linux' || absent.length > 0 ? { skip: `needs ${absent.join(' and ') || 'Linux'}` } : {}

type Test = { testdir (): string, teardown (fn: () => unknown): void }

/** The path of a socket has room for a hundred characters. */
function shortPath (t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'oc-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return join(directory, 'n')
}

async function listen (t: Test, socket: string): Promise<() => string[]> {
  const child = spawn('python3', ['-c', receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout.on('data', chunk => { text += chunk })
  await eventually(async () => text, said => said.includes('bound'))
  return () => text.split('\n').slice(1, -1).map(line => JSON.parse(line) as string)
}

const config = { gateway: { mode: 'local' } }
const watchdogUsec = '600000'
const until = (heard: () => string[], wanted: (all: string[]) => boolean) => eventually(async () => heard(), wanted, 15_000)

t.test('systemd hears over its socket that the gateway is ready, alive, beginning anew and stopping', options, async t => {
  const home = createHome(t, config)
  const socket = shortPath(t)
  const heard = await listen(t, socket)
  const daemon = await startDaemon(t, { home, env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUsec } })
  await daemon.ready()
  const ready = (await until(heard, all => all.some(text => text.startsWith('READY=1')))).find(text => text.startsWith('READY=1'))
  t.match(ready, new RegExp(`^READY=1\nSTATUS=listening on 127\\.0\\.0\\.1:${daemon.port}`))
  t.ok((await until(heard, all => all.filter(text => text === 'WATCHDOG=1').length >= 2)).length > 2, 'a watchdog is fed')
  daemon.kill('SIGUSR2')
  const again = await until(heard, all => all.filter(text => text.startsWith('READY=1')).length === 2)
  t.ok(again.includes('STATUS=restarting'))
  t.equal((await stop(daemon)).code, 0)
  t.match((await until(heard, all => all.some(text => text.startsWith('STOPPING=1')))).join('|'), /STOPPING=1\nSTATUS=finishing/)
})

t.test('an abstract socket is one as well', options, async t => {
  const home = createHome(t, config)
  const socket = `@openclaw-test-${process.pid}-${Date.now()}`
  const heard = await listen(t, socket)
  const daemon = await startDaemon(t, { home, env: { NOTIFY_SOCKET: socket } })
  await daemon.ready()
  t.match((await until(heard, all => all.length > 0))[0], /^READY=1|^BARRIER=1/)
  await stop(daemon)
  const all = await until(heard, all => all.some(text => text.startsWith('STOPPING=1')))
  t.notOk(all.includes('WATCHDOG=1'), 'without a watchdog nothing is fed')
})

t.test('a socket that the unit hands over is written to, without another program', options, async t => {
  const home = createHome(t, config)
  const socket = shortPath(t)
  const heard = await listen(t, socket)
  const daemon = await startDaemon(t, {
    home,
    within: ['python3', '-c', handOver, socket],
    // Nobody listens there, so whatever is heard came by the descriptor.
    env: { NOTIFY_SOCKET: join(home.directory, 'nobody'), WATCHDOG_USEC: watchdogUsec }
  })
  await daemon.ready()
  const all = await until(heard, found => found.includes('WATCHDOG=1'))
  t.match(all[0], /^READY=1\nSTATUS=listening/)
  t.notOk(all.some(text => text.startsWith('BARRIER')), 'systemd-notify took no part')
  t.equal((await stop(daemon)).code, 0)
  t.ok(await until(heard, all => all.some(text => text.startsWith('STOPPING=1'))))
  t.notMatch(daemon.output(), /could not be told/)
})

t.test('a systemd that cannot be told is said once, and costs nothing else', options, async t => {
  const home = createHome(t, config)
  const daemon = await startDaemon(t, { home, env: { NOTIFY_SOCKET: join(ownDirectory(t), 'gone'), WATCHDOG_USEC: watchdogUsec } })
  await daemon.ready()
  await daemon.said(/systemd could not be told \(READY=1\)/)
  t.equal((await stop(daemon)).code, 0)
  t.equal(daemon.output().match(/could not be told/g)?.length, 1)
})

t.test('what agents start does not inherit the way to systemd', async t => {
  const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '1000000', WATCHDOG_PID: String(process.pid), LISTEN_FDS: '1', LISTEN_PID: '1', PATH: '/bin' }
  createSupervisor(env, { logging: undefined, say: () => undefined, flush: () => undefined })
  t.strictSame(env, { PATH: '/bin' })
})
