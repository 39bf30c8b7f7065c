/**
 * A model that answers at once: `POST …/chat/completions` of an OpenAI-compatible server, streamed. In a process of its own, so that its
 * cost is nobody's. A model called `slow-<ms>` waits so long first. `node bench/model/server.ts`, prints `ready <port>`.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const words = ['This ', 'is ', 'what ', 'the ', 'model ', 'of ', 'the ', 'bench ', 'always ', 'says.']

const head = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1, model: 'bench' }
const usage = { prompt_tokens: 20, completion_tokens: words.length, total_tokens: 20 + words.length }

const chunk = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`

const streamed = Buffer.from([
  chunk({ role: 'assistant', content: '' }),
  ...words.map(content => chunk({ content })),
  chunk({}, 'stop'),
  `data: ${JSON.stringify({ ...head, choices: [], usage })}\n\n`,
  'data: [DONE]\n\n'
].join(''))

const whole = Buffer.from(JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: words.join('') }, finish_reason: 'stop' }],
  usage
}))

/** Not parsed: what a conversation so far weighs must not make the model slower. */
function waitMs (body: Buffer): number {
  const at = body.indexOf('"model":"slow-')
  return at === -1 ? 0 : Number.parseInt(body.toString('latin1', at + 14, at + 20), 10)
}

function answer (response: ServerResponse, body: Buffer): void {
  if (body.includes('"stream":true')) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(streamed)
    response.end()
  } else {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length })
    response.end(whole)
  }
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const body = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    const delay = waitMs(body)
    if (delay > 0) setTimeout(answer, delay, response, body)
    else answer(response, body)
  })
})

server.listen(0, '127.0.0.1', () => process.stdout.write(`ready ${(server.address() as AddressInfo).port}\n`))
