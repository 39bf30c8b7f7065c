/** Where the commands of one conversation run, when somebody chose that for it. */
import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import { closeClient, type Frame, type TestClient } from '../helper.ts'
import { machine, withNode } from './node-scene.ts'

const open = { tools: { exec: { security: 'full', ask: 'off' } }, gateway: { tools: { allow: ['exec'] } } }

let keys = 0
const ran = async (admin: TestClient, sessionKey: string, args: object): Promise<string> =>
  JSON.stringify((await admin.request('tools.invoke', { name: 'exec', args, sessionKey, idempotencyKey: `exec-${++keys}` })).payload)

/** Answers the next command that the machine is asked for, and says what that was. */
async function answerNext (node: TestClient, nodeId: string, command: string): Promise<Frame> {
  const { payload } = await node.frame(({ event, payload }: Frame) =>
    event === 'node.invoke.request' && payload.command === 'system.run' && JSON.parse(payload.paramsJSON).rawCommand === command)
  await node.request('node.invoke.result', { id: payload.id, nodeId, ok: true, payload: { exitCode: 0, stdout: `${command} was run there\n` } })
  return JSON.parse(payload.paramsJSON)
}

t.test('commands of a conversation run on the node that was chosen for it, and of its helpers too', async t => {
  const { admin, node, nodeId, gateway } = await withNode(t, open)
  t.match((await admin.request('sessions.create', { key: 'far', execNode: 'Workbench' })).payload.entry, { execHost: 'node', execNode: 'Workbench' })
  await admin.request('sessions.create', { key: 'near' })
  t.match(await ran(admin, 'near', { command: 'echo ran-here' }), /ran-here/)

  const there = answerNext(node, nodeId, 'uname')
  t.match(await ran(admin, 'far', { command: 'uname' }), /uname was run there/)
  t.match(await there, { rawCommand: 'uname', security: 'full', ask: 'off', approved: false, sessionKey: 'agent:main:far' })
  t.match(await ran(admin, 'far', { command: 'echo it-ran', host: 'gateway' }), /run on a node .*execHost of the conversation/)

  await gateway.gateway.rooms.sessions.write('agent:main:subagent:one', { create: { agentId: 'main', spawnedBy: 'agent:main:far' } })
  const byHelper = answerNext(node, nodeId, 'uptime')
  t.match(await ran(admin, 'agent:main:subagent:one', { command: 'uptime' }), /uptime was run there/)
  await byHelper
  await admin.request('sessions.patch', { key: 'far', execSecurity: 'deny' })
  t.match(await ran(admin, 'agent:main:subagent:one', { command: 'echo it-ran', host: 'auto' }), /switched off/, 'a helper is no way around it')

  t.notHas((await admin.request('sessions.patch', { key: 'far', execSecurity: null, execNode: null })).payload.entry, { execHost: 'node' })
  t.match(await ran(admin, 'far', { command: 'echo ran-here' }), /ran-here/, 'bound to no node they run here again')
  for (const client of [admin, node]) await closeClient(client)
})

