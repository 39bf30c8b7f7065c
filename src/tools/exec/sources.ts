import type { LoadedConfig } from '../../config/load.ts'
import type { NodesPort } from '../nodes/port.ts'
import type { ChannelSender } from '../tool.ts'
import type { Consents } from './consent.ts'
import type { Conversation } from './conversation-words.ts'
import type { Environment } from './environment.ts'
import type { Launcher } from './launch.ts'

/** A background command has ended; its session may want to know. */
export interface ExitNotice {
  readonly agentId: string
  readonly sessionKey: string
  readonly sessionId: string
  readonly text: string
}

/** Whose command it is. Elevated ones ask to be outside the sandbox, which only senders who are named may. */
export interface CommandPlace {
  readonly agentId: string
  readonly sessionKey: string
  readonly isElevated?: boolean
  readonly from?: ChannelSender
}

/** What running commands needs of other rooms. */
export interface ExecSources {
  readonly config: () => LoadedConfig
  readonly workspaceOf: (agentId: string) => string
  readonly homeDir: string
  /** Of the gateway; little of it is passed on. */
  readonly environment: Environment
  /** Where the commands of a session run. Rejects rather than run them outside of a sandbox that is prescribed. */
  readonly launcherFor: (where: CommandPlace) => Promise<Launcher>
  /** What is known of a conversation, for what somebody chose for its commands. */
  readonly conversation?: (sessionKey: string) => Conversation | undefined
  readonly consents: Consents
  readonly nodes: () => NodesPort
  readonly redact: (text: string) => string
  readonly notify: (notice: ExitNotice) => void
  readonly now: () => number
}
