import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { matchesPattern } from '../../src/routes/gateway/fetch-parts.ts'
import { safeName } from '../../src/routes/gateway/uploads.ts'
import { startWebServer } from '../fixtures/web-server.ts'
import type { TestGateway } from '../helper.ts'
import { becomes, cancel, echo, openGateway, post, send } from './gateway-scene.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const ownHosts = { fetch: { ownHosts: ['127.0.0.1'] } }

const parts = (gateway: TestGateway, ...contentParts: object[]) => send(gateway, { from: 'a', content_parts: contentParts })
const file = (fields: object): object => ({ type: 'file', file: fields })

function uploadsOf ({ stateDir }: TestGateway): string[] {
  const root = join(stateDir, 'workspace', 'uploads')
  return readdirSync(root, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

t.test('words, links and places are told to the agent with the text', async t => {
  const gateway = await openGateway(t)
  const { body } = await send(gateway, {
    from: 'a',
    text: 'see',
    content_parts: [
      { type: 'text', text: ' this ' }, { type: 'link', link: { url: 'https://example.com/x', title: 'A title' } },
      { Type: 'location', Location: { Latitude: 0, longitude: 2.5, name: 'Here' } }
    ]
  })
  t.equal(body.reply, echo('see\nthis\nA title\nhttps://example.com/x\nHere\nlatitude=0\nlongitude=2.5'))
  t.equal((await parts(gateway, { type: 'text', text: 'alone' })).body.reply, echo('alone'))
})

t.test('what is wrong with a part is said with its place, and nothing is fetched, written or run', async t => {
  const web = await startWebServer(t, (_asked, response) => response.end('x'))
  const gateway = await openGateway(t, ownHosts)
  const good = file({ url: `${web.url}/x` })
  const cases: Array<[object, string]> = [
    [{ type: 'poem' }, 'unsupported content part type'], [{}, 'unsupported content part type'], [{ type: 'text' }, 'missing text'],
    [{ type: 'text', text: ' ' }, 'empty text'], [{ type: 'image' }, 'missing image'], [{ type: 'image', image: {} }, 'missing image url or data'],
    [{ type: 'image', image: { data: pixel } }, 'missing image format'], [{ type: 'audio' }, 'missing audio'],
    [{ type: 'voice', audio: {} }, 'missing audio url or data'], [{ type: 'voice', audio: { data: 'eA==' } }, 'missing audio format'],
    [{ type: 'audio', audio: { url: 'x', format: 'ogg' } }, 'unsupported audio format'],
    [{ type: 'audio', audio: { url: 'x', format: 'WAV' } }, 'unsupported audio format'], [{ type: 'file' }, 'missing file'],
    [{ type: 'video' }, 'missing file'], [file({}), 'missing file url, data, or file_id'], [file({ data: 'eA==' }), 'missing filename'],
    [file({ data: '%%%', filename: 'x' }), 'data is not valid base64'], [{ type: 'link' }, 'missing link'], [{ type: 'link', link: {} }, 'missing link url'],
    [{ type: 'location' }, 'missing location'], [file(7 as unknown as object), 'file must be an object']
  ]
  for (const [part, reason] of cases) {
    const { status, body } = await parts(gateway, good, part)
    t.equal(status, 400, reason)
    t.equal(body.error.message, `content_parts[1]: ${reason}`)
  }
  t.match((await parts(gateway, ...Array.from({ length: 33 }, () => ({ type: 'text', text: 'x' })))).body.error.message, /more than 32 parts/)
  t.equal(web.asked.length, 0)
  t.equal([...gateway.gateway.rooms.sessions.records()].length, 0)
})

t.test('a file is kept once, privately, where the agent can read it, and can be named again', async t => {
  const gateway = await openGateway(t)
  const given = file({ filename: '../../a\u202e b/..\\note.txt', data: base64('hello'), format: 'text/plain; charset=utf-8' })
  const first = await parts(gateway, given)
  t.match(first.body.reply, /\[file uploads\/http-dm-a-[0-9a-f]{12}\/[0-9a-f]{24}-note\.txt \(text\/plain, 5 bytes\)\]$/)
  const [{ file_id: fileId }] = first.body.uploads
  t.match(first.body.uploads, [{ filename: 'note.txt', bytes: 5 }])
  await parts(gateway, given)
  const [path, ...others] = uploadsOf(gateway)
  t.same(others, [])
  t.equal(readFileSync(path!, 'utf8'), 'hello')
  t.equal(statSync(path!).mode & 0o777, 0o600)
  t.equal(statSync(join(path!, '..')).mode & 0o777, 0o700)
  t.match((await parts(gateway, file({ file_id: fileId }))).body.reply, /note\.txt \(text\/plain, 5 bytes\)\]$/)
  for (const strange of ['/etc/passwd', 'host://etc/passwd', '../x', `${fileId}x`, '0'.repeat(24) + '-note.txt']) {
    t.match((await parts(gateway, file({ file_id: strange }))).body.error.message, /content_parts\[0\]: unknown file_id/, strange)
  }
  const other = await send(gateway, { from: 'b', content_parts: [file({ file_id: fileId })] })
  t.equal(other.status, 400, 'nobody reads the files of another conversation')
})

t.test('names of files are made harmless', async t => {
  const cases: Array<[string, string]> = [
    ['a b.txt', 'a b.txt'], ['../../etc/passwd', 'passwd'], ['C:\\x\\y.doc', 'y.doc'], ['...', 'attachment'], ['', 'attachment'], ['.hidden', 'hidden'],
    ['a\n\u0000b', 'ab'], ['\u202egpj.exe', 'gpj.exe'], ['x'.repeat(200), 'x'.repeat(96)], ['ä'.repeat(100), 'ä'.repeat(96)]
  ]
  for (const [given, name] of cases) t.equal(safeName(given), name)
})

t.test('uploads take no more than they may: the oldest go', async t => {
  const gateway = await openGateway(t, { maxUploadBytes: 1000 })
  for (let index = 0; index < 12; index++) {
    await send(gateway, { from: `u${index % 3}`, content_parts: [file({ filename: `f${index}.txt`, data: base64(String(index).padStart(200, 'x')) })] })
  }
  const left = uploadsOf(gateway)
  const bytes = left.reduce((sum, path) => sum + statSync(path).size, 0)
  t.ok(bytes <= 1000, `${bytes} bytes are left`)
  t.ok(left.some(path => path.endsWith('f11.txt')), 'the newest is there')
})

t.test('an image reaches the model, and what is none is refused', async t => {
  const gateway = await openGateway(t)
  for (const image of [{ data: pixel, format: 'png' }, { data: pixel, format: 'image/png', detail: 'low' }, { url: `data:image/png;base64,${pixel}` }]) {
    t.match((await send(gateway, { from: 'a', text: 'look', content_parts: [{ type: 'image', image }] })).body.reply, /look\n\[image image\/png\]/)
  }
  t.match((await parts(gateway, { type: 'image', image: { data: pixel, format: 'png' } })).body.reply, /\[image image\/png\]/, 'also without words')
  const none = await parts(gateway, { type: 'image', image: { data: base64('hello'), format: 'png' } })
  t.equal(none.status, 400)
  t.match(none.body.error.message, /is no picture/)
})

t.test('an inline file of exactly the limit passes whole, and one byte more does not', async t => {
  const gateway = await openGateway(t)
  const limit = 8 * 1024 * 1024
  const exact = await parts(gateway, file({ filename: 'big.bin', data: Buffer.alloc(limit, 7).toString('base64') }))
  t.equal(exact.status, 200)
  t.match(exact.body.uploads, [{ bytes: limit }])
  const over = await parts(gateway, file({ filename: 'big.bin', data: Buffer.alloc(limit + 1, 7).toString('base64') }))
  t.equal(over.body.error.message, 'content_parts[0]: content part too large')
})

t.test('files and images by URL are fetched through the guard, named as the server says', async t => {
  const web = await startWebServer(t, ({ url }, response) => {
    if (url === '/named') response.setHeader('content-disposition', 'attachment; filename="re\\"port.pdf"')
    if (url === '/encoded') response.setHeader('content-disposition', "attachment; filename=x; filename*=UTF-8''gr%C3%BCn.txt")
    if (url === '/broken') response.setHeader('content-disposition', "attachment; filename*=UTF-8''%E0%A4%A")
    if (url === '/gone') response.statusCode = 404
    if (url === '/empty') return response.end()
    if (url === '/loop') return response.writeHead(302, { location: '/loop' }).end()
    if (url === '/moved') return response.writeHead(302, { location: '/dir/plain%20name.csv?secret=1' }).end()
    if (url === '/endless') {
      response.write('x'.repeat(1000))
      return undefined
    }
    if (url === '/pixel') return response.setHeader('content-type', 'image/png').end(Buffer.from(pixel, 'base64'))
    response.setHeader('content-type', url === '/named' ? 'application/pdf; version=1' : 'application/octet-stream')
    return response.end('content')
  })
  const gateway = await openGateway(t, { maxPartBytes: 5000, fetch: { ownHosts: ['127.0.0.1'] } })
  const impatient = await openGateway(t, { fetch: { ownHosts: ['127.0.0.1'], timeoutMs: 300 } })
  const fetching = async (path: string, fields: object = {}, from = gateway): Promise<string> => {
    const { body } = await parts(from, file({ url: `${web.url}${path}`, ...fields }))
    return body.reply?.replace(/^.*\[file [^ ]*\/[0-9a-f]{24}-/s, '') ?? body.error.message
  }
  t.equal(await fetching('/named'), 'report.pdf (application/pdf, 7 bytes)]'.replace('report', 're"port'))
  t.equal(await fetching('/encoded'), 'grün.txt (application/octet-stream, 7 bytes)]')
  t.equal(await fetching('/broken'), 'broken (application/octet-stream, 7 bytes)]')
  t.equal(await fetching('/moved'), 'plain name.csv (application/octet-stream, 7 bytes)]')
  t.equal(await fetching('/x', { filename: 'mine.md', format: 'text/markdown' }), 'mine.md (text/markdown, 7 bytes)]')
  t.equal(await fetching('/'), 'attachment (application/octet-stream, 7 bytes)]')
  t.equal(await fetching('/gone'), 'content_parts[0]: unexpected status: 404')
  t.equal(await fetching('/empty'), 'content_parts[0]: uploads: empty file data')
  t.match(await fetching('/loop'), /^content_parts\[0\]: More than 5 redirects/)
  t.match(await fetching('/endless', {}, impatient), /^content_parts\[0\]: There was no complete answer within/)
  const image = await parts(gateway, { type: 'image', image: { url: `${web.url}/pixel` } })
  t.match(image.body.reply, /\[image image\/png\]/)
  t.notMatch(web.asked[0]!.headers.authorization, /./)
  t.equal(web.asked[0]!.headers['user-agent'], 'openclaw-gateway')
})

t.test('what is fetched stays within the limits of one part and of all together', async t => {
  const web = await startWebServer(t, ({ url }, response) => response.end('x'.repeat(Number(url.slice(1)))))
  const gateway = await openGateway(t, { maxPartBytes: 1000, maxTotalPartBytes: 2500, ...ownHosts })
  const one = (bytes: number) => file({ url: `${web.url}/${bytes}`, filename: `f${bytes}` })
  t.equal((await parts(gateway, one(1000))).status, 200)
  t.equal((await parts(gateway, one(1001))).body.error.message, 'content_parts[0]: content part too large')
  t.match((await parts(gateway, one(1000), one(999), one(998))).body.error.message, /the parts together are larger than 2500 bytes/)
})

t.test('addresses of the own network are refused without a single request, whatever they look like', async t => {
  const web = await startWebServer(t, (_asked, response) => response.end('x'))
  const gateway = await openGateway(t)
  const port = web.port
  const urls = [`http://127.0.0.1:${port}/`, `http://localhost:${port}/`, `http://[::1]:${port}/`, `http://0x7f.1:${port}/`, `http://[::ffff:127.0.0.1]:${port}/`,
    'http://169.254.169.254/latest/meta-data', 'http://10.0.0.1/', 'http://100.64.0.1/', 'http://[fd00::1]/', 'http://[64:ff9b::7f00:1]/']
  for (const url of urls) {
    for (const part of [file({ url }), { type: 'image', image: { url } }]) {
      const { status, body } = await parts(gateway, part)
      t.equal(status, 400, url)
      t.match(body.error.message, /^content_parts\[0\]: private address/, url)
    }
  }
  for (const [url, reason] of [['file:///etc/passwd', 'unsupported url scheme'], ['ftp://x/y', 'unsupported url scheme'], ['nonsense', 'unsupported url scheme']]) {
    t.equal((await parts(gateway, file({ url }))).body.error.message, `content_parts[0]: ${reason}`)
  }
  t.equal(web.asked.length, 0)
})

t.test('a redirect into the own network is refused before it is followed', async t => {
  const inner = await startWebServer(t, (_asked, response) => response.end('secret'), { host: '127.0.0.2' })
  const outer = await startWebServer(t, (_asked, response) => response.writeHead(302, { location: `${inner.url}/` }).end())
  const gateway = await openGateway(t, ownHosts)
  t.match((await parts(gateway, file({ url: `${outer.url}/x` }))).body.error.message, /private address/)
  t.equal(inner.asked.length, 0)
})

t.test('with a list of hosts only those are fetched from, and nothing is fetched where that is switched off', async t => {
  const web = await startWebServer(t, (_asked, response) => response.end('x'))
  const listed = await openGateway(t, { fetch: { ownHosts: ['127.0.0.1'], urlAllowlist: ['127.0.0.1/docs', 'example.com'] } })
  t.equal((await parts(listed, file({ url: `${web.url}/docs/a` }))).status, 200)
  for (const path of ['/docsx', '/', '/other']) {
    t.match((await parts(listed, file({ url: web.url + path }))).body.error.message, /url does not match any allowed pattern/, path)
  }
  const off = await openGateway(t, { fetch: { enabled: false } })
  t.match((await parts(off, file({ url: `${web.url}/docs/a` }))).body.error.message, /URLs are not fetched/)
  t.equal(web.asked.length, 1)
})

t.test('a pattern means a host and what is below it, and whole parts of a path', async t => {
  const matches = (url: string, pattern: string): boolean => matchesPattern(new URL(url), pattern)
  for (const [url, pattern] of [['https://a.test/x', 'a.test'], ['https://b.a.test:8443/', 'A.TEST'], ['https://a.test/p/q', 'a.test/p'], ['https://a.test/p', 'https://a.test/p/']] as const) {
    t.ok(matches(url, pattern), `${url} ${pattern}`)
  }
  for (const [url, pattern] of [['https://xa.test/', 'a.test'], ['https://a.test/px', 'a.test/p'], ['https://a.test.evil/', 'a.test'], ['https://a.test/', '']] as const) {
    t.notOk(matches(url, pattern), `${url} ${pattern}`)
  }
})

t.test('who may not be answered makes the gateway fetch and write nothing', async t => {
  const web = await startWebServer(t, (_asked, response) => response.end('x'))
  const gateway = await openGateway(t, { allowUsers: ['a'], requireMention: true, mentionPatterns: ['@bot'], ...ownHosts })
  const part = file({ url: `${web.url}/x` })
  t.equal((await send(gateway, { from: 'stranger', content_parts: [part] })).status, 403)
  t.same((await send(gateway, { from: 'a', thread: 't', content_parts: [part] })).body, { ignored: true })
  t.equal((await send(gateway, { from: 'a', model: 'none', content_parts: [part] })).status, 400)
  t.equal(web.asked.length, 0)
})

interface Heard { readonly type: string, readonly body: string, readonly key: string }

async function transcribing (t: Test, text: string | undefined, dataPlane: object = {}) {
  const heard: Heard[] = []
  const web = await startWebServer(t, ({ headers, body }, response) => {
    heard.push({ type: String(headers['content-type']), body, key: String(headers.authorization) })
    response.statusCode = text === undefined ? 500 : 200
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ text }))
  })
  const gateway = await openGateway(t, dataPlane, {
    config: {
      models: { providers: { ears: { baseUrl: web.url, apiKey: 'hear-key', models: [{ id: 'm' }] } } },
      agents: { defaults: { model: 'echo/echo' } },
      tools: { media: { audio: { models: [{ provider: 'ears', model: 'whisper-x' }], language: 'de' } } }
    }
  })
  return { gateway, heard, web }
}

