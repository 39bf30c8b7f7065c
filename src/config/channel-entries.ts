/** Which accounts of channels the configuration speaks of. */
import type { LoadedConfig } from './load.ts'

type Config = LoadedConfig['config']
type Keys = { readonly [key: string]: unknown }

export interface AccountEntry {
  readonly channel: string
  readonly accountId: string
  readonly name?: string
  readonly enabled: boolean
  /** The keys of the account over those of its channel. */
  readonly config: Keys
  /** What the health monitor is told of it: of the account over its channel over all channels. */
  readonly health: HealthWords
}

export interface HealthWords {
  readonly enabled?: boolean
  readonly checkMinutes?: number
  readonly startupGraceSeconds?: number
  readonly staleEventThresholdMinutes?: number
  readonly maxRestartsPerHour?: number
  readonly restartCooldownMinutes?: number
  readonly connectGraceSeconds?: number
  readonly reconnectGraceSeconds?: number
  readonly stuckMinutes?: number
}

/** The account of a channel that names none. */
export const onlyAccountId = 'default'

/** Keys beside the channels themselves. */
const reserved: ReadonlySet<string> = new Set(['defaults', 'modelByChannel'])

const isKeys = (value: unknown): value is Keys => typeof value === 'object' && value !== null && !Array.isArray(value)

const healthOf = (value: unknown): HealthWords => isKeys(value) ? value : {}

function ofChannel (channel: string, section: Keys, health: HealthWords): AccountEntry[] {
  const { accounts, defaultAccount: _default, healthMonitor: ofAll, ...shared } = section
  const named = isKeys(accounts) ? Object.entries(accounts).filter((entry): entry is [string, Keys] => isKeys(entry[1])) : []
  const list: ReadonlyArray<readonly [string, Keys]> = named.length > 0 ? named : [[onlyAccountId, {}]]
  return list.map(([accountId, { healthMonitor, ...own }]) => ({
    channel,
    accountId,
    ...(typeof own.name === 'string' ? { name: own.name } : {}),
    enabled: shared.enabled !== false && own.enabled !== false,
    config: { ...shared, ...own },
    health: { ...health, ...healthOf(ofAll), ...healthOf(healthMonitor) }
  }))
}

export const channelSections = ({ channels }: Config): ReadonlyArray<readonly [string, Keys]> =>
  Object.entries(channels as Keys).filter((entry): entry is [string, Keys] => !reserved.has(entry[0]) && isKeys(entry[1]))

export function accountEntries (config: Config): AccountEntry[] {
  const { defaults } = config.channels as { readonly defaults?: Keys }
  return channelSections(config).flatMap(([channel, section]) => ofChannel(channel, section, healthOf(defaults?.healthMonitor)))
}

/** Whether anything of this room is needed at all. Asked at every start, so it does not look further than it has to. */
export const hasChannels = (config: Config): boolean => channelSections(config).length > 0

export function defaultAccountOf (config: Config, channel: string): string | undefined {
  const section = channelSections(config).find(([id]) => id === channel)?.[1]
  if (!section) return undefined
  const ids = ofChannel(channel, section, {}).map(({ accountId }) => accountId)
  return typeof section.defaultAccount === 'string' && ids.includes(section.defaultAccount) ? section.defaultAccount : ids[0]
}
