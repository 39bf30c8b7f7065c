/** What may stand in the input of a response, and what is refused with the reason. */
import { PhotonImage } from '@silvia-odwyer/photon-node'
import OpenAI from 'openai'
import t, { type Test } from 'tap'
import { pdfOf } from '../../fixtures/pdf.ts'
import { startWebServer, type WebServer } from '../../fixtures/web-server.ts'
import { makeKey } from '../../flows/key-scene.ts'
import { admitted, closeClient } from '../../helper.ts'
import { startScene, type OpenAiScene } from './scene.ts'

const on = { gateway: { http: { endpoints: { responses: { enabled: true } } } } }
const model = 'openclaw'
const png = Buffer.from(new PhotonImage(new Uint8Array(4 * 4 * 4).fill(200), 4, 4).get_bytes())
const base64 = (content: string | Buffer): string => Buffer.from(content).toString('base64')

/** A server of files on this machine. */
async function startFiles (t: Test): Promise<WebServer> {
  return await startWebServer(t, ({ url }, response) => {
    if (url === '/a.txt') response.setHeader('content-type', 'text/plain; charset=iso-8859-1').end(Buffer.from('Grüße', 'latin1'))
    else if (url === '/a.png') response.setHeader('content-type', 'image/png').end(png)
    else if (url === '/huge.txt') response.setHeader('content-type', 'text/plain').end('x'.repeat(3000))
    else if (url === '/a.zip') response.setHeader('content-type', 'application/zip').end('PK')
    else response.writeHead(404).end()
  })
}

/** May be fetched from all the same. */
const fetching = { tools: { web: { fetch: { ssrfPolicy: { allowedHostnames: ['127.0.0.1'] } } } } }

const said = ({ vendor }: OpenAiScene): string => {
  const { content } = vendor.requests.at(-1)!.body.messages.at(-1)
  return typeof content === 'string' ? content : content.map((part: { text?: string, image_url?: { url: string } }) => part.text ?? part.image_url?.url.slice(0, 30)).join('\n')
}

