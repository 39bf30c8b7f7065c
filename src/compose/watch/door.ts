/** Whoever comes in, and whoever does not: counted, and told to the audit log. */
import type { Told } from '../../audit/act.ts'
import type { Admission, ConnectAttempt } from '../../auth/connect.ts'
import type { HttpAttempt, HttpAuthenticator } from '../../auth/http-credentials.ts'
import type { Ingress } from '../../auth/ingress.ts'
import { addressGroup } from '../../lib/net-address.ts'
import { isGatewayError, type GatewayError } from '../../protocol/errors.ts'
import type { GatewayMeters } from '../../telemetry/gateway-meters.ts'
import { actorOf } from './requests.ts'

type Authenticate = (attempt: ConnectAttempt) => Promise<Admission>

export interface DoorWatch {
  sockets (authenticate: Authenticate): Authenticate
  http (authenticate: HttpAuthenticator): HttpAuthenticator
  /** A hook that came with a wrong token or signature, or with none. */
  hook (ingress: Ingress, error: GatewayError): void
}

/** A request without any credential is a page that was opened or a client that asks what is wanted, not somebody who tries. */
const isNoAttempt = (code: string): boolean => /_MISSING$|^AUTH_REQUIRED$/.test(code)

export function createDoorWatch ({ connects, refusals }: GatewayMeters, audit: Told): DoorWatch {
  function refused (door: 'socket' | 'http' | 'hook', ingress: Ingress, error: unknown, client?: string): void {
    const code = isGatewayError(error) ? error.code : 'INTERNAL'
    refusals.add(1, door, code)
    if (isNoAttempt(code)) return
    const { clientAddress: address } = ingress
    audit.told({
      kind: 'auth',
      act: door === 'socket' ? 'connect' : door,
      outcome: 'refused',
      code,
      actor: { principal: 'stranger', address, ...(client ? { client } : {}) },
      repeats: `${door} ${code} ${addressGroup(address)}`
    })
  }

  return {
    sockets: authenticate => async attempt => {
      const client = attempt.params.client.id
      try {
        const admission = await authenticate(attempt)
        const { caller } = admission
        connects.add(1, caller.role, caller.method)
        audit.told({ kind: 'auth', act: 'connect', outcome: 'ok', actor: actorOf(caller, client), about: { mode: attempt.params.client.mode } })
        return admission
      } catch (error) {
        refused('socket', attempt.ingress, error, client)
        throw error
      }
    },
    http: authenticate => async (attempt: HttpAttempt) => {
      try {
        return await authenticate(attempt)
      } catch (error) {
        refused('http', attempt.ingress, error)
        throw error
      }
    },
    hook: (ingress, error) => refused('hook', ingress, error)
  }
}
