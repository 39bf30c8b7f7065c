import type { LoadedConfig } from '../config/load.ts'
import type { HealthWords } from '../config/channel-entries.ts'
import type { MonitorSettings } from './monitor.ts'
import { defaultRules, type RestartRules } from './restarts.ts'

const minuteMs = 60_000

type Gateway = LoadedConfig['config']['gateway']

/** 0 switches a threshold off. */
const threshold = (minutes: number): number => minutes === 0 ? Infinity : minutes * minuteMs

/** What holds for all accounts, and in its place what is said of this one. */
export const monitorSettings = (gateway: Gateway, health: HealthWords = {}): MonitorSettings => {
  const intervalMs = (health.checkMinutes ?? gateway.channelHealthCheckMinutes) * minuteMs
  const cooldownMinutes = health.restartCooldownMinutes ?? gateway.channelRestartCooldownMinutes
  return {
    intervalMs,
    startupGraceMs: (health.startupGraceSeconds ?? 60) * 1000,
    connectGraceMs: (health.connectGraceSeconds ?? 120) * 1000,
    reconnectGraceMs: (health.reconnectGraceSeconds ?? 120) * 1000,
    staleMs: threshold(health.staleEventThresholdMinutes ?? gateway.channelStaleEventThresholdMinutes),
    stuckMs: threshold(health.stuckMinutes ?? 25),
    // Two intervals, as elsewhere, would allow fewer restarts in an hour than the limit for an hour, which then means nothing.
    cooldownMs: cooldownMinutes === undefined ? intervalMs : cooldownMinutes * minuteMs,
    maxPerHour: restartRules(gateway, health).maxPerHour,
    maxAttempts: 10
  }
}

export const restartRules = (gateway: Gateway, health: HealthWords = {}): RestartRules =>
  ({ ...defaultRules, maxPerHour: health.maxRestartsPerHour ?? gateway.channelMaxRestartsPerHour })
