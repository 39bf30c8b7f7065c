/** Voice messages as text: by services that speak the format of OpenAI, and by programs of this machine. */
import t, { type Test } from 'tap'
import { loadConfig } from '../../../src/config/load.ts'
import { resolvePaths } from '../../../src/config/paths.ts'
import { createOutbound } from '../../../src/lib/outbound/outbound.ts'
import { createHearing } from '../../../src/tools/media/hearing.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'
import { startWebServer } from '../../fixtures/web-server.ts'

const sound = { bytes: Buffer.from('OggS of a voice'), mimeType: 'audio/ogg', name: 'voice.ogg' }

async function hearingWith (t: Test, audio: object, { signal = new AbortController().signal, env = {} as { [name: string]: string } } = {}) {
  const directory = ownDirectory(t)
  const variables = { OPENCLAW_STATE_DIR: directory, HOME: directory, TMPDIR: directory, PATH: process.env['PATH'] ?? '', ...env }
  const loaded = await loadConfig({
    paths: resolvePaths({ env: variables }), env: variables, text: JSON.stringify({ gateway: { mode: 'local' }, tools: { media: { audio } } })
  })
  t.same(loaded.issues, [])
  const warnings: string[] = []
  const warn = (error: unknown, by: string): void => { warnings.push(`${by}: ${(error as Error).message}`) }
  const hear = createHearing({ config: () => loaded, outbound: createOutbound(), warn })
  return { warnings, heard: await hear(sound, signal) }
}

t.test('a service is asked with the sound, its key and what the settings say', async t => {
  let asked: FormData | undefined
  let key: string | undefined
  const server = await startWebServer(t, (request, response) => {
    key = request.headers.authorization
    new Response(request.body, { headers: { 'content-type': request.headers['content-type']! } }).formData().then(form => {
      asked = form
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ text: ' Hello there. ' }))
    }, error => response.destroy(error as Error))
  })
  const entry = { provider: 'whisper-at-home', baseUrl: `${server.url}/v1/`, apiKey: 'key-of-home', model: 'large-v3' }
  const { heard, warnings } = await hearingWith(t, { language: 'de', models: [entry] })
  t.same(warnings, [])
  t.equal(heard, 'Hello there.')
  t.equal(key, 'Bearer key-of-home')
  t.same([asked!.get('model'), asked!.get('language')], ['large-v3', 'de'])
  const file = asked!.get('file') as File
  t.same([file.name, file.type, await file.text()], ['voice.ogg', 'audio/ogg', 'OggS of a voice'])
})

t.test('a program gets the sound as a file, and the next one is asked when one cannot tell', async t => {
  const code = 'console.log("heard:", require("fs").readFileSync(process.argv[1], "utf8"), process.env.SECRET ?? "no secret")'
  const program = { type: 'cli', command: process.execPath, args: ['-e', code, '{{MediaPath}}'] }
  const models = [
    { type: 'cli', command: process.execPath, args: ['-e', 'process.exit(3)'] },
    { type: 'cli', command: '/no/such/program' },
    { provider: 'nobody' },
    { ...program, maxBytes: 3 },
    program
  ]
  const { heard, warnings } = await hearingWith(t, { models }, { env: { SECRET: 'of the gateway' } })
  t.equal(heard, 'heard: OggS of a voice no secret')
  t.match(warnings, [/without a transcript \(3\)/, /ENOENT/, /give it a baseUrl/, /15 bytes, and 3 are heard/])
})

t.test('what takes too long is ended, and nobody listens unless asked', async t => {
  const slow = { type: 'cli', command: process.execPath, args: ['-e', 'setTimeout(() => {}, 60000)'], timeoutSeconds: 0.2 }
  const { heard, warnings } = await hearingWith(t, { models: [slow] })
  t.equal(heard, undefined)
  t.equal(warnings.length, 1)
  for (const audio of [{}, { enabled: false, models: [slow] }, { enabled: true }]) t.same(await hearingWith(t, audio), { heard: undefined, warnings: [] })
})