t.test('files come with the request or by their URL, and the model reads their text between marks', async t => {
  const files = await startFiles(t)
  const scene = await startScene(t, { ...on, ...fetching })
  const { client } = scene
  const cases: Array<[file: object, text: RegExp, name: string]> = [
    [{ filename: 'notes.md', file_data: base64('# Notes') }, /# Notes/, 'notes.md'],
    [{ filename: 'a.csv', file_data: `data:text/csv;base64,${base64('a;b\n1;2')}` }, /a;b\n1;2/, 'a.csv'],
    [{ filename: 'a.json', file_data: base64('{"a":1}') }, /\{"a":1\}/, 'a.json'],
    [{ filename: 'a.html', file_data: base64('<h1>Head</h1><script>no()</script>') }, /# Head/, 'a.html'],
    [{ filename: 'a.pdf', file_data: `data:application/pdf;base64,${base64(pdfOf(['From a PDF']))}` }, /From a PDF/, 'a.pdf'],
    [{ file_url: `${files.url}/a.txt` }, /Grüße/, 'a.txt']
  ]
  for (const [file, text, name] of cases) {
    const content = [{ type: 'input_file', ...file }, { type: 'input_text', text: 'What is this?' }] as OpenAI.Responses.ResponseInputContent[]
    const response = await client.responses.create({ model, input: [{ role: 'user', content }] })
    t.match(said(scene), text)
    t.match(said(scene), new RegExp(`<<<EXTERNAL_UNTRUSTED_CONTENT id="\\w+">>>\\nSource: File ${name}\\n[^]*What is this\\?$`))
    t.notMatch(said(scene), /no\(\)/)
    t.match((await client.responses.inputItems.list(response.id)).data, [{ type: 'message', role: 'user' }])
  }
})

t.test('pictures come with the request or by their URL', async t => {
  const files = await startFiles(t)
  const scene = await startScene(t, { ...on, ...fetching })
  for (const url of [`data:image/png;base64,${base64(png)}`, `${files.url}/a.png`]) {
    const content = [{ type: 'input_text', text: 'Look' }, { type: 'input_image', image_url: url, detail: 'auto' }] as OpenAI.Responses.ResponseInputContent[]
    const response = await scene.client.responses.create({ model, input: [{ role: 'user', content }] })
    t.match(said(scene), /^Look\ndata:image\/png;base64,/)
    t.match((await scene.client.responses.inputItems.list(response.id)).data, [{ content: [{ type: 'input_text', text: 'Look' }, { type: 'input_image' }] }])
  }
})

t.test('what is too large, of a wrong kind or not to be fetched is refused, and no model hears of it', async t => {
  const files = await startFiles(t)
  const responses = { enabled: true, maxUrlParts: 2, files: { maxBytes: 2000 }, images: { maxBytes: 50 } }
  const { post, vendor } = await startScene(t, { gateway: { http: { endpoints: { responses } } }, ...fetching })
  const closed = await startScene(t, { gateway: { http: { endpoints: { responses: { enabled: true, files: { allowUrl: false } } } } } })
  const file = (part: object): object => [{ role: 'user', content: [{ type: 'input_file', ...part }] }]
  const refusals: Array<[input: unknown, message: RegExp, param?: string]> = [
    [file({ file_data: base64('x'.repeat(2100)), filename: 'a.txt' }), /larger than 2000 bytes/, 'input[0].content[0].file_data'],
    [file({ file_url: `${files.url}/huge.txt` }), /could not be fetched/, 'input[0].content[0].file_url'],
    [file({ file_url: `${files.url}/a.zip` }), /type "application\/zip" are not taken/],
    [file({ file_url: `${files.url}/nosuch` }), /its server answered 404/],
    [file({ file_url: 'http://169.254.169.254/a.txt' }), /could not be fetched\. Refused/],
    [file({ file_url: 'file:///etc/passwd' }), /Only http and https/],
    [file({ file_id: 'file-1' }), /`file_id` names none/, 'input[0].content[0].file_id'],
    [file({ file_data: base64('x'), filename: 'a.exe' }), /what kind of file/],
    [file({ file_data: `data:text/plain;base64,${base64(Buffer.from([0, 1, 2]))}` }), /is no text/],
    [file({ file_data: `data:application/pdf;base64,${base64('no pdf')}` }), /named a PDF file and is none/],
    [file({}), /needs `file_data` or `file_url`/],
    [[{ role: 'user', content: [{ type: 'input_image', image_url: `data:image/png;base64,${base64(png)}` }] }], /larger than 50 bytes/],
    [[{ role: 'user', content: [{ type: 'input_image', file_id: 'file-1' }] }], /`file_id` names none/],
    [[{ role: 'user', content: Array.from({ length: 3 }, () => ({ type: 'input_file', file_url: `${files.url}/a.txt` })) }], /more than 2 URLs/]
  ]
  for (const [input, message, param] of refusals) {
    const answer = await post('/v1/responses', { model, input })
    const { error } = await answer.json() as { error: { message: string, type: string, param: string | null } }
    t.equal(answer.status, 400, JSON.stringify(input).slice(0, 80))
    t.match(error, { message, type: 'invalid_request_error', ...param === undefined ? {} : { param } })
  }
  t.equal((await closed.post('/v1/responses', { model, input: file({ file_url: `${files.url}/a.txt` }) })).status, 400)
  t.equal(vendor.requests.length, 0)
})

t.test('requests that make no sense are refused with the field and the reason', async t => {
  const { post, vendor, client } = await startScene(t, on)
  const user = { role: 'user', content: 'x' }
  const cases: Array<[body: object, param: string | null, message?: RegExp]> = [
    [{}, null, /Invalid `model`/],
    [{ model: 'gpt-4o', input: 'x' }, 'model'],
    [{ model }, 'input'],
    [{ model, input: [] }, 'input'],
    [{ model, input: 7 }, 'input'],
    [{ model, input: ['x'] }, 'input[0]'],
    [{ model, input: [{ role: 'robot', content: 'x' }] }, 'input[0].role'],
    [{ model, input: [{ type: 'computer_call' }] }, 'input[0].type'],
    [{ model, input: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, 'input[0].content[0].type'],
    [{ model, input: [{ role: 'assistant', content: [{ type: 'input_image', image_url: 'data:image/png;base64,eA==' }] }] }, 'input[0].content'],
    [{ model, input: [{ type: 'function_call_output', call_id: 'c', output: 'x' }] }, 'input', /No tool call found/],
    [{ model, input: [{ type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' }] }, 'input', /nothing to answer/],
    [{ model, input: [user, { role: 'assistant', content: 'said' }] }, 'input', /nothing to answer/],
    [{ model, input: 'x', previous_response_id: 'resp_nosuch' }, 'previous_response_id'],
    [{ model, input: 'x', previous_response_id: 7 }, 'previous_response_id'],
    [{ model, input: 'x', tools: [{ type: 'web_search' }] }, 'tools[0]'],
    [{ model, input: 'x', tools: [{ type: 'function', name: 'bad name' }] }, 'tools[0]'],
    [{ model, input: 'x', tool_choice: 'required' }, 'tool_choice'],
    [{ model, input: 'x', temperature: 3 }, 'temperature'],
    [{ model, input: 'x', max_output_tokens: 0 }, 'max_output_tokens'],
    [{ model, input: 'x', metadata: { a: 1 } }, 'metadata'],
    [{ model, input: 'x', metadata: Object.fromEntries(Array.from({ length: 17 }, (_v, index) => [`k${index}`, 'v'])) }, 'metadata'],
    [{ model, input: 'x', text: { format: { type: 'xml' } } }, 'text.format'],
    [{ model, input: 'x', reasoning: { effort: 'enormous' } }, 'reasoning.effort'],
    [{ model, input: 'x', conversation: 'conv_1' }, 'conversation'],
    [{ model, input: 'x', prompt: { id: 'p' } }, 'prompt'],
    [{ model, input: 'x', stream: 'yes' }, 'stream'],
    [{ model, input: 'x', user: 7 }, 'user']
  ]
  for (const [body, param, message] of cases) {
    const answer = await post('/v1/responses', body)
    const { error } = await answer.json() as { error: { message: string, type: string, param: string | null, nextStep: string } }
    t.equal(answer.status, param === 'previous_response_id' && !('tools' in body) && (body as { previous_response_id: unknown }).previous_response_id !== 7 ? 404 : 400, JSON.stringify(body))
    if (param !== null) t.equal(error.param, param, JSON.stringify(body))
    if (message) t.match(error.message, message)
    t.ok(error.nextStep)
  }
  t.equal(vendor.requests.length, 0)
  const { id } = await client.responses.create({ model, input: 'hi' })
  for (const query of [{ limit: 1000 }, { after: 'msg_x' }]) {
    await t.rejects(client.responses.inputItems.list(id, query), { status: 400, message: new RegExp(Object.keys(query)[0]!) })
  }
  t.equal((await post('/v1/responses', `{"model":"openclaw","input":"${'x'.repeat(21 * 1024 * 1024)}"}`)).status, 413)
  t.equal((await post('/v1/responses', '{"model":')).status, 400)
})

t.test('input items come in pages', async t => {
  const { client } = await startScene(t, on)
  const input: OpenAI.Responses.ResponseInput = ['1', '2', '3', '4'].flatMap((content): OpenAI.Responses.ResponseInput =>
    [{ role: 'user', content }, { role: 'assistant', content: `to ${content}` }])
  const { id } = await client.responses.create({ model, input: [...input, { role: 'user', content: '5' }] })
  const texts: string[] = []
  for await (const item of client.responses.inputItems.list(id, { order: 'asc', limit: 2 })) {
    if (item.type === 'message') texts.push((item.content[0] as { text: string }).text)
  }
  t.same(texts, ['1', 'to 1', '2', 'to 2', '3', 'to 3', '4', 'to 4', '5'])
  t.match((await client.responses.inputItems.list(id, { limit: 1 })).data, [{ content: [{ text: '5' }] }], 'the newest first')
})

t.test('what is switched off is not there, and other methods are refused', async t => {
  const { post, http } = await startScene(t)
  t.equal((await post('/v1/responses', { model, input: 'x' })).status, 404)
  const scene = await startScene(t, on)
  t.equal((await fetch(`${scene.http}/v1/responses`)).status, 405)
  t.equal((await fetch(`${scene.http}/v1/responses/resp_1`, { method: 'PUT' })).status, 405)
  t.equal((await fetch(`${scene.http}/v1/responses/resp_1`)).status, 401)
  t.equal((await fetch(`${http}/v1/responses/resp_1`)).status, 404)
})

t.test('a program with an API key of its own has responses of its own', async t => {
  const scene = await startScene(t, on)
  const { client: admin } = await admitted(scene.url)
  const [one, two] = await Promise.all(['one', 'two'].map(async name =>
    await makeKey(admin, name, { scopes: ['operator.read', 'operator.write'], ownSessionsOnly: true })))
  const of = ({ secret }: { secret: string }): OpenAI => new OpenAI({ apiKey: secret, baseURL: `${scene.http}/v1`, maxRetries: 0 })
  const first = await of(one!).responses.create({ model, input: 'mine' })
  t.equal((await of(one!).responses.retrieve(first.id)).output_text, 'Hello')
  await of(one!).responses.create({ model, input: 'again', previous_response_id: first.id })
  t.same(scene.vendor.requests.at(-1)!.body.messages.slice(1).map(({ content }: { content: string }) => content), ['mine', 'Hello', 'again'])
  for (const other of [of(two!), scene.client]) {
    await t.rejects(other.responses.retrieve(first.id), { status: 404, message: /not found/ })
    await t.rejects(other.responses.create({ model, input: 'x', previous_response_id: first.id }), { status: 404, message: /./ })
  }
  const background = await of(two!).responses.create({ model, input: 'later', background: true })
  t.match(await of(two!).responses.cancel(background.id), { id: background.id })
  await closeClient(admin)
})
