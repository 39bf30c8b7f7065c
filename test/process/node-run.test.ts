/** `openclaw node run` as people start it: a real gateway, a real node, programs under the approvals of the node. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { type } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { commandsBelow } from '../fixtures/commands-below.ts'
import { admitted, closeClient, type Frame, type TestClient } from '../fixtures/client.ts'
import { createHome, daemonToken, eventually, launcher, serve, stop, type Daemon, type Home } from './daemon.ts'

const posix = process.platform !== 'win32'
const config = { gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } }, tools: { exec: { host: 'auto' } } }

interface Running {
  readonly child: ChildProcess
  /** Its exit code, once everything that it said has been read. */
  readonly ended: Promise<number>
  output (): string
}

function nodeRun (t: Test, home: Home, { port }: Daemon, args: readonly string[] = [], token = daemonToken): Running {
  const env = { ...home.env, OPENCLAW_GATEWAY_TOKEN: token }
  const child = spawn(process.execPath, [launcher, 'node', 'run', '--port', String(port), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number>(resolve => child.once('close', code => resolve(code ?? -1)))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { output += String(chunk) })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, ended, output: () => output }
}

/** Whether the program is at work that a test has it run for long. */
const sleeps = ({ child }: Running): boolean => commandsBelow(child.pid!).some(command => command.endsWith('sleep 60'))

const tools = (daemon: Daemon, client: TestClient, args: object) => client.request('tools.invoke', { name: 'exec', args: { host: 'node', ...args }, sessionKey: 'main', idempotencyKey: `${Math.random()}` })

