/**
 * The ceiling for start, memory and HTTP: bare Fastify with the two routes and answers of the target's size, and with a model, chat
 * completions that are handed on to it. `node bench/ceiling-fastify.js <port> [profile.json] [http://…/v1]`, prints `ready`.
 * Plain JavaScript on purpose: Node's type stripping costs 16 MB and 25 ms, which bare Fastify does not have.
 */
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'

const [port, profilePath, modelUrl] = process.argv.slice(2)
const { httpHealth, toolsInvoke } = profilePath ? JSON.parse(readFileSync(profilePath, 'utf8')) : {}
const health = JSON.parse(httpHealth?.body ?? '{"ok":true,"status":"live"}')
const invoked = JSON.parse(toolsInvoke?.body ?? '{"ok":true,"result":{"content":[],"details":{}}}')

const app = Fastify()
app.get('/health', async () => health)
app.post('/tools/invoke', async () => invoked)

if (modelUrl) {
  const { Agent, request } = await import('node:http')
  const agent = new Agent({ keepAlive: true })
  const model = id => ({ id, object: 'model', created: 0, owned_by: 'openclaw', permission: [] })
  const models = { object: 'list', data: ['openclaw', 'openclaw/default', 'openclaw/main'].map(model) }
  app.get('/v1/models', async () => models)
  app.post('/v1/chat/completions', (incoming, reply) => {
    const body = JSON.stringify(incoming.body)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    request(`${modelUrl}/chat/completions`, { agent, method: 'POST', headers }, answer => {
      reply.code(answer.statusCode).header('content-type', answer.headers['content-type']).send(answer)
    }).on('error', error => reply.send(error)).end(body)
  })
}

await app.listen({ port: Number(port), host: '127.0.0.1' })
process.stdout.write('ready\n')
