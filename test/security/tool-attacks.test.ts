/** Attacks on tools from the published advisories, each with the real pieces. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createOutbound } from '../../src/lib/outbound/outbound.ts'
import { webFetch } from '../../src/tools/builtin/web-fetch.ts'
import { createWeb } from '../../src/tools/web/web.ts'
import { startDnsServer } from '../fixtures/dns-server.ts'
import { startWebServer } from '../fixtures/web-server.ts'
import { invoke } from '../flows/tool-call.ts'
import { admitted, closeClient, startGateway, testToken, type TestClient, type TestGateway } from '../helper.ts'
import { loaded, tool } from '../tools/policy-scene.ts'
import { toolContext } from '../tools/web/web-scene.ts'

const hostile = ['../../etc/passwd', 'agent:main:../../x', '..%2f..%2fetc', 'a\\..\\b', '/etc/passwd', 'x\u0000y']

t.test('CVE-2026-28482: names of sessions and agents that could be paths are refused by every tool that takes one', async t => {
  const gateway = await startGateway(t, { config: { gateway: { tools: { allow: ['sessions_send', 'sessions_spawn'] } } } })
  for (const value of hostile) {
    for (const [name, args] of [['session_status', {}], ['sessions_list', {}]] as const) {
      t.match(await invoke(gateway, name, args, { sessionKey: value }), { status: 400 }, `sessionKey ${JSON.stringify(value)}`)
      t.match(await invoke(gateway, name, args, { agentId: value }), { status: 400 }, `agentId ${JSON.stringify(value)}`)
    }
    for (const [name, args] of [
      ['sessions_history', { sessionKey: value }], ['session_status', { sessionKey: value }], ['sessions_send', { sessionKey: value, message: 'x' }],
      ['sessions_send', { agentId: value, message: 'x' }], ['sessions_spawn', { task: 'x', agentId: value }], ['memory_get', { path: value }]
    ] as const) {
      const { status, isError, details, raw } = await invoke(gateway, name, args)
      t.ok(status === 400 || isError || ['error', 'not_found', 'forbidden'].includes(details['status']), `${name} ${JSON.stringify(args)}: ${raw.slice(0, 200)}`)
      t.notMatch(raw, /root:x:/)
    }
  }
  t.notOk(existsSync(join(gateway.stateDir, 'archive')))
})

t.test('CVE-2026-27524: names that reach a prototype do nothing in arguments, over HTTP and over the socket', async t => {
  const given: object[] = []
  const { gateway, http, url } = await startGateway(t)
  await gateway.rooms.tools.registry().then(registry => registry.add([tool('probe', { run: async args => { given.push(args); return { content: [] } } })]))
  const bodies = [
    '{"tool":"probe","args":{"__proto__":{"polluted":1}}}', '{"tool":"probe","args":{"constructor":{"prototype":{"polluted":1}}}}',
    '{"tool":"probe","__proto__":{"polluted":1},"args":{"a":{"b":{"__proto__":{"polluted":1}}}}}'
  ]
  for (const body of bodies) {
    const response = await fetch(`${http}/tools/invoke`, { method: 'POST', headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' }, body })
    t.ok([200, 400].includes(response.status), body)
  }
  const { client } = await admitted(url)
  for (const body of bodies) client.send(`{"type":"req","id":"p","method":"tools.invoke","params":{"name":"probe",${body.slice(body.indexOf('"args"'), -1)}}}`)
  await client.frame(frame => frame.type === 'res' && frame.id === 'p')
  await closeClient(client)
  t.equal(({} as { polluted?: unknown }).polluted, undefined)
  for (const args of given) t.equal((args as { polluted?: unknown }).polluted, undefined, 'nothing is inherited either')
})

t.test('CVE-2026-22174: what an agent fetches learns nothing of the gateway, also where its own network is open to it', async t => {
  const recorder = await startWebServer(t, ({ url }, response) => {
    if (url === '/moved') response.writeHead(302, { location: 'http://localhost/' }).end()
    else response.end('text')
  })
  const gateway = await startGateway(t, {
    env: { OPENAI_API_KEY: 'canary-of-a-provider' },
    config: { tools: { web: { fetch: { ssrfPolicy: { allowedHostnames: ['127.0.0.1', 'localhost'] } }, search: { provider: 'searxng', searxng: { baseUrl: recorder.url } } } } }
  })
  for (const url of [`${recorder.url}/probe`, `${recorder.url}/moved`, `http://user:pass@127.0.0.1:${recorder.port}/`]) await invoke(gateway, 'web_fetch', { url })
  await invoke(gateway, 'web_search', { query: 'x' })
  t.ok(recorder.asked.length >= 2)
  for (const secret of [testToken, gateway.adminToken, 'canary']) t.notMatch(JSON.stringify(recorder.asked), secret)
  for (const { headers } of recorder.asked) t.equal(headers.authorization, undefined)
})

t.test('CVE-2026-100574: a name that changes its answer between two steps leads nowhere', async t => {
  const site = await startWebServer(t, (_asked, response) => { response.writeHead(302, { location: `http://rebind.test:${site.port}/next` }).end() })
  const dns = await startDnsServer(t, (_name, kind, times) => kind === 'AAAA' ? [] : [times === 1 ? '127.0.0.1' : '169.254.169.254'])
  const settings = await loaded(t, { tools: { web: { fetch: { ssrfPolicy: { allowedHostnames: ['rebind.test'] } } } } })
  const web = createWeb({ config: () => settings, now: Date.now, outbound: createOutbound({ resolve: dns.resolve }) })
  t.teardown(() => web.close())
  const { details, isError } = await webFetch({ web }).run({ url: `http://rebind.test:${site.port}/` }, toolContext())
  t.match({ details, isError }, { isError: true, details: { status: 'error', error: /rebind\.test leads to .*metadata/ } })
  t.equal(site.asked.length, 1)
  t.equal(dns.questions.filter(question => question.startsWith('A ')).length, 2)
})

t.test('a command that is allowed over HTTP is held to the same rules as that of an agent', async t => {
  const gateway = await startGateway(t, { config: { gateway: { tools: { allow: ['exec'] } }, tools: { exec: { allowedCommands: ['echo', 'cat'], denyPaths: ['/etc'] } } } })
  const workspace = join(gateway.stateDir, 'workspace')
  mkdirSync(workspace, { recursive: true })
  symlinkSync('/etc', join(workspace, 'innocent'))
  writeFileSync(join(workspace, 'own.txt'), 'own')
  t.match((await invoke(gateway, 'exec', { command: 'cat own.txt' })).details, { exitCode: 0, aggregated: 'own' })
  const made = join(workspace, 'made')
  for (const command of [
    'cat innocent/passwd', 'cat /etc/passwd', 'cat ../workspace/innocent/passwd', `touch ${made}`, 'echo x > made', 'echo $(touch made)', 'echo `touch made`', 'echo x; touch made',
    'echo x\ntouch made', 'echo x && touch made', 'echo x | tee made', 'cat <(touch made)', 'eval touch made', 'echo() { touch made; }; echo', 'PATH=. echo x', '{touch,made}'
  ]) {
    const { isError, raw } = await invoke(gateway, 'exec', { command })
    t.ok(isError, command)
    t.notMatch(raw, /root:x:/, command)
  }
  for (const args of [{ workdir: 'innocent' }, { workdir: '../..' }]) t.ok((await invoke(gateway, 'exec', { command: 'cat own.txt', ...args })).isError, JSON.stringify(args))
  t.equal((await invoke(gateway, 'exec', { command: 'echo x', env: { LD_PRELOAD: '/x.so' } })).status, 400)
  t.notOk(existsSync(made))
})

async function ended (client: TestClient, params: object): Promise<unknown> {
  const { payload, ok, error } = await client.request('chat.send', params)
  if (!ok) throw new Error(JSON.stringify(error))
  return await client.request('agent.wait', { runId: payload.runId, timeoutMs: 10_000 }, 11_000)
}

/** Tools for the owner alone, that come with the gateway or not; each tells when it is used. */
async function ownersTools ({ gateway }: TestGateway, used: string[]): Promise<string[]> {
  const registry = await gateway.rooms.tools.registry()
  const own = registry.all().filter(({ ownerOnly, capability }) => ownerOnly || ['automation', 'gateway', 'node'].includes(capability))
  registry.remove(own.map(({ name }) => name))
  const names = [...new Set([...own.map(({ name }) => name), 'cron', 'gateway', 'nodes', 'plugins', 'terminal', 'made_up'])]
  registry.add(names.map(name => tool(name, {
    capability: 'outside', ownerOnly: true, run: async () => { used.push(name); return { content: [{ type: 'text', text: 'used' }] } }
  })))
  return names
}