const voice = (text = 'RIFF....WAVE'): object => ({ type: 'voice', audio: { format: 'wav', data: base64(text) } })

t.test('speech becomes words by the service that is configured', async t => {
  const { gateway, heard, web } = await transcribing(t, 'good morning')
  t.equal((await parts(gateway, voice())).body.reply, echo('good morning'))
  t.match(heard[0], { type: /^multipart\/form-data; boundary=/, key: 'Bearer hear-key', body: /whisper-x/ })
  t.match(heard[0]!.body, /filename="audio\.wav"[\s\S]*RIFF[\s\S]*name="language"[\s\S]*de/)
  t.equal(web.asked[0]!.url, '/audio/transcriptions')
  t.equal((await send(gateway, { from: 'a', text: 'hear', content_parts: [voice()] })).body.reply, echo('hear\n\nAudio transcript:\ngood morning'))
  t.equal((await parts(gateway, voice(), voice())).body.reply, echo('Audio transcript:\n1. good morning\n2. good morning'))
})

t.test('speech can name the agent in a thread, and what does not is ignored all the same', async t => {
  const { gateway } = await transcribing(t, 'hello @bot', { requireMention: true, mentionPatterns: ['@bot'] })
  t.equal((await send(gateway, { from: 'a', thread: 't', content_parts: [voice()] })).body.reply, echo('hello @bot'))
  const other = await transcribing(t, 'hello you', { requireMention: true, mentionPatterns: ['@bot'] })
  t.same((await send(other.gateway, { from: 'a', thread: 't', content_parts: [voice()] })).body, { ignored: true })
  t.equal([...other.gateway.gateway.rooms.sessions.records()].length, 0)
})

