import type { LoadedConfig } from '../config/load.ts'
import type { MonitorSettings } from './monitor.ts'
import { defaultRules, type RestartRules } from './restarts.ts'

const minuteMs = 60_000

type Gateway = LoadedConfig['config']['gateway']

export const monitorSettings = (gateway: Gateway): MonitorSettings => {
  const intervalMs = gateway.channelHealthCheckMinutes * minuteMs
  return {
    intervalMs,
    startupGraceMs: minuteMs,
    connectGraceMs: 2 * minuteMs,
    reconnectGraceMs: 2 * minuteMs,
    staleMs: gateway.channelStaleEventThresholdMinutes * minuteMs,
    stuckMs: 25 * minuteMs,
    // Two intervals, as elsewhere, would allow fewer restarts in an hour than the limit for an hour, which then means nothing.
    cooldownMs: gateway.channelRestartCooldownMinutes === undefined ? intervalMs : gateway.channelRestartCooldownMinutes * minuteMs,
    maxPerHour: gateway.channelMaxRestartsPerHour,
    maxAttempts: 10
  }
}

export const restartRules = (gateway: Gateway): RestartRules => ({ ...defaultRules, maxPerHour: gateway.channelMaxRestartsPerHour })
