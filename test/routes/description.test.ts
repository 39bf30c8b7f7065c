import t from 'tap'
import { routeWords } from '../../src/routes/description/words.ts'
import { pathOf } from '../../src/routes/description/describe.ts'
import { methodTable } from '../../src/methods/index.ts'
import { call, openGateway } from './gateway-scene.ts'

interface Operation { readonly [field: string]: any }

/** Every reference in a document, followed to its end. */
function referred (document: any, value: any, seen = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return seen
  for (const [field, one] of Object.entries(value)) {
    if (field === '$ref' && typeof one === 'string' && one.startsWith('#/components/')) {
      seen.add(one)
      if (one.slice(2).split('/').reduce((place, step) => place?.[step], document) === undefined) throw new Error(`nothing at ${one}`)
    } else referred(document, one, seen)
  }
  return seen
}

t.test('the description is an OpenAPI 3.1 document of what is registered, for those who may read', async t => {
  const gateway = await openGateway(t)
  t.equal((await call(gateway, '/openapi.json', { headers: { authorization: '' } })).status, 401)
  t.equal((await call(gateway, '/openapi.json', { method: 'POST' })).status, 405)
  const { status, headers, body } = await call(gateway, '/openapi.json')
  t.equal(status, 200)
  t.match(headers.get('content-type'), /^application\/json/)
  t.match(body, { openapi: '3.1.0', info: { title: String, version: String }, components: { securitySchemes: { bearer: { type: 'http' } } } })
  t.ok(referred(body, body).size > 0)
  const known = gateway.gateway.fastify.knownRoutes
  for (const { method, url, scope } of known) {
    const operation: Operation = body.paths[pathOf(url)]?.[method.toLowerCase()]
    t.ok(operation, `${method} ${url}`)
    // Some look at the scopes of what they are asked to do.
    t.equal(operation['x-required-scope'], String(scope) === 'caller' ? undefined : scope)
    t.same(operation.security, scope === undefined ? [] : [{ bearer: [] }])
    t.same(operation.parameters.filter((one: Operation) => one.in === 'path').map((one: Operation) => one.name), [...url.replace(/::/g, '').matchAll(/:(\w+)|\*/g)].map(([, name = 'rest']) => name))
  }
  const operations: Operation[] = Object.values(body.paths).flatMap(path => Object.values(path as object))
  t.equal(operations.length, known.length, 'and nothing else')
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length, 'ids of operations are their own')
  t.match(body.paths['/v1/gateway/messages:stream'].post, { 'x-required-scope': 'operator.write' })
})

t.test('every method is described with its scope and the schemas that requests are checked against', async t => {
  const { body } = await call(await openGateway(t), '/openapi.json')
  t.same(Object.keys(body['x-methods']), Object.keys(methodTable).sort())
  t.match(body['x-methods']['chat.abort'], { params: { type: 'object', required: ['sessionKey'] }, scope: ['operator.sessions.write', 'operator.write'] })
})

t.test('no words are kept for routes that are not there', async t => {
  const gateway = await openGateway(t, {}, {
    config: { gateway: { http: { endpoints: { chatCompletions: { enabled: true }, responses: { enabled: true }, mcp: { enabled: true } } } } }
  })
  const known = new Set(gateway.gateway.fastify.knownRoutes.map(({ method, url }) => `${method} ${url}`))
  t.same(Object.keys(routeWords).filter(route => !known.has(route)), [])
})
