/** Which commands may be asked of a node, by the kind of machine it says it is. */
import { hostCommands } from '../auth/devices/node-surface.ts'

export type NodePlatform = 'ios' | 'watchos' | 'android' | 'macos' | 'linux' | 'windows' | 'unknown'

const words: ReadonlyArray<readonly [platform: Exclude<NodePlatform, 'unknown'>, platforms: RegExp, families: RegExp]> = [
  ['watchos', /^watchos\b/, /watch/],
  ['ios', /^(ios|ipados)\b/, /^(iphone|ipad|ios)/],
  ['android', /^android\b/, /^android/],
  ['macos', /^(macos|darwin|mac os|mac)\b/, /^mac/],
  ['windows', /^(windows|win32|win)\b/, /^windows/],
  ['linux', /^linux\b/, /^linux/]
]

/** A device family that contradicts the platform makes it a machine that we know nothing of. */
export function platformOf (platform: string | undefined, deviceFamily: string | undefined): NodePlatform {
  const said = platform?.trim().toLowerCase() ?? ''
  const row = words.find(([, platforms]) => platforms.test(said))
  if (!row) return 'unknown'
  const family = deviceFamily?.trim().toLowerCase()
  return family && !row[2].test(family) ? 'unknown' : row[0]
}

const device = ['device.info', 'device.status']
const phone = [
  'camera.list', 'location.get', ...device, 'contacts.search', 'calendar.events', 'reminders.list', 'photos.latest', 'motion.activity',
  'motion.pedometer', 'system.notify'
]

const byPlatform: { readonly [platform in NodePlatform]: readonly string[] } = {
  ios: phone,
  watchos: [...device, 'system.notify'],
  android: [
    ...phone, 'notifications.list', 'notifications.actions', 'device.permissions', 'device.health', 'device.apps', 'callLog.search',
    'mobile.ui.observe', 'mobile.ui.act'
  ],
  macos: [
    'camera.list', 'camera.ptz.status', 'location.get', ...device, 'device.apps', 'contacts.search', 'calendar.events', 'reminders.list',
    'photos.latest', 'motion.activity', 'motion.pedometer', 'system.notify', 'computer.act'
  ],
  linux: ['system.notify', 'computer.act'],
  windows: ['camera.list', 'location.get', ...device, 'system.notify', 'computer.act'],
  unknown: ['camera.list', 'location.get', 'system.notify']
}

/** On machines with a keyboard these may be offered once somebody has approved them. */
const desktopCommands = [...hostCommands, 'mcp.tools.call.v1', 'screen.snapshot', 'desktop.stream']
const desktops: ReadonlySet<NodePlatform> = new Set(['macos', 'linux', 'windows'])

const talk = ['talk.ptt.start', 'talk.ptt.stop', 'talk.ptt.cancel', 'talk.ptt.once']

export interface NodePolicyFacts {
  readonly platform?: string | undefined
  readonly deviceFamily?: string | undefined
  readonly caps: readonly string[]
}

export interface CommandSettings {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

const matches = (names: readonly string[], command: string): boolean => names.includes('*') || names.includes(command)

/** Taken away beats added; what takes pictures, records or writes into somebody's life is only ever added. */
export function mayAsk (command: string, { platform, deviceFamily, caps }: NodePolicyFacts, { allow, deny }: CommandSettings): boolean {
  if (matches(deny, command)) return false
  // Everything at once would open what nobody thought of: such commands are named.
  if (allow.includes(command)) return true
  const kind = platformOf(platform, deviceFamily)
  if (byPlatform[kind].includes(command)) return true
  if (desktops.has(kind) && desktopCommands.includes(command)) return true
  if (caps.includes('talk') && talk.includes(command)) return true
  return kind === 'ios' && deviceFamily?.toLowerCase() === 'iphone' && (command === 'watch.status' || command === 'watch.notify')
}

/** An iPhone shows these only while somebody looks at it; asked at another time they wait until then. */
export const needsForeground = (command: string): boolean => /^(canvas|camera|screen|talk)\./.test(command)
