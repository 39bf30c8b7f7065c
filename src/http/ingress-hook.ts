import type { FastifyInstance } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import type { Caller } from '../auth/caller.ts'
import type { Ingress } from '../auth/ingress.ts'
import { GatewayError } from '../protocol/errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    ingress: Ingress
    caller: Caller | undefined
  }
  interface FastifyContextConfig {
    /** Answers whoever asks, wherever from: liveness. */
    anyone?: boolean
    /** Answers under any Host: probes of orchestrators use addresses and service names. */
    anyHost?: boolean
  }
}

export interface IngressHookOptions {
  readonly attribute: (facts: { remoteAddress?: string, localAddress?: string, headers: IncomingHttpHeaders }) => Ingress
  readonly securityHeaders: () => { strictTransportSecurity?: string | false }
  readonly onUnattributable: (ingress: Ingress) => void
}

function unattributable ({ peerAddress, clientUnnamed }: Ingress): GatewayError {
  return clientUnnamed
    ? new GatewayError('PROXY_CLIENT_UNKNOWN', { message: `The proxy ${peerAddress} does not say who its client is, or names only this machine.` })
    : new GatewayError('PROXY_ATTRIBUTION_REQUIRED', {
      message: `Proxy client attribution is required. The peer ${peerAddress} sends forwarding headers but is not in gateway.trustedProxies.`
    })
}

/** Upgrade goes from hop to hop and is lost at a proxy that was not told of it; what goes from end to end shows what was meant. */
const isHalfAnUpgrade = (headers: IncomingHttpHeaders): boolean =>
  headers['sec-websocket-key'] !== undefined && headers.upgrade === undefined

/** The first thing done with every request and upgrade: where does it come from, and may it come from there. */
export function registerIngress (fastify: FastifyInstance, options: IngressHookOptions): void {
  fastify.decorateRequest('ingress')
  fastify.decorateRequest('caller', undefined)

  fastify.addHook('onRequest', (request, reply, done) => {
    const { socket, headers } = request.raw
    reply.header('x-content-type-options', 'nosniff')
    reply.header('referrer-policy', 'no-referrer')
    reply.header('permissions-policy', 'camera=(), microphone=(self), geolocation=()')
    const { strictTransportSecurity } = options.securityHeaders()
    if (strictTransportSecurity) reply.header('strict-transport-security', strictTransportSecurity)
    request.ingress = options.attribute({ remoteAddress: socket.remoteAddress, localAddress: socket.localAddress, headers })
    if (request.ingress.kind === 'unattributable-proxy' && !request.routeOptions.config.anyone) {
      options.onUnattributable(request.ingress)
      return done(unattributable(request.ingress))
    }
    done(isHalfAnUpgrade(headers) ? new GatewayError('UPGRADE_HEADERS_MISSING') : undefined)
  })
}
