import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startGateway, testToken } from '../helper.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

const names = ['exec', 'read', 'ls', 'write', 'edit', 'apply_patch', 'sessions_send', 'sessions_spawn', 'gateway']

async function open (t: Test, config: { [section: string]: unknown } = {}) {
  const gateway = await startGateway(t, { config: { gateway: { tools: { allow: names } }, ...config } })
  const invoke = async (tool: string, args: object, dryRun = true): Promise<{ status: number, body: any }> => {
    const response = await fetch(`${gateway.http}/tools/invoke`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ tool, args, dryRun })
    })
    return { status: response.status, body: await response.json() }
  }
  return { gateway, invoke }
}

const patch = (path: string): string => `*** Begin Patch\n*** Add File: ${path}\n+text\n*** End Patch`

t.test('a dry run refuses the arguments that a call refuses, in the same words', async t => {
  const { invoke } = await open(t)
  const wrong: Array<[tool: string, args: object, words: RegExp]> = [
    ['sessions_history', {}, /sessionKey required/],
    ['sessions_history', { sessionKey: '../x' }, /paths are not allowed/],
    ['sessions_send', { message: 'x' }, /takes a sessionKey, a label or an agentId/],
    ['subagents', { action: 'cancel' }, /takes a taskId/],
    ['gateway', { action: 'config.get' }, /name a path/],
    ['gateway', { action: 'config.schema.lookup' }, /takes a path/],
    ['gateway', { action: 'restart' }, /restart is not offered.*openclaw config set/],
    ['gateway', { action: 'config.patch', raw: '{}' }, /config\.patch is not offered/],
    ['exec', { command: ' ' }, /must be a command line/],
    ['exec', { command: 'true', env: { LD_PRELOAD: 'x' } }, /LD_PRELOAD/],
    ['apply_patch', { input: 'nonsense' }, /Begin Patch/]
  ]
  for (const [tool, args, words] of wrong) {
    const [dry, real] = [await invoke(tool, args), await invoke(tool, args, false)]
    t.match(dry, { status: 400, body: { error: { type: 'tool_error', message: words } } }, `${tool} ${JSON.stringify(args)}`)
    t.same(dry, real)
  }
})

t.test('a dry run says what a call would come upon, and leaves nothing behind', async t => {
  const { gateway, invoke } = await open(t, { tools: { exec: { mode: 'ask' } } })
  const foreseen: Array<[tool: string, args: object, plan: object]> = [
    ['exec', { command: 'echo hi' }, { wouldRun: true, because: undefined }],
    ['exec', { command: 'touch made.txt' }, { wouldRun: false, requiresApproval: true, because: /consent of a person: touch is not on the allowlist/ }],
    ['exec', { command: 'true', workdir: '/' }, { wouldRun: false, because: /outside the workspace/ }],
    ['exec', { command: 'true', host: 'node' }, { wouldRun: false, because: /node alone/ }],
    ['read', { path: '/etc/passwd' }, { wouldRun: false, because: /outside of what this agent may use/ }],
    ['read', { path: 'missing.txt' }, { wouldRun: false, because: /File not found/ }],
    ['write', { path: 'new/x.txt', content: 'x' }, { wouldRun: true, because: undefined }],
    ['write', { path: '../openclaw.json', content: 'x' }, { wouldRun: false, because: /outside/ }],
    ['edit', { path: 'missing.txt', edits: [{ oldText: 'a', newText: 'b' }] }, { wouldRun: false, because: /File not found/ }],
    ['apply_patch', { input: patch('new.txt') }, { wouldRun: true, because: undefined }],
    ['apply_patch', { input: patch('../../x') }, { wouldRun: false, because: /outside/ }],
    ['sessions_history', { sessionKey: 'nobody' }, { wouldRun: false, because: /No session found/ }],
    ['sessions_send', { label: 'nobody', message: 'x' }, { wouldRun: false, because: /No session has the label/ }],
    ['sessions_spawn', { task: 'x', agentId: 'nobody' }, { wouldRun: false, because: /allowAgents/ }],
    ['sessions_spawn', { task: 'x' }, { wouldRun: true, because: undefined }],
    ['subagents', { action: 'cancel', taskId: 'nobody' }, { wouldRun: false, because: /no helper/ }]
  ]
  for (const [tool, args, plan] of foreseen) {
    const { status, body } = await invoke(tool, args)
    t.match({ status, result: body.result }, { status: 200, result: { dryRun: true, ...plan } }, `${tool} ${JSON.stringify(args)}`)
  }
  const workspace = join(gateway.stateDir, 'workspace')
  t.same(existsSync(workspace) ? readdirSync(workspace).filter(name => /made|new/.test(name)) : [], [])
  t.same(await gateway.gateway.rooms.approvals.pending(), [])
  t.match((await invoke('sessions_list', {}, false)).body.result.details, { count: 0 })
})
