/**
 * Published disclosures, each as a search for what was planted.
 *
 * Here:   GHSA-93rg-2xm5-2p9v, GHSA-2f7j-rp58-mr42, GHSA-ppwq-6v66-5m6j, CVE-2026-26326 / GHSA-8mh7-phf8-xgfm (hello, config, status),
 *         GHSA-rchv-x836-w7xp (a token in the URL), GHSA-xwcj-hwhf-h378 (secrets inside logged errors), PR #15592 and
 *         GHSA-g27f-9qjv-22pm (forged log lines), CVE-2026-27524 / GHSA-62f6-mrcj-v8h5 (polluted prototypes, see also fuzz.test.ts)
 * Later:  CVE-2026-22174 / GHSA-v3j7-34xh-6g3w, GHSA-grc3-2j34-p6gm, GHSA-77q5-rr5v-x43q   our token sent elsewhere: nothing of ours
 *                                                                                         sends anything yet (providers, channels)
 */
import { inspect } from 'node:util'
import t from 'tap'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { methods } from '../../src/methods/index.ts'
import { admitted, closeClient, connect, operatorScopes, startGateway, testToken, TestClient } from '../helper.ts'
import { eventually } from '../fixtures/eventually.ts'
import { behindProxy, bearer, rawAnswer, rawSocket, routesOf, socketFrom, upgradeHeaders } from './attacker.ts'
import { canaryPattern, plantCanaries } from './canaries.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const { config, places } = plantCanaries()

/** Wrong credentials of this machine are answered at once. */
const unhurried = { rateLimit: { exemptLoopback: false, maxAttempts: 1000 } }

/** Fails for every planted secret in the text, and says where it stood in the configuration. */
function search (t: { fail (message: string): unknown, pass (message: string): unknown }, where: string, text: string): void {
  const found = [...new Set(text.match(new RegExp(canaryPattern, 'gi')) ?? [])]
  if (found.length === 0) t.pass(where)
  for (const canary of found.slice(0, 20)) t.fail(`${where} shows ${places.get(canary.toLowerCase()) ?? canary}`)
}

/** What somebody sends who is looking for a place that says too much. */
const probes: readonly unknown[] = [
  undefined, {}, { path: 'gateway.auth.token' }, { path: 'models.providers.entry.apiKey' }, { nodeId: 'x' }, { deviceId: 'x', role: 'operator' }, { deviceId: 'x', label: 'x' },
  { requestId: 'x' }, { agentId: 'x' }, { sessionKey: 'x' }, { text: 'x' }, { limit: 1000 }, { limit: 1000, maxBytes: 1_000_000 }, { scopes: ['operator.admin'] }, { setupId: 'x' },
  [], 'x', 7, null, { bogus: { nested: true } }
]

async function everything (client: TestClient): Promise<string> {
  let told = ''
  for (const method of [...Object.keys(methods), 'no.such.method']) {
    if (method.startsWith('device.scopes.wait')) continue
    const isOfNodes = Object.hasOwn(methods, method) && methods[method as keyof typeof methods].scope === 'node'
    if (!isOfNodes) await Promise.all(probes.map(params => client.request(method, params, 60_000)))
    else {
      for (const params of probes) {
        await client.request(method, params)
        // Calls of the wrong role in a row end the connection.
        await client.request('health')
      }
    }
    told += JSON.stringify(client.frames.splice(0))
  }
  return told
}

t.test('GHSA-93rg-2xm5-2p9v and siblings: no secret of the configuration reaches anybody, in no frame, no answer and no line of the log', async t => {
  const env = { OPENAI_API_KEY: 'kanarie1vogel', OPENCLAW_WEBHOOK: 'kanarie2vogel' }
  const planted = config['gateway'] as { auth: object }
  const auth = { ...planted.auth, ...unhurried }
  const gateway = await startGateway(t, { config: { ...config, gateway: { ...planted, ...behindProxy.gateway, auth, http: { rateLimit: { max: 100_000 } } } }, env })
  t.ok(places.size > 500, `${places.size} secrets were planted`)
  t.same(gateway.gateway.rooms.config().issues, [], 'and the configuration was taken')
  for (const scopes of [[], ['operator.read'], operatorScopes.filter(scope => scope !== 'operator.admin'), operatorScopes]) {
    const { client } = await admitted(gateway.url, { device: false, scopes })
    search(t, `an operator with ${scopes.length} scopes`, await everything(client))
    await closeClient(client)
  }
  const node = await admitted(gateway.url, { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } })
  t.match(JSON.stringify(node.hello), 'hello-ok')
  search(t, 'a node', JSON.stringify(node.client.frames))
  await closeClient(node.client)
  const remote = await connect(gateway.url, { device: false, socket: socketFrom('203.0.113.200') })
  search(t, 'somebody from elsewhere', JSON.stringify(remote.client.frames))
  await closeClient(remote.client)

  for (const { path, methods: verbs } of routesOf(gateway)) {
    await Promise.all([...verbs, 'TRACE', 'PROPFIND'].flatMap(method => {
      const ways = ['', `Authorization: Bearer ${testToken}\r\n`, 'Authorization: Bearer wrong\r\n', 'X-Forwarded-For: 203.0.113.201\r\n']
      return ways.map(async headers => {
        const answer = await rawAnswer(gateway.port, `${method} ${path.replace('*', 'x')} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}connection: close\r\n\r\n`, 60_000)
        t.match(answer, /^HTTP\/1\.1 \d/, `${method} ${path}`)
        if (canaryPattern.test(answer)) search(t, `${method} ${path}`, answer)
      })
    }))
  }
  search(t, 'the log', gateway.log.join(''))
})

