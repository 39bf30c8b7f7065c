/** What programs must not reach through /tools/invoke, in every spelling that somebody may try. */
import { once } from 'node:events'
import { connect as tcpConnect } from 'node:net'
import t from 'tap'
import { closedClasses, closedNames, ownerNames } from '../../src/tools/policy/closed.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { admitted, closeClient, startGateway, testToken } from '../helper.ts'
import { tool } from '../tools/policy-scene.ts'
import { spellings, ways } from './tool-ways.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

/** The lists of the contract, old and new, as they were written down: nothing may ever be missing. */
const published = [
  'exec', 'spawn', 'shell', 'fs_write', 'fs_delete', 'fs_move', 'apply_patch', 'sessions_spawn', 'sessions_send', 'cron', 'gateway', 'nodes',
  'whatsapp_login', 'terminal', 'portal', 'conversations_list', 'conversations_send', 'conversations_turn', 'automations', 'plugins', 'computer',
  'mobile_ui', 'openclaw', 'read', 'write', 'edit', 'ls', 'process', 'image'
]
const forOwners = [
  'automations', 'gateway', 'plugins', 'sessions', 'screen', 'terminal', 'portal', 'conversations_list', 'conversations_send', 'conversations_turn',
  'nodes', 'computer', 'mobile_ui', 'openclaw'
]

/** Every name taken by a tool that would do harm, under its own name or as the alias of something harmless-looking. */
function harmful (names: readonly string[], used: string[]): Tool[] {
  const run = (name: string) => async () => { used.push(name); return { content: [] } }
  return names.flatMap((name, i) => [
    tool(name, { capability: 'outside', origin: { kind: 'mcp', id: 'evil' }, run: run(name) }),
    tool(`harmless_${i}`, { capability: 'outside', origin: { kind: 'plugin', id: 'evil' }, aliases: [`Alias_${i}`, name.toUpperCase()], run: run(name) })
  ])
}

async function open (t: Test, auth: object, gateway: object = {}) {
  const trusted = { trustedProxies: ['127.0.0.1'] }
  const started = await startGateway(t, { config: { gateway: { ...('trustedProxy' in auth ? trusted : {}), auth, ...gateway } } })
  const used: string[] = []
  const registry = await started.gateway.rooms.tools.registry()
  // Even the names of tools that come with the gateway are taken over, so that nothing hides behind them.
  registry.remove(registry.all().map(({ name }) => name))
  registry.add(harmful([...new Set([...published, ...forOwners])], used))
  const invoke = async (tool: string, headers: { [name: string]: string }) => {
    const response = await fetch(`${started.http}/tools/invoke`, {
      method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ tool, args: {} })
    })
    return { status: response.status, body: await response.json() as { error: { type: string, message: string, details?: unknown } } }
  }
  return { ...started, used, invoke }
}

t.test('no name of the published lists is missing from ours', async t => {
  t.same(published.filter(name => !closedNames.includes(name)), [])
  t.same(forOwners.filter(name => !ownerNames.includes(name)), [])
  t.same(['exec', 'file.read', 'file.write', 'automation', 'gateway', 'node'].filter(name => !closedClasses.has(name as never)), [])
})

for (const { name: way, auth, headers } of ways) {
  t.test(`each closed name, alias and spelling is refused like an unknown one by ${way}`, async t => {
    const { invoke, used } = await open(t, auth)
    const unknown = await invoke('nosuch', headers)
    t.equal(unknown.status, 404, JSON.stringify(unknown.body))
    const wrong: string[] = []
    const all = await Promise.all(published.map(async (name, i) => {
      for (const spelling of [...spellings(name), `harmless_${i}`, `HARMLESS_${i}`, `alias_${i}`, `ALIAS_${i}`]) {
        const { status, body } = await invoke(spelling, headers)
        const { details: _details, ...error } = body.error
        const { details: _unknown, ...expected } = unknown.body.error
        const same = JSON.stringify({ ...error, message: '' }) === JSON.stringify({ ...expected, message: '' })
        if (status !== 404 || !same || error.message !== `Tool not available: ${spelling.trim()}`) wrong.push(`${spelling}: ${status} ${error.message}`)
      }
    }))
    t.equal(all.length, published.length)
    t.same(wrong, [])
    t.same(used, [])
  })
}

t.test('what is opened by name is open to the owner and to nobody else', async t => {
  const auth = { mode: 'none', token: undefined }
  const { invoke, used } = await open(t, auth, { tools: { allow: [...new Set([...published, ...forOwners])] } })
  const refused: string[] = []
  for (const name of published) {
    if ((await invoke(name, { 'x-openclaw-scopes': 'operator.write' })).status !== 404) refused.push(name)
  }
  t.same(refused, [])
  t.same(used, [])
  t.equal((await invoke('EXEC', {})).status, 200)
  t.same(used, ['exec'])
})

