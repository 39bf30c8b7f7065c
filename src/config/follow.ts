/**
 * From a file that has changed to a configuration that has: quiet is waited for, a file that is half written or away for a moment is
 * looked at again, and what cannot be used is told once. Loaded after the gateway is ready.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { readIfPresent } from '../lib/private-file.ts'
import { isGatewayError } from '../protocol/errors.ts'
import type { LiveConfig } from './live-config.ts'
import { hashConfigText } from './load.ts'
import { createFileWatch, fingerprintOf } from './watch.ts'

export interface FollowOptions {
  readonly live: LiveConfig
  readonly configPath: string
  readonly debounceMs: () => number
  /** Files had changed; what could take effect has. */
  readonly taken: () => void
  readonly refused: (reason: string) => void
  readonly vanished: () => void
  readonly trouble: (error: Error) => void
}

export interface Follower {
  begin (): Promise<void>
  close (): void
}

/** However short the debounce: two looks at a file must agree before it counts as written. */
const settleMs = 50
const missingTries = 2
const missingMs = 150
/** A text that ends too early may be one that is still being written. */
const brokenTries = 4
const brokenMs = 150

export function createFollower (options: FollowOptions): Follower {
  const { live, configPath } = options
  const ended = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let isLooking = false
  let isDirty = false
  let judged = ''
  let isGone = false

  const files = (): string[] => [configPath, ...live.current().includedPaths]

  function noticed (): void {
    isDirty = true
    if (isLooking || ended.signal.aborted) return
    clearTimeout(timer)
    timer = setTimeout(() => { look().catch(options.trouble) }, Math.max(settleMs, options.debounceMs())).unref()
  }

  /** Undefined while somebody is still writing. */
  async function settled (): Promise<string | undefined> {
    const before = await fingerprintOf(files())
    await sleep(settleMs, undefined, { signal: ended.signal, ref: false })
    return await fingerprintOf(files()) === before ? before : undefined
  }

  async function look (): Promise<void> {
    isLooking = true
    isDirty = false
    try {
      const state = await settled()
      if (state === undefined) isDirty = true
      else if (state !== judged) {
        judged = state
        await judge(state)
      }
      await watch.follow(files())
      // What happened before the new places were watched.
      if (await fingerprintOf(files()) !== judged) isDirty = true
    } catch (error) {
      if (!ended.signal.aborted) throw error
    } finally {
      isLooking = false
      if (isDirty) noticed()
    }
  }

  const isMissing = (state: string): boolean => state === 'none' || state.startsWith('none ')
  const isEmpty = (state: string): boolean => state.split(':')[2] === '0'

  async function judge (state: string): Promise<void> {
    for (let tries = 0; (isMissing(state) || isEmpty(state)); tries++) {
      if (tries === missingTries) return gone()
      await sleep(missingMs, undefined, { signal: ended.signal, ref: false })
      state = judged = await fingerprintOf(files())
    }
    isGone = false
    for (let tries = 1; ; tries++) {
      try {
        await live.reload({ way: 'seen' })
        return options.taken()
      } catch (error) {
        if (!isGatewayError(error)) throw error
        if (tries === brokenTries || error.details.unreadable !== true) return options.refused(error.message)
        await sleep(brokenMs, undefined, { signal: ended.signal, ref: false })
        if (await fingerprintOf(files()) !== state) {
          isDirty = true
          judged = ''
          return
        }
      }
    }
  }

  /** Whoever deletes the file, or empties it before writing it, has not asked for the defaults. */
  function gone (): void {
    if (!isGone && live.current().exists) options.vanished()
    isGone = true
  }

  const watch = createFileWatch({ onChange: noticed, onTrouble: options.trouble })
  return {
    async begin () {
      await watch.follow(files())
      judged = await fingerprintOf(files())
      const text = await readIfPresent(configPath).catch(() => undefined)
      // What was written between the start and now.
      if ((text === undefined ? undefined : hashConfigText(text)) === live.current().hash) return
      judged = ''
      noticed()
    },
    close () {
      ended.abort()
      clearTimeout(timer)
      watch.close()
    }
  }
}
