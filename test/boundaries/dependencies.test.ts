import t from 'tap'
import { read, sourceFiles } from './source-tree.ts'

/** Everything an installed gateway needs, each with what it saves us. */
const production: { readonly [name: string]: string } = {
  '@ai-sdk/anthropic': 'the wire format of Anthropic, followed as it changes; loaded at the first step that needs it, like the next three',
  '@ai-sdk/google': 'the wire format of Google',
  '@ai-sdk/openai': 'the wire format of OpenAI Responses',
  '@ai-sdk/provider': 'the one interface behind those three, and its errors',
  '@fastify/cors': 'the CORS rules of the fetch standard',
  '@fastify/rate-limit': 'request budgets per route',
  '@fastify/websocket': 'upgrades through the hooks of the HTTP server',
  '@modelcontextprotocol/client': 'the handshake and the revisions of MCP as they change; loaded when the first MCP server is needed',
  '@silvia-odwyer/photon-node': 'reading and scaling PNG, JPEG, WebP and GIF, in WebAssembly: nothing native to build, nothing to load before the first picture',
  ajv: 'JSON Schema validators compiled to functions',
  commander: 'option parsing and help of the command line',
  croner: 'cron expressions in time zones with their clock changes, without packages of its own; loaded with the first job',
  fastify: 'the HTTP server',
  htmlparser2: 'reading the HTML that the web has, however broken; loaded in a thread at the first page',
  json5: 'the syntax of the configuration file',
  pino: 'structured logging',
  tweetnacl: 'Ed25519 where clients have no node:crypto, and the second opinion of our tests',
  unpdf: 'the text of PDF files that programs send, by pdf.js without its canvas; loaded in a thread at the first of them',
  uqr: 'QR codes of setup codes',
  ws: 'the WebSocket protocol',
  zod: 'what those three check answers with; they ask for it as a peer'
}

interface Manifest {
  readonly dependencies: { readonly [name: string]: string }
  readonly devDependencies: { readonly [name: string]: string }
  readonly engines: { readonly node: string }
  readonly bin: { readonly [name: string]: string }
  readonly version: string
}

const manifest = JSON.parse(read('package.json')) as Manifest
const lock = JSON.parse(read('package-lock.json')) as { packages: { [path: string]: Manifest } }

t.test('the list of production dependencies is this one and no other', async t => {
  t.same(Object.keys(manifest.dependencies).sort(), Object.keys(production).sort())
})

t.test('every dependency is pinned to one version, and the lock agrees', async t => {
  const pinned = { ...manifest.dependencies, ...manifest.devDependencies }
  t.same(Object.entries(pinned).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)), [])
  for (const [name, version] of Object.entries(pinned)) t.equal(lock.packages[`node_modules/${name}`]?.version, version, name)
  const { dependencies, devDependencies, engines, bin } = lock.packages['']!
  t.same({ dependencies, devDependencies, engines, bin }, {
    dependencies: manifest.dependencies, devDependencies: manifest.devDependencies, engines: manifest.engines, bin: manifest.bin
  })
})

t.test('no production package runs a script when it is installed', async t => {
  const scripted = Object.entries(lock.packages as { [path: string]: { hasInstallScript?: boolean, dev?: boolean } })
    .filter(([, entry]) => entry.hasInstallScript && !entry.dev).map(([path]) => path)
  t.same(scripted, [])
})

t.test('development packages are not used by the program', async t => {
  const wrong = sourceFiles().flatMap(path => Object.keys(manifest.devDependencies)
    .filter(name => new RegExp(`^import (?!type )[^\\n]*from '${name}(/[^']*)?'`, 'm').test(read(path)))
    .map(name => `${path}: ${name}`))
  t.same(wrong, [])
})
