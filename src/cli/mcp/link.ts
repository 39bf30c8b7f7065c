/** The connection of a bridge to its gateway, which may outlive several of them: a gateway that restarts is waited for. */
import { setTimeout as delay } from 'node:timers/promises'
import { GatewayClientError, isClientError } from '../client-error.ts'
import type { GatewayClient, GatewayEvent } from '../gateway-client.ts'

export interface LinkOptions {
  open (): Promise<GatewayClient>
  onEvent (event: GatewayEvent): void
  /** For people. */
  note (text: string): void
}

export interface Link {
  /** The first connection. Rejects when there is none. */
  readonly ready: Promise<void>
  request (method: string, params: object, timeoutMs?: number): Promise<unknown>
  /** Whether the gateway that we talk to serves it. */
  serves (method: string): Promise<boolean>
  close (): Promise<void>
}

const firstDelayMs = 500
const longestDelayMs = 30_000
const away = {
  kind: 'transport', code: 'closed', message: 'The gateway is not reachable just now; it is being looked for. Try again in a moment.'
} as const

/** A call waits so long for a gateway that is being looked for. */
const patienceMs = 5_000

export function createLink ({ open, onEvent, note }: LinkOptions): Link {
  const closing = new AbortController()
  let client: GatewayClient | undefined
  let arrived = Promise.withResolvers<GatewayClient>()
  arrived.promise.catch(() => {})

  async function begin (): Promise<void> {
    const opened = await open()
    // The client may have gone while we were let in.
    if (closing.signal.aborted) await opened.close()
    closing.signal.throwIfAborted()
    opened.onEvent(onEvent)
    client = opened
    try {
      await opened.request('sessions.subscribe', {})
    } catch (error) {
      client = undefined
      await opened.close()
      throw error
    }
    arrived.resolve(opened)
    void opened.closed.then(({ code }) => {
      if (closing.signal.aborted) return
      client = undefined
      arrived = Promise.withResolvers()
      arrived.promise.catch(() => {})
      note(`The gateway hung up (${code}); looking for it again.`)
      void searchAgain()
    })
  }

  async function searchAgain (): Promise<void> {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      await delay(Math.min(firstDelayMs * 2 ** attempt, longestDelayMs), undefined, { signal: closing.signal, ref: false }).catch(() => {})
      if (closing.signal.aborted) return
      try {
        await begin()
        note('The gateway is back.')
        return
      } catch (error) {
        if (isClientError(error) && error.kind === 'request' && !error.retryable) note(`The gateway refuses us: ${error.message}`)
      }
    }
  }

  async function connected (): Promise<GatewayClient> {
    if (client) return client
    const late = delay(patienceMs, undefined, { ref: false }).then(() => { throw new GatewayClientError(away) })
    late.catch(() => {})
    return await Promise.race([arrived.promise, late])
  }

  return {
    ready: begin(),
    async request (method, params, timeoutMs) {
      const gateway = await connected()
      return await gateway.call(method, params, timeoutMs === undefined ? {} : { timeoutMs })
    },
    serves: async method => (await connected()).hello.features.methods.includes(method),
    async close () {
      closing.abort()
      await client?.close()
    }
  }
}
