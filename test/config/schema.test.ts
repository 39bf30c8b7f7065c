import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import t from 'tap'
import { mismatchOf, type JsonType } from '../../src/config/check-type.ts'
import { configJsonSchema, configUiHints, lookupSchema } from '../../src/config/json-schema.ts'
import { reloadTableText } from '../../src/config/reload-table.ts'
import { exampleConfigText } from '../../src/config/example.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatPath } from '../../src/config/path-syntax.ts'
import { reloadClassOf } from '../../src/config/reload.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { childrenOf, type AnyGroup, type KeyNode, type Node } from '../../src/config/schema/node.ts'
import { configTree } from '../../src/config/schema.ts'
import { defaultConfig, validateConfig } from '../../src/config/validate.ts'
import { loadText } from './helper.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'

const root = new URL('../../', import.meta.url)
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8')

interface Place { path: string, node: Node }

function places (node: Node, steps: Array<string | number> = []): Place[] {
  const here = { path: formatPath(steps), node }
  if (node.kind === 'map' || node.kind === 'list') return [here, ...places(node.item as Node, [...steps, '*'])]
  const own = Object.entries(childrenOf(node) ?? {}).flatMap(([name, child]) => places(child, [...steps, name]))
  const rest = (node as AnyGroup).rest as Node | undefined
  return [here, ...own, ...(rest ? places(rest, [...steps, '*']) : [])]
}
const all = places(configTree)
const keys = all.filter((place): place is { path: string, node: KeyNode<unknown> } => place.node.kind === 'key')

t.test('every key has one line of help and a reload class', async t => {
  t.ok(keys.length > 400, `${keys.length} keys`)
  for (const { path, node } of keys) {
    const bad = node.help.trim() === '' || node.help.includes('\n') || node.help.length > 140 || !/[.…]$/.test(node.help)
    if (bad) t.fail(`${path}: ${node.help}`)
    if (!/^(live|restart|none|room:[a-z]+)$/.test(reloadClassOf(path))) t.fail(`${path}: ${reloadClassOf(path)}`)
  }
})

t.test('every default, and every value for the bad case, is a valid one', async t => {
  for (const { path, node } of keys) {
    for (const value of [node.default, node.failsafe]) {
      if (value === undefined) continue
      const given = node.normalize ? node.normalize(value) : value
      t.notOk(mismatchOf(node.type as JsonType, given) ?? node.check?.(given), path)
    }
  }
})

t.test('the small validator and Ajv give the same verdict on every key', async t => {
  const ajv = new Ajv({ strict: false, allErrors: false })
  const samples: unknown[] = [
    null, true, false, 0, 1, -1, 1.5, 8, 65535, 65536, 2147483648, '', 'a', 'main', '/x', '/x/', '30m', '1.5h', 'never', '10gb', '80%', 'auto', 'off', 'all', 'x'.repeat(30),
    [], ['a'], [1], [null], [['a']], {}, { a: 1 }, { a: 'b' }, { a: ['b'] }, { primary: 'x' }, { source: 'env', id: 'A' }, { source: 'env', id: 'A', more: 1 },
    { source: 'no', id: 'A' }, [{ id: 'm' }], [{ id: '' }], [{}], { path: 'x' }, { path: 5 }, { module: 'm' }, { user: 1 }, { kind: 'direct', id: 'x' }
  ]
  for (const { path, node } of keys) {
    const validate = ajv.compile(node.type as object)
    for (const sample of samples) {
      const ours = mismatchOf(node.type as JsonType, sample) === undefined
      if (ours !== validate(sample)) t.fail(`${path}: ${JSON.stringify(sample)} is ${ours ? 'accepted' : 'refused'} by us only`)
    }
  }
  t.pass(`${keys.length * samples.length} verdicts`)
})

t.test('the defaults satisfy the JSON Schema, and mistakes do not', async t => {
  const validate = new Ajv({ strict: false }).compile(configJsonSchema())
  t.ok(validate(defaultConfig()), JSON.stringify(validate.errors))
  t.notOk(validate({ gateway: { port: 'abc' } }))
  t.notOk(validate({ channels: { telegram: { dmPolicy: 'x' } } }))
  t.notOk(validate({ agents: { list: [{}] } }))
  t.ok(validate({ unknown: 1, gateway: { bind: '0.0.0.0' }, channels: { telegram: { botToken: 'x' } } }), 'unknown keys are no mistake')
})

