/**
 * The ceiling for start, memory and HTTP: bare Fastify with the two routes and answers of the target's size.
 * `node bench/ceiling-fastify.js <port> [profile.json]`, prints `ready`.
 * Plain JavaScript on purpose: Node's type stripping costs 16 MB and 25 ms, which bare Fastify does not have.
 */
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'

const [port, profilePath] = process.argv.slice(2)
const { httpHealth, toolsInvoke } = profilePath ? JSON.parse(readFileSync(profilePath, 'utf8')) : {}
const health = JSON.parse(httpHealth?.body ?? '{"ok":true,"status":"live"}')
const invoked = JSON.parse(toolsInvoke?.body ?? '{"ok":true,"result":{"content":[],"details":{}}}')

const app = Fastify()
app.get('/health', async () => health)
app.post('/tools/invoke', async () => invoked)
await app.listen({ port: Number(port), host: '127.0.0.1' })
process.stdout.write('ready\n')
