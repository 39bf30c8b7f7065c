/** Every route that is registered, for the description of this gateway: nothing that is served can be left out of it. */
import type { FastifyInstance, RouteOptions } from 'fastify'
import { scopeOfGuard, type RouteScope } from './auth-hook.ts'
import { isRefusal } from './other-methods.ts'

export interface KnownRoute {
  readonly method: string
  /** As it is registered: `:name` is a parameter, `*` the rest of the path, `::` a colon. */
  readonly url: string
  /** What a caller needs; undefined: the route looks at that itself, or lets anybody in. */
  readonly scope: RouteScope | undefined
}

declare module 'fastify' {
  interface FastifyInstance { knownRoutes: KnownRoute[] }
}

function scopeOf ({ onRequest }: RouteOptions): RouteScope | undefined {
  for (const hook of [onRequest ?? []].flat()) {
    const scope = scopeOfGuard(hook)
    if (scope) return scope
  }
  return undefined
}

export function keepKnownRoutes (fastify: FastifyInstance): void {
  const known: KnownRoute[] = []
  fastify.decorate('knownRoutes', known)
  fastify.addHook('onRoute', route => {
    if (isRefusal(route) || /^\/?\*/.test(route.url)) return
    for (const method of [route.method].flat()) {
      if (method !== 'HEAD' && method !== 'OPTIONS') known.push({ method, url: route.url, scope: scopeOf(route) })
    }
  })
}
