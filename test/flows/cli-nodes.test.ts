/** Nodes at the command line: seen, approved, named, asked, and taken away. */
import t from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { admitted, closeClient, type Frame } from '../helper.ts'
import { eventually } from '../process/daemon.ts'

const token = 'flow-token-0123456789abcdef0123456789abcdef'

t.test('the person at the machine sees nodes, lets them offer what they declare, and asks them', async t => {
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { token } } })
  await startDaemon(t, home)
  const cli = (...argv: string[]) => runCli(argv, { env: home.env })
  t.match(await cli('nodes', 'list'), { code: 0, out: /No node is paired.*openclaw node run/s })
  t.match(await cli('nodes', 'pending'), { code: 0, out: /Nothing/ })
  const device = createDeviceIdentity()
  const url = `ws://127.0.0.1:${home.port}`
  const { client: node } = await admitted(url, {
    device,
    auth: { token },
    role: 'node',
    scopes: [],
    client: { id: 'node-host', mode: 'node', displayName: 'Workbench', deviceFamily: 'Linux' },
    adjust: params => ({ ...params, caps: ['system'], commands: ['system.which', 'system.notify', 'system.execApprovals.get', 'system.execApprovals.set'] })
  })
  const [request] = (await cli('nodes', 'pending', '--json')).json().pending
  t.match(await cli('nodes', 'list'), { out: /Workbench.*pending-approval[^]*openclaw nodes pending/ })
  t.match(await cli('nodes', 'approve', request.requestId), { code: 0, out: /Approved Workbench: system\.which/ })
  t.match(await cli('nodes', 'approve', request.requestId), { code: 1, err: /It was decided/ })

  const answering = (payload: object) => async ({ payload: asked }: Frame) => await node.request('node.invoke.result', { id: asked.id, nodeId: device.deviceId, ok: true, payload })
  const asked = (command: string) => node.frame((frame: Frame) => frame.event === 'node.invoke.request' && frame.payload.command === command)
  const which = asked('system.which').then(answering({ bins: { uname: '/usr/bin/uname' } }))
  t.match((await cli('nodes', 'invoke', '--node', 'workbench', '--command', 'system.which', '--params', '{"bins":["uname"]}')).json(), { ok: true, payload: { bins: { uname: '/usr/bin/uname' } } })
  await which
  const shown = asked('system.notify').then(answering({ delivered: true }))
  t.match(await cli('nodes', 'notify', '--node', device.deviceId.slice(0, 8), '--title', 'Build'), { code: 0, out: /Workbench shows it/ })
  await shown
  const document = asked('system.execApprovals.get').then(answering({ exists: false, hash: 'h', file: { version: 1 }, resolvedDefaults: { security: 'allowlist' } }))
  t.match(await cli('approvals', 'get', '--node', 'Workbench'), { code: 0, out: /security allowlist/ })
  await document

  for (const wrong of [
    ['nodes', 'invoke', '--node', 'workbench', '--command', 'system.run'], ['nodes', 'invoke', '--node', 'nobody', '--command', 'system.which'],
    ['nodes', 'invoke', '--node', 'workbench', '--command', 'system.which', '--params', '[1]'], ['nodes', 'describe', '--node', 'nobody']
  ]) t.match(await cli(...wrong), { code: 1, err: /host=node|no node nobody|valid JSON/ })
  t.equal((await cli('nodes', 'describe')).code, 1)
  t.match(await cli('nodes', 'rename', '--node', 'Workbench', '--name', 'Bench'), { code: 0 })
  t.match(await cli('nodes', 'describe', '--node', 'bench'), { code: 0, out: /Node +Bench[^]*connected/ })
  t.match(await cli('nodes', 'remove', '--node', 'bench'), { code: 0, out: /Removed Bench/ })
  await eventually(() => cli('nodes', 'status'), ({ out }) => /No node is paired/.test(out))
  await closeClient(node)
})
