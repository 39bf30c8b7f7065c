import type { GatewayAuth } from '../auth/gateway-auth.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Paths } from '../config/paths.ts'
import type { Reloads } from '../config/reloads.ts'
import type { EventBus } from '../events/bus.ts'
import type { CrashLoop } from '../host/crash-loop.ts'
import type { BindTargets } from '../lib/bind-address.ts'
import type { Logging } from '../log/logger.ts'
import type { Rooms } from '../methods/rooms.ts'
import type { Store } from '../store/store.ts'
import type { Automation } from './automation.ts'
import type { LateChannels } from './channels.ts'
import type { Conversation } from './conversation.ts'
import type { Door } from './door.ts'
import type { Host } from './host.ts'
import type { Watch } from './watch/watch.ts'

export interface PartOptions {
  readonly loaded: LoadedConfig
  readonly paths: Paths
  readonly auth: GatewayAuth
  readonly bind: BindTargets
  /** 0 picks a free port. */
  readonly port: number
  readonly store: Store
  readonly logging: Logging
  readonly localAdminToken: string
  readonly version: string
  readonly env: { readonly [name: string]: string | undefined }
  readonly verbose?: boolean
  /** `--tailscale`, which wins over the configuration. */
  readonly tailscale?: string | undefined
  readonly now?: () => number
  /** Only ever grows; for spans of time. */
  readonly steady?: () => number
  /** Ends the process in good order, for its supervisor to begin it anew. */
  readonly leave?: (reason: string) => void
  /** How often a gateway has been begun on this state, by what came before. */
  readonly starts?: { readonly [kind: string]: number }
  /** Present when too many of the latest ended without a word: then some things do not begin by themselves. */
  readonly crashLoop?: CrashLoop | undefined
  /** How often that was so. */
  readonly crashLoopTrips?: number
}

/** What the builders of the composition share: made once, in createGateway. */
export interface Parts {
  readonly options: PartOptions
  readonly live: LiveConfig
  readonly reload: Reloads
  readonly now: () => number
  readonly steady: () => number
  readonly bootId: string
  readonly events: EventBus
  readonly host: Host
  readonly keys: Rooms['keys']
  readonly door: Door
  readonly watch: Watch
  readonly conversation: Conversation
  readonly plugins: Rooms['plugins']
  readonly channels: LateChannels
  readonly automation: Automation
  readonly authMode: () => string
  readonly port: () => number
}
