import { hostname, release } from 'node:os'
import { lanAddresses } from '../lib/own-addresses.ts'
import { Type, type Static } from '../protocol/type.ts'

const text = (options = {}) => Type.String({ minLength: 1, ...options })
const stamp = Type.Integer({ minimum: 0 })

export const PresenceEntry = Type.Object({
  host: Type.Optional(text()),
  ip: Type.Optional(text()),
  version: Type.Optional(text()),
  platform: Type.Optional(text()),
  deviceFamily: Type.Optional(text()),
  modelIdentifier: Type.Optional(text()),
  timeZone: Type.Optional(text()),
  mode: Type.Optional(text()),
  lastInputSeconds: Type.Optional(stamp),
  reason: Type.Optional(text()),
  tags: Type.Optional(Type.Array(text())),
  text: Type.Optional(Type.String()),
  ts: stamp,
  onlineSince: Type.Optional(stamp),
  lastActivityAt: Type.Optional(stamp),
  deviceId: Type.Optional(text()),
  roles: Type.Optional(Type.Array(text())),
  scopes: Type.Optional(Type.Array(text())),
  instanceId: Type.Optional(text())
}, { additionalProperties: false })
export type PresenceEntry = Static<typeof PresenceEntry>

export interface Presence {
  list (): PresenceEntry[]
  /** The list as JSON, kept until something changes. */
  json (): string
  version (): number
  put (key: string, entry: PresenceEntry): void
  leave (key: string): void
}

export interface PresenceOptions {
  readonly now: () => number
  readonly version: string
  readonly bootId: string
  readonly announce: (entries: PresenceEntry[]) => void
  readonly maxEntries?: number
  readonly goneTtlMs?: number
  /** Changes within this time are announced together: a thousand clients that return at once are one piece of news. */
  readonly announceDelayMs?: number
}

const selfKey = 'gateway'

const titleCase = (platform: string): string => platform.charAt(0).toUpperCase() + platform.slice(1)

/** Who is here: this gateway, the clients that are seen by people, and hosts that report themselves. Bounded; those who left fade. */
export function createPresence (options: PresenceOptions): Presence {
  const { now, maxEntries = 200, goneTtlMs = 300_000, announceDelayMs = 50 } = options
  const entries = new Map<string, PresenceEntry>()
  let version = 0
  let json: string | undefined
  let announcement: NodeJS.Timeout | undefined

  const [ip] = lanAddresses()
  const name = hostname()
  entries.set(selfKey, {
    host: name,
    ...(ip ? { ip } : {}),
    version: options.version,
    platform: `${process.platform} ${release()}`,
    deviceFamily: titleCase(process.platform),
    mode: 'gateway',
    reason: 'self',
    instanceId: options.bootId,
    text: `Gateway: ${name}${ip ? ` (${ip})` : ''} · app ${options.version} · mode gateway · reason self`,
    ts: now()
  })

  function prune (): void {
    const at = now()
    for (const [key, entry] of entries) {
      if (entry.reason === 'disconnect' && at - entry.ts > goneTtlMs) entries.delete(key)
    }
    for (const key of entries.keys()) {
      if (entries.size <= maxEntries) return
      if (key !== selfKey) entries.delete(key)
    }
  }

  function changed (): void {
    prune()
    json = undefined
    version++
    announcement ??= setTimeout(() => {
      announcement = undefined
      options.announce([...entries.values()])
    }, announceDelayMs).unref()
  }

  return {
    list: () => [...entries.values()],
    json () {
      json ??= JSON.stringify([...entries.values()])
      return json
    },
    version: () => version,
    put (key, entry) {
      entries.delete(key)
      entries.set(key, entry)
      changed()
    },
    leave (key) {
      const entry = entries.get(key)
      if (!entry) return
      entries.set(key, { ...entry, reason: 'disconnect', ts: now() })
      changed()
    }
  }
}
