/** The OpenAPI 3.1 document of this gateway, with the methods of its WebSocket beside the routes. */
import type { KnownRoute } from '../../http/known-routes.ts'
import { packageVersion } from '../../lib/package-version.ts'
import { scopes } from '../../protocol/scopes.ts'
import type { AnyScope, Method } from '../../rpc/define-method.ts'
import { routeWords, type RouteWords } from './words.ts'

type Json = { readonly [field: string]: unknown }

const errorSchema: Json = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        code: { type: 'string', description: 'What a program branches on.' },
        nextStep: { type: 'string', description: 'What to do about it.' },
        retryAfterMs: { type: 'number' }
      }
    }
  }
}

const json = (schema: Json): Json => ({ 'application/json': { schema } })
const ref = (kind: string, name: string): Json => ({ $ref: `#/components/${kind}/${name}` })

/** `:key` is a parameter, `*` the rest of the path, `::` a colon. */
export const pathOf = (url: string): string =>
  url.replace(/::|:(\w+)|\*/g, (mark, name?: string) => mark === '::' ? ':' : `{${name ?? 'rest'}}`)

const parametersOf = (path: string): Json[] => [...path.matchAll(/\{(\w+)\}/g)]
  .map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' }, description: 'Percent-encoded.' }))

const queryOf = ({ query = {} }: RouteWords): Json[] => Object.entries(query).map(([name, description]) => ({
  name, in: 'query', required: description.startsWith('Required'), schema: { type: 'string' }, description
}))

function answersOf (words: RouteWords, isGuarded: boolean): Json {
  const { answer, streams, statuses = {} } = words
  const content = { ...json(answer ?? {}), ...(streams ? { 'text/event-stream': { schema: { type: 'string', description: streams } } } : {}) }
  return {
    200: { description: 'Done.', content },
    ...(isGuarded ? { 401: ref('responses', 'Refusal'), 403: ref('responses', 'Refusal') } : {}),
    ...Object.fromEntries(Object.entries(statuses).map(([status, description]) => [status, { description, content: json(ref('schemas', 'Error')) }])),
    default: ref('responses', 'Refusal')
  }
}

function operationOf ({ method, url, scope }: KnownRoute): Json {
  const words: RouteWords = routeWords[`${method} ${url}`] ?? { summary: `${method} ${pathOf(url)}` }
  return {
    operationId: `${method.toLowerCase()} ${pathOf(url)}`.replace(/[^A-Za-z0-9]+/g, '_').replace(/_$/, ''),
    summary: words.summary,
    ...(words.description ? { description: words.description } : {}),
    parameters: [...parametersOf(pathOf(url)), ...queryOf(words)],
    ...(words.body ? { requestBody: { required: words.mayBeEmpty !== true, content: json(words.body) } } : {}),
    responses: answersOf(words, scope !== undefined),
    security: scope === undefined ? [] : [{ bearer: [] }],
    ...(scope === undefined || scope === 'caller' ? {} : { 'x-required-scope': scope })
  }
}

function pathsOf (routes: readonly KnownRoute[]): Json {
  const paths: { [path: string]: { [method: string]: Json } } = {}
  for (const route of [...routes].sort((a, b) => a.url < b.url ? -1 : a.url > b.url ? 1 : 0)) {
    const operations = paths[pathOf(route.url)] ??= {}
    operations[route.method.toLowerCase()] = operationOf(route)
  }
  return paths
}

/** What is declared of them; the rooms that they run in do not matter here. */
export type Methods = { readonly [name: string]: Pick<Method<never>, 'params' | 'result' | 'changes' | 'placeholder'> & { readonly scope: unknown } }

function scopeOf ({ scope }: Methods[string]): unknown {
  if (typeof scope === 'function') return 'depends on the parameters'
  return typeof scope === 'string' ? scope : (scope as AnyScope).anyOf
}

function methodsOf (table: Methods): Json {
  return Object.fromEntries(Object.entries(table).sort(([a], [b]) => a < b ? -1 : 1).map(([name, method]) => [name, {
    scope: scopeOf(method),
    params: method.params,
    result: method.result,
    ...(method.changes === undefined ? {} : { changes: method.changes }),
    ...(method.placeholder === undefined ? {} : { placeholder: method.placeholder })
  }]))
}

export function describe (routes: readonly KnownRoute[], methods: Methods): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'OpenClaw-compatible gateway',
      version: packageVersion(),
      description: 'Routes of this gateway. Its WebSocket protocol is on the same port; x-methods describes the methods there.'
    },
    servers: [{ url: '/' }],
    paths: pathsOf(routes),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'The token or password of the gateway, a device token, or an API key.' }
      },
      schemas: { Error: errorSchema },
      responses: { Refusal: { description: 'Refused or failed; the body says why and what to do.', content: json(ref('schemas', 'Error')) } }
    },
    'x-scopes': scopes,
    'x-methods': methodsOf(methods)
  }
}