t.test('without a service, and with one that fails, speech is refused and never passed over', async t => {
  const none = await openGateway(t)
  t.match((await parts(none, voice())).body.error.message, /^content_parts\[0\]: audio cannot be transcribed here: no service is configured \(tools\.media\.audio\)$/)
  const { gateway } = await transcribing(t, undefined)
  t.match((await parts(gateway, voice())).body.error.message, /^content_parts\[0\]: audio cannot be transcribed now: ears answered 500$/)
  t.notMatch(JSON.stringify(gateway.log), /hear-key/)
})

t.test('a request can be taken back while its parts are fetched, and the fetch ends', async t => {
  let closed: () => void = () => {}
  const left = new Promise<void>(resolve => { closed = resolve })
  const web = await startWebServer(t, (_asked, response) => { response.on('close', closed) })
  const gateway = await openGateway(t, ownHosts)
  const waiting = post(gateway, '/v1/gateway/messages', { from: 'a', request_id: 'f', content_parts: [file({ url: `${web.url}/x` })] })
  await becomes(gateway, 'f', 'queued')
  t.equal((await cancel(gateway, 'f')).body.canceled, true)
  t.match(await waiting, { status: 499, body: { error: { type: 'canceled' } } })
  await left
  t.equal([...gateway.gateway.rooms.sessions.records()].length, 0)
})
