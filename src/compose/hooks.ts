/** What happens outside and inside by itself: hooks, and what waits for the next time an agent is up. Loaded at first use. */
import type { FastifyInstance } from 'fastify'
import { createAttemptLimiter } from '../auth/limiter.ts'
import type { Hooks } from '../automation/hooks/room.ts'
import type { AutomationRoom } from '../automation/room.ts'
import type { Environment } from '../config/environment.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Logger } from '../log/logger.ts'
import type { GatewayError } from '../protocol/errors.ts'
import { registerHooks, type HookRoutesOptions } from '../routes/hooks.ts'
import type { Store } from '../store/store.ts'
import type { Conversation } from './conversation.ts'

export interface HookDoorOptions {
  readonly config: () => LoadedConfig
  readonly env: Environment
  readonly stateDir: string
  readonly store: Store
  readonly conversation: Pick<Conversation, 'runs'>
  readonly automation: Pick<AutomationRoom, 'systemEvents' | 'places'>
  readonly now: () => number
  readonly log: Logger
  readonly unavailable: () => GatewayError | undefined
  readonly turnedAway: HookRoutesOptions['turnedAway']
}

/** Their own, stricter than the one of the gateway: whoever sends hooks is a program and does not mistype. */
const limits = { maxAttempts: 20, windowMs: 60_000, lockoutMs: 60_000, exemptLoopback: false }

export async function composeHookDoor (fastify: FastifyInstance, options: HookDoorOptions): Promise<void> {
  const { config, env, stateDir, store, conversation: { runs }, automation, now, log, unavailable, turnedAway } = options
  let loading: Promise<Hooks> | undefined
  async function load (): Promise<Hooks> {
    const [{ createHooks }, systemEvents] = await Promise.all([import('../automation/hooks/hooks.ts'), automation.systemEvents()])
    return createHooks({ config, env, stateDir, runs, store, now, log, systemEvents, places: automation.places })
  }
  await registerHooks(fastify, {
    config,
    hooks () {
      loading ??= load()
      return loading
    },
    limiter: createAttemptLimiter({ settings: () => limits, now }),
    unavailable,
    turnedAway
  })
}
