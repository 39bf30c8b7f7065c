/** The door by which services call us. What is behind it is loaded with the channels. */
import type { FastifyInstance } from 'fastify'
import { createAttemptLimiter, type AttemptLimiter } from '../auth/limiter.ts'
import { channelSections } from '../channels/entries.ts'
import type { LoadedConfig } from '../config/load.ts'
import { registerChannelWebhooks, type ChannelWebhooksOptions } from '../routes/channel-webhooks.ts'
import type { LateChannels } from './channels.ts'

export interface ChannelDoorOptions extends Pick<ChannelWebhooksOptions, 'unavailable' | 'log'> {
  readonly config: () => LoadedConfig
  readonly channels: LateChannels
  readonly now: () => number
}

/** Whoever calls is a program that knows its secret. */
const limits = { maxAttempts: 20, windowMs: 60_000, lockoutMs: 60_000, exemptLoopback: false }

export async function composeChannelDoor (fastify: FastifyInstance, options: ChannelDoorOptions): Promise<void> {
  const { config, channels, now, unavailable, log } = options
  const isNamed = (channel: string): boolean => channelSections(config().config).some(([id]) => id === channel)
  const limiters = new Map<string, AttemptLimiter>()
  const limiterOf = (channel: string, account: string): AttemptLimiter => {
    const key = `${channel}/${account}`
    const known = limiters.get(key)
    if (known) return known
    const limiter = createAttemptLimiter({ settings: () => limits, now })
    limiters.set(key, limiter)
    return limiter
  }
  await registerChannelWebhooks(fastify, {
    unavailable,
    log,
    channels: channel => isNamed(channel) ? channels().then(rooms => rooms.channels) : undefined,
    limiterOf
  })
}
