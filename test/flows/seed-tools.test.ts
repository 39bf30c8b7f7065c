/** The commands of the HTTP reference as they were written down, run by a shell. */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { admitted, closeClient, startGateway } from '../helper.ts'

const run = promisify(execFile)
const password = 'a password with spaces and "quotes"'

const invoke = (body: string, flags = ''): string => `curl -s -X POST http://127.0.0.1:18789/tools/invoke \\
  -H "Authorization: Bearer <PASSWORD>" \\
  -H "Content-Type: application/json" ${flags} \\
  -d '${body}'`

const commands = {
  health: 'curl -s http://127.0.0.1:18789/health',
  status: invoke('{"tool":"session_status","args":{}}'),
  list: invoke('{"tool":"sessions_list","args":{"kinds":["main","subagent"]}}'),
  history: invoke('{"tool":"sessions_history","args":{"sessionKey":"iris-main","limit":10}}'),
  memory: invoke('{"tool":"memory_search","args":{"query":"nexus","maxResults":5}}'),
  subagents: invoke('{"tool":"subagents","args":{"action":"list"}}')
}

t.test('the commands of the reference answer as it says', async t => {
  const agents = { entries: { iris: { default: true }, programmer: {} } }
  const { url, port, stateDir } = await startGateway(t, { config: { agents, gateway: { auth: { mode: 'password', token: undefined, password } } } })
  const { client } = await admitted(url, { auth: { password } })
  const asked = await client.request('chat.send', { sessionKey: 'iris-main', message: 'Remember the nexus', idempotencyKey: 'k1' })
  t.match(asked, { ok: true })
  t.match(await client.request('agent.wait', { runId: 'k1', timeoutMs: 20_000 }, 22_000), { payload: { status: 'ok' } })
  await closeClient(client)

  const shell = async (command: string): Promise<any> => {
    const text = command.replace('18789', String(port)).replace('<PASSWORD>', password.replaceAll('"', '\\"'))
    return JSON.parse((await run('sh', ['-c', text])).stdout)
  }
  const plainly = (command: string): Promise<any> => shell(command.replace(' \\\n  -d', ' -H "x-openclaw-result: plain" \\\n  -d'))

  t.match(await shell(commands.health), { status: /^(?:ok|live)$/ })

  const status = await shell(commands.status)
  const fields = {
    sessionKey: 'agent:iris:main', agentId: 'iris', modelId: 'echo/echo', channel: String, created: /^\d{4}-\d\d-\d\dT.*Z$/, active: false,
    toolsAvailable: Array, subagentDepth: 0, runtimeInfo: { thinking: String, modelIdentity: 'echo/echo' }
  }
  t.match(status, { ok: true, result: { ...fields, content: [{ type: 'text', text: String }], details: fields } })
  t.equal(status.result.toolsAvailable.includes('session_status'), true)
  t.match(await plainly(commands.status), { ok: true, result: fields })

  const list = await shell(commands.list)
  t.match(list, { ok: true, result: { details: { count: 1, sessions: [{ key: 'agent:iris:main', agentId: 'iris', kind: 'main' }] } } })
  t.match(await plainly(commands.list), { ok: true, result: [{ key: 'agent:iris:main' }] })

  const history = await shell(commands.history)
  t.match(history, { ok: true, result: { details: { sessionKey: 'agent:iris:main', messages: [{ role: 'user' }, { role: 'assistant' }] } } })
  const plain = await plainly(commands.history)
  t.equal(Array.isArray(plain.result), true)
  t.match(plain.result[0], { role: 'user', timestamp: Number })

  const workspace = join(stateDir, 'workspace')
  mkdirSync(join(workspace, 'memory'), { recursive: true })
  writeFileSync(join(workspace, 'MEMORY.md'), 'The nexus runs on atlas.\n')
  writeFileSync(join(workspace, 'memory', '2026-06-09.md'), '# Day\n\nShowed the nexus to Paul.\n')
  const found = await shell(commands.memory)
  t.match(found, { ok: true, result: { content: [{ type: 'text' }], details: { results: Array, provider: 'none' } } })
  const places = (await plainly(commands.memory)).result
  t.same(places, found.result.details.results)
  t.same(places.map(({ path }: { path: string }) => path).sort(), ['MEMORY.md', 'memory/2026-06-09.md'])
  for (const place of places) t.match(place, { content: /nexus/, path: String, score: Number, metadata: { updatedAt: /Z$/ } })

  t.match(await shell(commands.subagents), { ok: true, result: { details: { status: 'ok', action: 'list' } } })
  t.equal(Array.isArray((await plainly(commands.subagents)).result), true)
})