t.test('the table of what changes take is current, and names every place that differs from what is around it', async t => {
  const text = read('config/reload.md')
  t.equal(text, reloadTableText())
  for (const row of ['| `gateway` | **restart** |', '| `gateway.auth.token` | at once; `auth` is told |', '| `tools` | at once |']) t.ok(text.includes(row), row)
})

t.test('the schema for editors is current (node config/generate.js writes it)', async t => {
  t.same(JSON.parse(read('config/openclaw.schema.json')), configJsonSchema())
})

t.test('the example file is current, has every key once, and means the defaults', async t => {
  const text = read('openclaw.example.json5')
  t.equal(text, exampleConfigText())
  const paths = resolvePaths({ env: { OPENCLAW_STATE_DIR: ownDirectory(t) } })
  const loaded = await loadConfig({ paths, env: {}, text })
  t.same([loaded.issues, loaded.warnings], [[], []])
  t.same(loaded.config, defaultConfig())
  const lines = text.split('\n').filter(line => /^ *(\/\/ )?(['"]?[$\w<>]+['"]?): /.test(line)).length
  t.ok(lines >= keys.length, `${lines} lines for ${keys.length} keys`)
})

t.test('the example stays right when every commented key is looked up by its help', async t => {
  const text = read('openclaw.example.json5')
  for (const { path, node } of keys) {
    if (!text.includes(`// ${node.help}\n`)) t.fail(`${path}: its help is missing`)
  }
})

t.test('every key of the gateway that is documented is there with its default', async t => {
  const { gateway } = defaultConfig()
  t.match(gateway, {
    port: 18789,
    bind: 'loopback',
    controlUi: {
      enabled: true,
      basePath: '',
      allowedOrigins: [],
      allowInsecureAuth: false,
      dangerouslyAllowHostHeaderOriginFallback: false,
      dangerouslyDisableDeviceAuth: false,
      communityInvite: true,
      sessionObserver: true,
      automaticallyFetchFavicons: true,
      embedSandbox: 'scripts',
      allowExternalEmbedUrls: false,
      experimental: { customPlugins: false }
    },
    cliAgents: { enabled: true },
    terminal: { enabled: true, detachedSessionTimeoutSeconds: 300 },
    auth: { urlToken: 'local', rateLimit: { maxAttempts: 10, windowMs: 60000, lockoutMs: 300000, exemptLoopback: true } },
    pairing: { scopeSurplus: 'pending', maxPending: 100, maxPendingPerAddress: 20 },
    trustedProxies: [],
    allowRealIpFallback: false,
    tools: { deny: [], allow: [] },
    tailscale: { mode: 'off', preserveFunnel: false, resetOnExit: false },
    reload: { mode: 'hybrid', debounceMs: 300, deferralTimeoutMs: 300000 },
    tls: { enabled: false, autoGenerate: true },
    http: {
      allowedHosts: [],
      requestTimeoutMs: 30000,
      bodyLimitBytes: 2097152,
      rateLimit: { max: 120, windowMs: 60000 },
      cors: { origins: [] },
      endpoints: {
        chatCompletions: {
          enabled: false,
          maxBodyBytes: 20971520,
          maxImageParts: 8,
          maxTotalImageBytes: 20971520,
          images: { allowUrl: false, maxRedirects: 3, timeoutMs: 10000 }
        },
        responses: {
          enabled: false,
          maxUrlParts: 8,
          files: { allowUrl: true, maxChars: 60000, pdf: { maxPages: 4, maxPixels: 4000000, minTextChars: 200 } },
          images: { allowUrl: true }
        }
      }
    },
    push: { apns: { relay: { timeoutMs: 10000 } } },
    nodes: {
      browser: { mode: 'auto' },
      pairing: { autoApproveLocal: true, autoApproveCidrs: [], sshVerify: true },
      pluginTools: { enabled: true },
      allowSkills: true,
      commands: { allow: [], deny: [] }
    },
    limits: { preauthPerAddress: 128, preauthTotal: 1024, maxConnections: 10000 },
    handshakeTimeoutMs: 15000,
    channelHealthCheckMinutes: 5,
    channelStaleEventThresholdMinutes: 30,
    channelMaxRestartsPerHour: 10,
    shutdown: { drainMs: 5000 }
  })
  t.match(defaultConfig().logging, { level: 'info', maxFileBytes: 104857600, maxTotalBytes: 524288000 })
  t.equal(defaultConfig().store.durability, 'full')
  const optional = ['mode', 'customBindHost', 'publicOrigin', 'roles', 'remote', 'auth.mode', 'auth.token', 'auth.password', 'auth.allowTailscale',
    'auth.trustedProxy.userHeader', 'auth.trustedProxy.requiredHeaders', 'auth.trustedProxy.allowUsers', 'auth.trustedProxy.allowLoopback', 'auth.identityScopes',
    'auth.trustedProxy.cloudflareAccessOidc', 'auth.trustedProxy.deviceAutoApprove', 'controlUi.root', 'controlUi.environment.label', 'controlUi.github.token',
    'terminal.shell', 'portals.ingress', 'tls.certPath', 'tls.keyPath', 'tls.caPath', 'http.securityHeaders.strictTransportSecurity', 'push.apns.relay.baseUrl',
    ...['url', 'transport', 'remotePort', 'token', 'password', 'edgeAuth', 'tlsFingerprint', 'sshTarget', 'sshIdentity', 'sshHostKeyPolicy'].map(name => `remote.${name}`)]
  for (const name of optional) t.ok(all.some(place => place.path === `gateway.${name}`), name)
})

t.test('everything that decides who comes in is critical', async t => {
  for (const { path, node } of keys) {
    if (/^gateway\.(auth|tls|roles)\./.test(path) || ['gateway.port', 'gateway.bind', 'gateway.mode', 'gateway.trustedProxies'].includes(path)) t.equal(node.critical, true, path)
  }
})

t.test('a lookup answers in the shape of the published contract', async t => {
  const protocol = JSON.parse(read('node_modules/@openclaw/gateway-protocol/protocol.schema.json')) as { definitions: { [name: string]: object } }
  const ajv = new Ajv({ strict: false })
  const result = ajv.compile({ ...protocol.definitions['ConfigSchemaLookupResult'], definitions: protocol.definitions })
  for (const { path } of all) {
    const found = lookupSchema(path === '' ? '.' : path)
    if (!found || !result(found)) t.fail(`${path}: ${JSON.stringify(result.errors)}`)
  }
  const response = ajv.compile({ ...protocol.definitions['ConfigSchemaResponse'], definitions: protocol.definitions })
  t.ok(response({ schema: configJsonSchema(), uiHints: configUiHints(), version: '1', generatedAt: '2026-01-01' }), JSON.stringify(response.errors))
})

t.test('a lookup tells help, default, reload kind and children of a key', async t => {
  t.match(lookupSchema('gateway.port'), {
    path: 'gateway.port',
    schema: { type: 'integer', minimum: 1, maximum: 65535, default: 18789 },
    reloadKind: 'restart',
    hint: { help: /TCP port/ },
    children: []
  })
  const auth = lookupSchema('gateway.auth')
  t.match(auth?.children.find(child => child.key === 'token'), { path: 'gateway.auth.token', reloadKind: 'hot', hint: { sensitive: true }, hasChildren: false })
  t.match(lookupSchema('agents.list[0]')?.children.find(child => child.key === 'id'), { required: true, type: 'string' })
  t.match(lookupSchema('channels.telegram.accounts.*'), { hint: { help: 'One account.' } })
  t.match(lookupSchema('channels')?.children.map(child => child.key), ['defaults', 'modelByChannel', '*'])
  for (const path of ['gateway.nope', 'gateway.__proto__', 'constructor', 'gateway..port', 'gateway.port.x']) t.equal(lookupSchema(path), undefined, path)
})

t.test('every number outside its range, and every word outside its list, is refused with what was expected', async t => {
  for (const { path, node } of keys) {
    const type = node.type as JsonType
    if (path.includes('*') || node.normalize) continue
    const wrong = type.enum ? 'certainly-not' : type.minimum !== undefined ? type.minimum - 1 : type.type === 'boolean' ? 'yes' : undefined
    if (wrong === undefined) continue
    const source = path.split('.').reduceRight<unknown>((inner, step) => ({ [step]: inner }), wrong)
    const { issues } = validateConfig(source)
    t.match(issues, [{ steps: path.split('.'), expected: String, critical: node.critical === true }], path)
  }
})

t.test('an expected text reads as a sentence', async t => {
  const { issues } = await loadText(ownDirectory(t), `{
    gateway: { port: 0, auth: { rateLimit: { maxAttempts: 0 }, mode: 'x' }, controlUi: { basePath: 'ui', environment: { label: '' } } },
    agents: { defaults: { heartbeat: { every: 'soon' } } }, bindings: {}
  }`)
  t.same(issues.map(issue => issue.expected).sort(), [
    'a duration such as "30m" or "24h"', 'a list', 'a path such as "/ui", or ""', 'a string of 1 to 24 characters', 'an integer from 1 to 65535',
    'an integer of at least 1', 'one of "none", "token", "password", "trusted-proxy"'
  ])
})