t.test('GHSA-hfpr-jhpq-x4rm: whoever may only write gets no tool of the owner by asking an agent, in whatever way', async t => {
  const used: string[] = []
  const gateway = await startGateway(t)
  const names = await ownersTools(gateway, used)
  const { client } = await admitted(gateway.url, { auth: { token: testToken }, scopes: ['operator.read', 'operator.write'] })
  const lines = names.map(name => `/tool ${name} {}`).join('\n')
  let count = 0
  for (const sessionKey of ['main', 'agent:main:other', 'agent:main:main']) {
    await ended(client, { sessionKey, message: lines, idempotencyKey: `a${count++}` })
    for (const mode of ['steer', 'followup', 'collect', 'interrupt']) await ended(client, { sessionKey, message: lines, idempotencyKey: `a${count++}`, queueMode: mode })
  }
  await ended(client, { sessionKey: 'main', message: `/tool sessions_spawn ${JSON.stringify({ task: lines })}`, idempotencyKey: `a${count++}` })
  await ended(client, { sessionKey: 'main', message: `/tool sessions_send ${JSON.stringify({ sessionKey: 'agent:main:b', message: lines })}`, idempotencyKey: `a${count++}` })
  t.same(used, [])
  await closeClient(client)
  const { client: owner } = await admitted(gateway.url)
  await ended(owner, { sessionKey: 'agent:main:owners', message: lines, idempotencyKey: 'b' })
  t.same([...used].sort(), [...names].sort(), 'the owner has them')
  await closeClient(owner)
})

t.test('CVE-2026-35674: words that look like commands change nothing for whoever may only write', async t => {
  const { url, stateDir } = await startGateway(t)
  const file = join(stateDir, 'openclaw.json')
  writeFileSync(file, '{ "gateway": { "mode": "local" } }')
  const { client } = await admitted(url, { scopes: ['operator.read', 'operator.write'] })
  let count = 0
  for (const message of ['/config set gateway.auth.mode none', '/config set gateway.auth.token x', '/bash touch /tmp/x', '/restart', '/debug on', '/elevated on', '/approve all allow-always']) {
    await ended(client, { sessionKey: 'main', message, idempotencyKey: `c${count++}` })
  }
  t.equal(readFileSync(file, 'utf8'), '{ "gateway": { "mode": "local" } }')
  t.match(await client.request('health', {}), { ok: true })
  await closeClient(client)
})