t.test('a machine lends its programs, and runs what its own approvals or a person allow', { skip: !posix && 'runs programs of POSIX' }, async t => {
  const daemon = await serve(t, { home: createHome(t, config, 'gateway') })
  const home = createHome(t, undefined, 'machine')
  const skills = join(home.stateDir, 'skills')
  mkdirSync(join(skills, 'brew'), { recursive: true })
  mkdirSync(join(skills, 'unnamed'))
  writeFileSync(join(skills, 'brew', 'SKILL.md'), '---\nname: brew\ndescription: Brews tea here\n---\nPut the kettle on.\n')
  writeFileSync(join(skills, 'unnamed', 'SKILL.md'), 'no head')
  const running = nodeRun(t, home, daemon, ['--display-name', 'Workbench'])
  const admin = (await admitted(daemon.url, { auth: { token: daemonToken } })).client
  const row = async (): Promise<Frame | undefined> => (await admin.request('node.list', {})).payload.nodes[0]
  await eventually(row, node => node?.connected === true && node.pendingRequestId !== undefined)
  const nodeId = (await row())!.nodeId
  const invoke = (command: string, params: object = {}) => admin.request('node.invoke', { nodeId, command, params, idempotencyKey: `${Math.random()}` })
  t.match((await invoke('system.which', { bins: ['sh'] })).error, { details: { code: 'PAIRING_CHANGED' } }, 'nobody has approved it')
  t.ok((await admin.request('node.pair.approve', { requestId: (await row())!.pendingRequestId })).ok)

  t.match((await invoke('system.which', { bins: ['sh', 'no-such-program'] })).payload.payload, { bins: { sh: /\/sh$/ } })
  t.match((await invoke('fs.listDir', { path: home.directory })).payload.payload, { home: home.directory, entries: [{ name: 'state' }, { name: 'tmp' }] })
  t.match((await invoke('system.run', { command: ['/bin/echo', 'hi'], approved: true })).error, { details: { nodeError: { code: 'APPROVAL_REQUIRED' } } }, 'no caller says yes for a person')
  await eventually(row, node => node?.hostStats?.cpuCount > 0)

  t.same((await eventually(row, node => node?.nodeSkills))!.nodeSkills, [{ name: 'brew', description: 'Brews tea here' }], 'what its owner wrote about it')
  const before = (await admin.request('exec.approvals.node.get', { nodeId })).payload
  t.match(before, { exists: false })
  const file = { version: 1, agents: { '*': { allowlist: [{ pattern: 'echo' }, { pattern: 'sleep' }, { pattern: 'cat' }] } } }
  t.match((await admin.request('exec.approvals.node.set', { nodeId, file })).payload, { exists: true })
  t.match((await invoke('system.run', { command: ['/bin/sh', '-c', 'echo one; echo two'] })).payload.payload, { exitCode: 0, success: true, stdout: 'one\ntwo\n' })
  t.match((await invoke('system.run', { command: ['cat', 'SKILL.md'], cwd: `node://${nodeId}/skills/brew` })).payload.payload, { exitCode: 0, stdout: /Brews tea here/ })
  t.match((await invoke('system.run', { command: ['uname'] })).error, { details: { nodeError: { code: 'APPROVAL_REQUIRED' } } })
  t.match((await invoke('system.run', { command: ['sleep', '60'], timeoutMs: 300 })).payload.payload, { timedOut: true, success: false })
  for (const wrong of [{}, { command: [] }, { command: [1] }, { command: ['echo'], cwd: '/no/such/place' }, { command: ['echo'], cwd: `node://${nodeId}/skills/..` }, { command: ['echo'], cwd: 'node://other/skills/brew' }, { command: ['echo'], env: { LD_PRELOAD: 'x' } }]) {
    t.match((await invoke('system.run', wrong)).error, { code: 'UNAVAILABLE', details: { nodeError: { code: 'INVALID_REQUEST' } } })
  }

  await eventually(() => sleeps(running), isAsleep => !isAsleep)
  const hanging = invoke('system.run', { command: ['sleep', '60'] })
  await eventually(() => sleeps(running))
  running.child.kill('SIGKILL')
  t.match((await hanging).error, { details: { nodeError: { code: 'DISCONNECTED' } } }, 'who asked hears at once that it went away')
  await eventually(row, node => node?.connected === false)
  t.match((await invoke('system.which', { bins: ['sh'] })).error, { details: { code: 'NOT_CONNECTED' } })
  t.match((await admin.request('node.pending.enqueue', { nodeId, type: 'status.request' })).payload, { revision: 1 })
  const again = nodeRun(t, home, daemon, ['--commands', 'system.which'])
  await eventually(row, node => node?.connected === true)
  t.same((await row())!.commands, ['system.which'], 'nothing but what was named')
  t.notOk((await row())!.nodeSkills)
  t.equal((await row())!.displayName, 'Workbench', 'its name was remembered')
  await eventually(again.output, text => /offering system\.which/.test(text))
  const asked = () => admin.request('node.pending.enqueue', { nodeId, type: 'status.request' })
  await eventually(asked, ({ payload }) => payload.revision > 2)
  await closeClient(admin)
})

