/** How often Discord may be called: each route has a bucket of its own, told by the answers, and all of them together one more. */
import type { IncomingHttpHeaders } from 'node:http'
import { createRecent } from '../../../lib/recent.ts'

interface Bucket {
  remaining: number
  resetAtMs: number
}

const mostRoutes = 1000
const longestMs = 24 * 3600 * 1000

/** Everything below one channel or guild shares what is said of it; other ids make no difference. */
export function routeOf (method: string, path: string): string {
  const [, first = '', id = '', ...rest] = path.split('?')[0]!.split('/')
  // What an interaction is answered with is a credential, and another one each time.
  if (first === 'interactions' || first === 'webhooks') rest[0] = ':token'
  const below = rest.join('/').replace(/\d{15,20}/g, ':id').replace(/reactions\/.*$/, 'reactions')
  return `${method} ${first}/${first === 'channels' || first === 'guilds' ? id : ':id'}/${below}`
}

const secondsOf = (text: string | string[] | undefined): number | undefined => {
  const seconds = text === undefined ? Number.NaN : Number(text)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined
}

export const waitOf = (seconds: unknown): number | undefined => {
  const told = typeof seconds === 'number' || typeof seconds === 'string' ? secondsOf(String(seconds)) : undefined
  return told === undefined ? undefined : Math.min(Math.ceil(told * 1000), longestMs)
}

export class RateLimits {
  readonly #names = createRecent<string>(mostRoutes)
  readonly #buckets = createRecent<Bucket>(mostRoutes)
  #allUntilMs = 0

  /** How long to wait before the route may be called; counts the call when that is no time at all. */
  take (route: string, now: number): number {
    const bucket = this.#buckets.get(this.#names.get(route) ?? route)
    const waitMs = Math.max(this.#allUntilMs - now, bucket && bucket.remaining <= 0 ? bucket.resetAtMs - now : 0)
    if (waitMs > 0) return waitMs
    if (bucket) bucket.remaining = bucket.resetAtMs <= now ? Infinity : bucket.remaining - 1
    return 0
  }

  note (route: string, headers: IncomingHttpHeaders, now: number): void {
    const { 'x-ratelimit-bucket': hash, 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset-after': after } = headers
    const [left, seconds] = [secondsOf(remaining), secondsOf(after)]
    if (typeof hash !== 'string' || left === undefined || seconds === undefined) return
    // Routes of one bucket share it for each channel by itself.
    const name = `${hash} ${route.split(' ')[1]!.split('/').slice(0, 2).join('/')}`
    this.#keep(route, name, { remaining: left, resetAtMs: now + Math.min(seconds * 1000, longestMs) })
  }

  /** The service refused the call for now. */
  refused (route: string, waitMs: number, isGlobal: boolean, now: number): void {
    if (isGlobal) this.#allUntilMs = Math.max(this.#allUntilMs, now + waitMs)
    else this.#keep(route, this.#names.get(route) ?? route, { remaining: 0, resetAtMs: now + waitMs })
  }

  #keep (route: string, name: string, bucket: Bucket): void {
    this.#names.set(route, name)
    this.#buckets.set(name, bucket)
  }
}
