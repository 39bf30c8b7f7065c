import { GatewayClientError, requestError } from './client-error.ts'

export interface ResponseLike {
  id: string
  ok: boolean
  payload?: unknown
  error?: unknown
}

interface Pending {
  readonly method: string
  readonly expectFinal: boolean
  readonly timer: NodeJS.Timeout
  resolve: (payload: unknown) => void
  reject: (error: Error) => void
}

export interface AwaitOptions {
  method: string
  timeoutMs: number
  /** Two-stage methods answer `accepted` first and the result later, under the same id. */
  expectFinal: boolean
}

/** More requests than this in flight on one connection is a mistake of ours, not load. */
const maxPending = 1024

const isAccepted = (payload: unknown): boolean =>
  typeof payload === 'object' && payload !== null && (payload as { status?: unknown }).status === 'accepted'

/** Which response belongs to which request. */
export function createPendingRequests () {
  const pending = new Map<string, Pending>()

  const take = (id: string): Pending | undefined => {
    const entry = pending.get(id)
    if (entry) {
      clearTimeout(entry.timer)
      pending.delete(id)
    }
    return entry
  }

  return {
    wait (id: string, options: AwaitOptions): Promise<unknown> {
      if (pending.size >= maxPending) throw new Error(`more than ${maxPending} requests in flight`)
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          take(id)?.reject(new GatewayClientError({
            kind: 'transport', code: 'timeout', message: `gateway timeout after ${options.timeoutMs}ms (${options.method})`
          }))
        }, options.timeoutMs)
        pending.set(id, { method: options.method, expectFinal: options.expectFinal, timer, resolve, reject })
      })
    },

    settle (response: ResponseLike): void {
      const entry = pending.get(response.id)
      if (!entry || (response.ok && entry.expectFinal && isAccepted(response.payload))) return
      take(response.id)
      if (response.ok) entry.resolve(response.payload)
      else entry.reject(requestError(response.error))
    },

    failAll (error: Error): void {
      for (const id of [...pending.keys()]) take(id)?.reject(error)
    }
  }
}