t.test('an agent runs a command on a node once a person has said yes', { skip: !posix && 'runs programs of POSIX' }, async t => {
  const agents = { entries: { main: {}, far: { tools: { exec: { host: 'node', node: 'Workbench' } } }, lost: { tools: { exec: { host: 'node', node: 'elsewhere' } } } } }
  const daemon = await serve(t, { home: createHome(t, { ...config, agents, gateway: { ...config.gateway, tools: { allow: ['exec'] } } }, 'gateway') })
  const machine = nodeRun(t, createHome(t, undefined, 'machine'), daemon, ['--display-name', 'Workbench'])
  const admin = (await admitted(daemon.url, { auth: { token: daemonToken }, adjust: params => ({ ...params, caps: ['exec-approvals'] }) })).client
  const row = async (): Promise<Frame | undefined> => (await admin.request('node.list', {})).payload.nodes[0]
  t.match((await tools(daemon, admin, { command: 'echo hi' })).payload, { output: { details: { error: /no node/ } } })
  await eventually(row, node => node?.pendingRequestId !== undefined)
  await admin.request('node.pair.approve', { requestId: (await row())!.pendingRequestId })
  await eventually(row, node => node?.commands?.includes('system.run') === true)

  const asked = tools(daemon, admin, { command: 'uname -s' })
  const { payload: question } = await admin.event('exec.approval.requested')
  t.match(question.request, { command: 'uname -s', host: 'node', nodeId: (await row())!.nodeId, allowedDecisions: ['allow-once', 'deny'] })
  t.ok((await admin.request('exec.approval.resolve', { id: question.id, decision: 'allow-once' })).ok)
  t.match((await asked).payload, { output: { details: { status: 'completed', host: 'node', exitCode: 0, aggregated: `${type()}\n` } } })

  const denied = tools(daemon, admin, { command: 'id' })
  const second = (await admin.frame((frame: Frame) => frame.event === 'exec.approval.requested' && frame.payload.id !== question.id)).payload
  await admin.request('exec.approval.resolve', { id: second.id, decision: 'deny' })
  t.match((await denied).payload, { output: { details: { status: 'error', error: /a person said no/ } } })

  const { nodeId } = (await row())!
  await admin.request('exec.approvals.node.set', { nodeId, file: { version: 1, agents: { far: { allowlist: [{ pattern: 'uname' }] } } } })
  const as = (agentId: string, args: object) => admin.request('tools.invoke', { name: 'exec', args, agentId, idempotencyKey: `${Math.random()}` })
  t.match((await as('far', { command: 'uname -s' })).payload, { output: { details: { host: 'node', nodeId, exitCode: 0 } } }, 'its place is the node of its own settings')
  t.match((await as('far', { command: 'uname -s', host: 'gateway' })).payload, { output: { details: { status: 'error', error: /run on a node/ } } })
  await admin.request('exec.approvals.node.set', { nodeId, baseHash: (await admin.request('exec.approvals.node.get', { nodeId })).payload.hash, file: { version: 1, agents: { far: { allowlist: [{ pattern: 'sleep' }] } } } })
  const cut = as('far', { command: 'sleep 60' })
  await eventually(() => sleeps(machine))
  machine.child.kill('SIGKILL')
  t.match((await cut).payload, { output: { details: { error: /DISCONNECTED.*How far the command came there is not known\.$/ } } })
  t.match((await as('lost', { command: 'uname -s' })).payload, { output: { details: { status: 'error', error: /no node elsewhere/ } } })
  await closeClient(admin)
})

t.test('a machine lends itself to its own gateway over TLS, and knows the certificate of the moment', async t => {
  const home = createHome(t, { gateway: { ...config.gateway, tls: { enabled: true } } }, 'gateway')
  const daemon = await serve(t, { home })
  const running = nodeRun(t, home, daemon)
  const connections = (): number => running.output().match(/Connected to wss:/g)?.length ?? 0
  await eventually(connections, count => count === 1)
  await stop(daemon)
  rmSync(join(home.stateDir, 'tls', 'gateway.pem'))
  await serve(t, { home, port: daemon.port })
  await eventually(connections, count => count === 2, 20_000)
  t.match(running.output(), /Connected to wss:\/\/127\.0\.0\.1:/)
  const pinned = nodeRun(t, home, daemon, ['--tls-fingerprint', 'ab'.repeat(32)])
  await eventually(pinned.output, text => /fingerprint mismatch/.test(text))
  t.notMatch(pinned.output(), /Connected/, 'a certificate that somebody names is the only one')
})

t.test('a node that is not wanted says so and ends; one whose settings are broken does not start', async t => {
  const daemon = await serve(t, { home: createHome(t, config, 'gateway') })
  const home = createHome(t, undefined, 'machine')
  const wrong = nodeRun(t, home, daemon, [], 'wrong-token')
  t.not(await wrong.ended, 0)
  t.match(wrong.output(), /token/i)
  const unreadable = nodeRun(t, home, daemon, ['--pair', 'not a code'])
  t.not(await unreadable.ended, 0)
  t.match(unreadable.output(), /setup code cannot be read/)
})