t.test('no path of this host is told before authentication or below administration', async t => {
  const gateway = await startGateway(t)
  const secretive = [gateway.stateDir, process.cwd(), process.env['HOME'] ?? '/home/nobody-here']
  const check = (where: string, text: string): void => {
    for (const path of secretive) if (path.length > 1 && text.includes(path)) t.fail(`${where} shows ${path}`)
    t.pass(where)
  }
  for (const { path } of routesOf(gateway)) check(path, await (await fetch(gateway.http + path.replace('*', 'x'))).text())
  const reader = await admitted(gateway.url, { device: false, scopes: ['operator.read', 'operator.pairing', 'operator.approvals', 'operator.questions', 'operator.write'] })
  check('everything below administration', await everything(reader.client))
  await closeClient(reader.client)
})

t.test('GHSA-rchv-x836-w7xp: a token in a URL is in no line of the log, however the request ends', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, auth: unhurried } } })
  const secret = 'kanarie9001vogel'
  const paths = routesOf(gateway).map(({ path }) => path.replace('*', 'nosuch'))
  for (const path of [...paths, '/nosuch/../x', '//x', '/%zz']) {
    const queries = [`?token=${secret}`, `?a=1&token=${secret}&b=2`, `?token=${secret}&token=${secret}`, `?TOKEN=${secret}`, `#token=${secret}`, `?password=${secret}`]
    const ways = ['', 'X-Forwarded-For: 203.0.113.9\r\n', upgradeHeaders.replace('13', '12'), 'Forwarded: for=1.2.3.4\r\n']
    await Promise.all(queries.flatMap(query => ways.map(async headers => {
      const connection = headers.includes('Upgrade') ? 'Upgrade' : 'close'
      const answer = await rawAnswer(gateway.port, `GET ${path}${query} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}connection: ${connection}\r\n\r\n`, 60_000)
      if (!/^HTTP\/1\.1 \d/.test(answer)) t.fail(`${path}${query} is not answered: ${answer.slice(0, 100)}`)
      if (answer.includes(secret)) t.fail(`${path}${query} is echoed`)
      if (!/referrer-policy: no-referrer/i.test(answer) && / 200 /.test(answer)) t.fail(`${path}: a referrer could leak`)
    })))
  }
  search(t, 'the log', gateway.log.join(''))
})

t.test('what clients present as a credential is in no line of the log and in no answer, right or wrong', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, auth: { token: 'kanarie9100vogel-0123456789abcdef', ...unhurried } } } })
  const secret = 'kanarie9101vogel'
  for (const field of ['token', 'password', 'deviceToken', 'bootstrapToken', 'approvalRuntimeToken', 'agentRuntimeIdentityToken', 'bogus']) {
    for (const device of [undefined, false] as const) {
      const { client } = await connect(gateway.url, { device, auth: { [field]: secret } })
      await client.close()
      search(t, field, JSON.stringify(client.frames) + client.closed?.reason)
    }
  }
  for (const headers of [bearer(secret), { authorization: `Basic ${secret}` }, { cookie: `token=${secret}` }, { 'x-api-key': secret }, { 'x-openclaw-token': secret }, { 'sec-websocket-protocol': `bearer.${secret}` }]) {
    const response = await fetch(`${gateway.http}/control-ui-config.json`, { headers: headers as {} })
    search(t, Object.keys(headers)[0]!, await response.text() + JSON.stringify([...response.headers]))
    const client = new TestClient(gateway.url, { headers: headers as {} })
    await client.event('connect.challenge').catch(() => undefined)
    client.socket.terminate()
  }
  const right = await admitted(gateway.url, { auth: { token: 'kanarie9100vogel-0123456789abcdef' } })
  search(t, 'hello', JSON.stringify(right.hello))
  search(t, 'everything an administrator can read', await everything(right.client))
  const { deviceToken } = right.hello.auth
  await closeClient(right.client)
  search(t, 'the log', gateway.log.join(''))
  t.notMatch(gateway.log.join(''), deviceToken)
})

