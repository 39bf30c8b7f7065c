import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { importsOf, read, roomOf, root, sourceFiles, type Import } from './source-tree.ts'

/** A room may use the rooms before it in this list. */
const order = [
  'lib', 'protocol', 'config', 'log', 'audit', 'telemetry', 'store', 'events', 'auth', 'host', 'sessions', 'providers', 'tools', 'channels', 'nodes', 'agent',
  'automation', 'rpc', 'http', 'plugins', 'methods', 'routes', 'compose', 'listeners.ts', 'app.ts', 'process', 'server.ts', 'service', 'node-host', 'cli', 'control-ui'
]

/** Rooms that may use less than the list allows. */
const confined: { readonly [room: string]: readonly string[] } = {
  protocol: ['lib'],
  config: ['lib', 'protocol'],
  log: ['lib', 'protocol'],
  audit: ['lib', 'protocol'],
  telemetry: ['lib', 'protocol'],
  store: ['lib', 'protocol'],
  events: ['lib', 'protocol'],
  service: ['lib', 'config'],
  // A client like any other: it speaks to the gateway over the wire.
  cli: ['lib', 'protocol', 'config', 'log', 'audit', 'service']
}

/** Uses that a rule above forbids, each with the only kind of import it may be. */
const excepted: { readonly [use: string]: Import['kind'] } = {
  // The one command that is the gateway, loaded when it is given.
  'src/cli/commands/gateway-run.ts -> src/server.ts': 'lazy',
  // Commands that look after the state directory, where a gateway may be what does not start.
  'src/cli/commands/backup.ts -> src/store/upkeep/backup.ts': 'lazy',
  'src/cli/commands/restore.ts -> src/store/upkeep/restore.ts': 'lazy',
  'src/cli/commands/doctor.ts -> src/store/upkeep/checkup.ts': 'lazy',
  // The one command that is a node: it keeps the approvals of its machine.
  'src/cli/commands/node-run.ts -> src/node-host/node-host.ts': 'lazy',
  'src/cli/commands/node-run.ts -> src/store/open.ts': 'lazy',
  // Fingerprints are made in one place.
  'src/cli/commands/import.ts -> src/sessions/import/import.ts': 'lazy',
  'src/cli/commands/import.ts -> src/store/open.ts': 'lazy',
  // The declared methods are the type of the client; nothing of them is there at run time.
  'src/cli/gateway-client.ts -> src/methods/index.ts': 'type'
}

/** Which packages a room may load. Only what listens knows Fastify. */
const packages: { readonly [room: string]: readonly string[] } = {
  auth: ['tweetnacl', 'uqr'],
  config: ['json5'],
  log: ['pino'],
  agent: ['@silvia-odwyer/photon-node', 'unpdf'],
  providers: ['@ai-sdk/openai', '@ai-sdk/anthropic', '@ai-sdk/google'],
  tools: ['ajv', 'htmlparser2', '@modelcontextprotocol/client'],
  plugins: ['ajv'],
  channels: ['ajv', 'ws'],
  automation: ['ajv', 'croner'],
  rpc: ['fastify', '@fastify/websocket', 'ws', 'ajv'],
  http: ['fastify', '@fastify/cors', '@fastify/rate-limit'],
  routes: ['fastify'],
  'app.ts': ['fastify'],
  cli: ['commander', 'json5', 'uqr', 'ws']
}

/** Parts of the start that a gateway without work must not pay for. */
const neverAtStart = [
  'htmlparser2', 'typebox', 'commander', 'uqr', 'tweetnacl', 'zod', '@ai-sdk/provider', '@ai-sdk/openai', '@ai-sdk/anthropic', '@ai-sdk/google',
  '@modelcontextprotocol/client', '@silvia-odwyer/photon-node', 'unpdf', 'croner'
]

const all = sourceFiles().flatMap(importsOf)
const isOurs = ({ to }: Import): boolean => to.startsWith('src/')
const isPackage = ({ to }: Import): boolean => !to.startsWith('src/') && !to.startsWith('node:') && !to.startsWith('.')

t.test('every room has its place in the order', async t => {
  const homeless = new Set(sourceFiles().map(roomOf).filter(room => !order.includes(room)))
  homeless.delete('README.md')
  t.same([...homeless], [])
})

t.test('the map lists every room that there is, in this order', async t => {
  const rooms = new Set(sourceFiles().map(roomOf))
  const listed = [...read('src/README.md').matchAll(/^\| `([^`]+?)\/?` \|/gm)].map(([, room]) => room!)
  t.same(listed, order.filter(room => rooms.has(room)))
})

t.test('arrows point up the order only', async t => {
  const wrong = all.filter(isOurs)
    .filter(({ from, to }) => roomOf(from) !== roomOf(to))
    .filter(({ from, to }) => !(confined[roomOf(from)] ?? order.slice(0, order.indexOf(roomOf(from)))).includes(roomOf(to)))
    .filter(({ from, to, kind }) => excepted[`${from} -> ${to}`] !== kind)
  t.same(wrong, [])
})

t.test('every exception is still needed', async t => {
  const uses = new Set(all.map(({ from, to }) => `${from} -> ${to}`))
  t.same(Object.keys(excepted).filter(use => !uses.has(use)), [])
})

t.test('every import finds its file', async t => {
  t.same(all.filter(isOurs).filter(({ to }) => !existsSync(join(root, to))).map(({ from, to }) => `${from} -> ${to}`), [])
  t.same(all.filter(({ to }) => to.startsWith('..') || /^(test|bench)\//.test(to)), [], 'and none lies outside src/')
})

t.test('packages are loaded by the rooms that need them and by no other', async t => {
  const wrong = all.filter(isPackage).filter(({ kind }) => kind !== 'type')
    .filter(({ from, to }) => !(packages[roomOf(from)] ?? []).includes(to))
  t.same(wrong, [])
  t.same(all.filter(({ to, kind }) => to === 'typebox' && kind !== 'type'), [], 'TypeBox is there for its types alone')
})

t.test('the protocol room runs in a browser', async t => {
  t.same(all.filter(({ from, to }) => roomOf(from) === 'protocol' && to.startsWith('node:')), [])
})

t.test('what the gateway loads at its start leaves out what only commands and tests need', async t => {
  const seen = new Set<string>()
  const loaded = new Set<string>()
  const walk = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const { to, kind } of importsOf(file)) {
      if (kind !== 'value') continue
      if (to.startsWith('src/')) walk(to)
      else loaded.add(to)
    }
  }
  for (const entry of ['src/server.ts', 'src/app.ts']) walk(entry)
  t.ok(loaded.has('fastify'), 'the walk is a walk')
  t.same(neverAtStart.filter(name => loaded.has(name)), [])
})

t.test('modules name their own place by import.meta.url alone, which the build understands', async t => {
  t.same(sourceFiles().filter(path => /import\.meta\.(?!url\b)|\b__dirname\b|\b__filename\b/.test(read(path))), [])
})