t.test('a conversation stays on its node, and a refusal says what to do', async t => {
  const { admin, node, nodeId, gateway } = await withNode(t, open)
  const other = machine(gateway, { displayName: 'Attic' })
  const waiting = await other.connect()
  await admin.request('sessions.create', { key: 'far', execNode: nodeId })
  t.match(await ran(admin, 'far', { command: 'uname', node: 'Attic' }), /run on node Workbench alone: leave node out/)
  const there = answerNext(node, nodeId, 'uname')
  t.match(await ran(admin, 'far', { command: 'uname', host: 'node', node: 'workbench' }), /was run there/, 'its own name is no other node')
  await there
  for (const [execNode, says] of [['Attic', /waits for somebody's approval \(openclaw nodes pending\)/], ['nobody', /no node nobody/]] as const) {
    await admin.request('sessions.patch', { key: 'far', execNode })
    t.match(await ran(admin, 'far', { command: 'uname' }), says)
  }
  await admin.request('node.rename', { nodeId: other.nodeId, displayName: 'Workbench' })
  await admin.request('sessions.patch', { key: 'far', execNode: 'Workbench' })
  t.match(await ran(admin, 'far', { command: 'uname' }), /may be \w+ or \w+: name it by its id/, 'two of one name')
  await admin.request('sessions.patch', { key: 'far', execNode: nodeId })
  await closeClient(node)
  await eventually(async () => (await admin.request('node.describe', { nodeId })).payload, row => row.connected === false)
  t.match(await ran(admin, 'far', { command: 'uname' }), /Workbench is not here: openclaw node run has to be started there/)
  for (const patch of [{ execHost: 'nowhere' }, { execNode: '' }, { execNode: ' ' }]) {
    t.match(await admin.request('sessions.patch', { key: 'far', ...patch }), { ok: false, error: { code: 'INVALID_REQUEST' } })
  }
  await admin.request('sessions.patch', { key: 'far', execHost: 'sandbox' })
  t.match(await ran(admin, 'far', { command: 'echo it-ran' }), /no sandbox/)
  for (const client of [admin, waiting]) await closeClient(client)
})

t.test('what a node answers is taken for what it is, and nobody waits for what nobody wants', async t => {
  const { admin, node, nodeId, gateway } = await withNode(t, open)
  await admin.request('sessions.create', { key: 'far', execNode: nodeId })
  const asked = async (command: string): Promise<Frame> => (await node.frame(({ event, payload }: Frame) =>
    event === 'node.invoke.request' && JSON.parse(payload.paramsJSON).rawCommand === command)).payload
  const answers: ReadonlyArray<[payload: unknown, expected: RegExp]> = [
    [{ exitCode: 'zero', stdout: { a: 1 }, stderr: 7 }, /"status":"failed"/],
    ['just words', /does not say how the command ended/],
    [[1, 2], /"status":"failed"/],
    [{ exitCode: null, exitSignal: 'SIGKILL', stdout: 'half' }, /half.*ended by SIGKILL/]
  ]
  for (const [index, [payload, expected]] of answers.entries()) {
    const answer = ran(admin, 'far', { command: `odd ${index}` })
    await node.request('node.invoke.result', { id: (await asked(`odd ${index}`)).id, nodeId, ok: true, payload })
    t.match(await answer, expected, `answer ${index}`)
  }
  const flood = ran(admin, 'far', { command: 'flood' })
  await node.request('node.invoke.result', { id: (await asked('flood')).id, nodeId, ok: true, payload: { exitCode: 0, stdout: '~'.repeat(400_000) } })
  const { length } = (await flood).replaceAll(/[^~]/g, '')
  t.ok(length > 1000 && length < 800_000, `of twice 400,000 characters ${length} are left`)

  const exec = (await gateway.gateway.rooms.tools.registry()).find('exec')!
  const ending = new AbortController()
  const heard: string[] = []
  const running = exec.run({ command: 'sleep 60', timeoutSeconds: 50 }, {
    sessionKey: 'agent:main:far',
    agentId: 'main',
    callId: 'call',
    runId: 'run',
    signal: ending.signal,
    update: ({ details }) => heard.push(JSON.stringify(details))
  })
  const { id, timeoutMs, paramsJSON } = await asked('sleep 60')
  t.ok(timeoutMs > 50_000 && JSON.parse(paramsJSON).timeoutMs === 50_000, 'its time is known there')
  for (const [seq, chunk] of [[1, 'second'], [0, 'first ']] as const) await node.request('node.invoke.progress', { invokeId: id, nodeId, seq, chunk })
  await eventually(() => heard.at(-1), words => /first second/.test(words ?? ''))
  const ended = t.rejects(running)
  ending.abort()
  t.match((await node.event('node.invoke.cancel')).payload, { invokeId: id, nodeId })
  await ended
  for (const client of [admin, node]) await closeClient(client)
})