t.test('GHSA-xwcj-hwhf-h378: a configuration that cannot be read is described without what it holds', async t => {
  const stateDir = ownDirectory(t)
  const env = { HOME: stateDir, OPENCLAW_STATE_DIR: stateDir }
  for (const text of [
    '{ gateway: { auth: { token: kanarie9200vogel } } }', '{ "gateway": { "auth": { "token": "kanarie9201vogel }', '{ gateway: { auth: { token: "kanarie9202vogel" "x" } } }',
    '{ gateway: { auth: { mode: "kanarie9203vogel" } } }', '{ gateway: { auth: { token: { kanarie9204vogel: 1 } } } }', '{ models: { providers: { x: { apiKey: ["kanarie9205vogel"] } } } }',
    '{ gateway: { auth: { password: { source: "env", id: "kanarie9206vogel" } } } }', '{ mcp: { servers: { x: { headers: "kanarie9207vogel" } } } }'
  ]) {
    const loaded = await loadConfig({ paths: resolvePaths({ env }), env, text }).catch(error => ({ error: inspect(error) }))
    const told = JSON.stringify('issues' in loaded ? [loaded.issues, loaded.warnings] : loaded)
    // The value of a mode is no secret; it helps to see what was mistyped.
    search(t, text, text.includes('mode:') ? '' : told)
  }
})

t.test('PR #15592, GHSA-g27f-9qjv-22pm: whatever strangers write, one event is one line without anything that steers a terminal', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const evil = 'x\r\n2026-01-01 fatal: forged\u001b[2J\u001b]0;owned\u0007\u202e\u2066\u0085\u009b31m\u0000\u2028y'
  const latin = Buffer.from('x\u0085\u009b31m\u00a0y', 'latin1')
  for (const header of ['Origin', 'User-Agent', 'Host', 'Referer', 'X-Forwarded-For', 'Sec-WebSocket-Protocol']) {
    const head = header === 'Host' ? 'GET / HTTP/1.1\r\n' : 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n'
    for (const upgrade of ['connection: close\r\n', upgradeHeaders]) {
      const text = Buffer.concat([Buffer.from(`${head}${header}: `), latin, Buffer.from(`\r\n${upgrade}\r\n`)]).toString('latin1')
      const raw = await rawSocket(gateway.port, text)
      await eventually(() => raw.answer, answer => answer.startsWith('HTTP/1.1 '))
      raw.socket.destroy()
    }
  }
  const origin = 'https://evil.example/\u009b31m'
  for (const options of [
    { client: { displayName: evil, version: evil, platform: evil, deviceFamily: evil, modelIdentifier: evil, timeZone: evil.slice(0, 64), instanceId: evil } },
    { client: { displayName: evil }, socket: socketFrom('203.0.113.3') },
    { client: { id: evil } }, { role: evil }, { scopes: [evil] }, { adjust: (params: object) => ({ ...params, [evil]: 1 }) }, { auth: { token: evil } }, { auth: { [evil]: 'x' } },
    { socket: { origin } }, { socket: { headers: { 'user-agent': 'x\u009b31m' } } }
  ]) {
    const { client } = await connect(gateway.url, options as {})
    await closeClient(client)
  }
  const { client } = await admitted(gateway.url)
  for (const method of [evil, 'device.pair.approve', 'agent.identity.get', 'config.schema.lookup', 'node.describe']) await client.request(method, { requestId: evil, agentId: evil, path: evil, nodeId: evil, [evil]: 1 })
  client.send({ type: 'req', id: evil, method: evil, params: { [evil]: evil } })
  client.send(evil)
  client.socket.close(4000, 'x\n\u001b[31m\u202e')
  await client.close()
  await eventually(() => gateway.gateway.rooms.connections.counts(), ({ connected, introducing }) => connected + introducing === 0)
  await eventually(() => gateway.log.some(line => line.includes('refused a connection')))
  const text = gateway.log.join('')
  for (const line of text.split('\n')) {
    // eslint-disable-next-line no-control-regex
    const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/.exec(line)
    if (unsafe) t.fail(`U+${unsafe[0].charCodeAt(0).toString(16)} in ${JSON.stringify(line).slice(0, 200)}`)
    if (/^(\d{4}-\d\d-\d\d )?fatal: forged/.test(line)) t.fail('a forged line')
    if (line.length > 8192) t.fail(`a line of ${line.length} characters`)
  }
})