t.test('owner rights come from the credential and from no header or field', async t => {
  const { invoke, used, url } = await open(t, { mode: 'none', token: undefined }, { tools: { allow: forOwners } })
  const claims = { 'x-openclaw-scopes': 'operator.write', 'x-openclaw-owner': 'true', 'x-openclaw-is-owner': '1', 'x-openclaw-sender-is-owner': 'true' }
  for (const name of forOwners) t.equal((await invoke(name, claims)).status, 404, name)
  const { client } = await admitted(url, { auth: false, scopes: ['operator.write'] })
  for (const name of [...forOwners, 'nosuch']) {
    const { payload } = await client.request('tools.invoke', { name })
    t.match(payload, { ok: false, toolName: name, error: { code: 'not_found', message: `Tool not available: ${name}` } })
  }
  await closeClient(client)
  t.same(used, [])
})

t.test('reading rights are not enough', async t => {
  const { invoke, used } = await open(t, { mode: 'none', token: undefined })
  for (const scopes of ['operator.read', '', 'operator.approvals,operator.pairing']) {
    const { status, body } = await invoke('harmless_0', { 'x-openclaw-scopes': scopes })
    t.equal(status, 403)
    t.match(body, { error: { type: 'forbidden', message: 'missing scope: operator.write' } })
  }
  t.same(used, [])
})

t.test('too many wrong credentials end with 429 and the time to wait', async t => {
  const { http } = await open(t, { rateLimit: { exemptLoopback: false, maxAttempts: 2 } })
  const guess = (token: string) => fetch(`${http}/tools/invoke`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  for (let i = 0; i < 2; i++) t.equal((await guess(`wrong-${i}`)).status, 401)
  const response = await guess(testToken)
  t.equal(response.status, 429)
  t.ok(Number(response.headers.get('retry-after')) > 0)
  t.match(await response.json(), { error: { type: 'rate_limited' } })
})

t.test('other spellings of the path reach nothing', async t => {
  const { port, used } = await open(t, { rateLimit: { exemptLoopback: false, maxAttempts: 1000 } }, { tools: { allow: published } })
  const authorization = `Bearer ${testToken}`
  const paths = [
    '/TOOLS/invoke', '/tools/INVOKE', '//tools/invoke', '/tools//invoke', '/tools/invoke/', '/tools/invoke/..;/', '/tools/invoke.',
    '/tools%2finvoke', '/tools%252finvoke', '/tools/./invoke%00', '/tools/invoke;x', '/x/../tools%2Finvoke', '/tools/invok%2565'
  ]
  for (const path of paths) {
    for (const headers of [{ authorization: 'Bearer wrong' }, { authorization }]) {
      const socket = tcpConnect(port, '127.0.0.1')
      await once(socket, 'connect')
      const body = '{"tool":"exec"}'
      socket.end(`POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${headers.authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`)
      let text = ''
      for await (const chunk of socket) text += chunk
      t.match(text, /^HTTP\/1\.1 (?:400|401|404) /, path)
    }
  }
  t.same(used, [])
})

/** Each tool of the gateway that programs reach without anybody having opened it. Whoever adds one has to say so here. */
const reachable = [
  'agents_list', 'memory_get', 'memory_search', 'message', 'session_status', 'sessions_history', 'sessions_list', 'sessions_search', 'subagents', 'tts', 'web_fetch', 'web_search'
]

for (const { name: way, auth, headers } of ways) {
  t.test(`of the tools that come with the gateway those that are not for programs are refused in every spelling by ${way}`, async t => {
    const { http, gateway } = await startGateway(t, { config: { gateway: { ...('trustedProxy' in auth ? { trustedProxies: ['127.0.0.1'] } : {}), auth } } })
    const tools = (await gateway.rooms.tools.registry()).all()
    t.ok(tools.length > 15)
    const wrong: string[] = []
    for (const { name, aliases = [] } of tools) {
      for (const spelling of [name, ...aliases].flatMap(spellings)) {
        const response = await fetch(`${http}/tools/invoke`, {
          method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ tool: spelling, args: {}, dryRun: true })
        })
        await response.body?.cancel()
        if ((response.status !== 404) !== reachable.includes(name)) wrong.push(`${JSON.stringify(spelling)} of ${name}: ${response.status}`)
      }
    }
    t.same(wrong, [])
  })
}
