import type { ImagePart, TextPart } from '../protocol/transcript.ts'
import type { ToolSpec } from '../providers/model.ts'
import type { Sender } from './policy.ts'

export interface ToolResult {
  readonly content: ReadonlyArray<TextPart | ImagePart>
  readonly details?: unknown
  readonly isError?: boolean
}

/** What a tool can touch. Each class stands for the worst that its tools can do. */
export type CapabilityClass =
  'session.read' | 'session.write' | 'file.read' | 'file.write' | 'exec' | 'net' | 'memory.read' | 'message' | 'automation' | 'node' |
  'gateway' | 'media' | 'outside'

/** Somebody on a channel. */
export type ChannelSender = Sender & { readonly channel: string }

export interface ToolDelivery {
  readonly channel?: string
  readonly accountId?: string
  readonly to?: string
  readonly threadId?: string
}

export interface ToolContext {
  /** Absent when a program calls the tool without a run. */
  readonly runId?: string
  readonly sessionKey: string
  readonly agentId: string
  readonly callId: string
  readonly signal: AbortSignal
  /** Where a program says that the conversation goes on. It is what the program says, and decides about no right. */
  readonly delivery?: ToolDelivery
  /** Whoever is answerable is the owner of this gateway. */
  readonly isOwner?: boolean
  /** Who sent what the run answers, as its channel has proved it. Absent: nobody knows. */
  readonly from?: ChannelSender
  update (partial: ToolResult): void
}

/** Where a tool that does not come with the gateway comes from. */
export interface ToolOrigin {
  readonly kind: 'plugin' | 'mcp' | 'channel'
  /** Of the plugin, server or channel. */
  readonly id: string
  /** Its name there. */
  readonly toolName?: string
}

/** What a call would come to. */
export interface Foreseen {
  readonly wouldRun: boolean
  /** Why it would not, or what it would wait for. */
  readonly because?: string
  readonly requiresApproval?: true
}

/** A thing an agent can do. */
export interface Tool extends ToolSpec {
  readonly capability: CapabilityClass
  /** Groups of the policy (`fs`, `web`, `sessions`, …), without `group:`. */
  readonly groups: readonly string[]
  readonly aliases?: readonly string[]
  /** Absent: it comes with the gateway. */
  readonly origin?: ToolOrigin
  /** `run`: programs reach it only when gateway.tools.allow names it. */
  readonly reach: 'anywhere' | 'run'
  readonly ownerOnly?: true
  /** Kept away unless an allow list names it: `*` does not. */
  readonly optional?: true
  /** False: may be done again after a crash without anybody noticing. */
  readonly effects: boolean
  /** How a model gets at the rest of a result that was too long for its conversation: a sentence. */
  readonly rest?: string
  /** The arguments as `run` takes them. Throws ToolRefusal for those it cannot take; absent: the tool judges for itself. */
  check? (args: { readonly [name: string]: unknown }): { readonly [name: string]: unknown }
  /** As far as it can be known with nothing done and nobody asked. Throws what `run` would throw; absent: it would be carried out. */
  foresee? (args: { readonly [name: string]: unknown }, context: ToolContext): Promise<Foreseen>
  run (args: { readonly [name: string]: unknown }, context: ToolContext): Promise<ToolResult>
}

/** What is known of a run, or of a call in its place, when the policy is asked. */
export interface RunFacts {
  readonly agentId: string
  readonly sessionKey: string
  /** Whoever is answerable holds the gateway. Absent: not known, so no. */
  readonly isOwner?: boolean
  /** `provider/model`; absent: what the session uses. */
  readonly model?: string
  readonly channel?: string
  readonly group?: string
  readonly sender?: Sender
}

/** What a run may use; answered anew for each run. */
export interface Tools {
  /** Before `forRun`: tools are loaded, and what comes from elsewhere says what it has, within bounds. */
  prepare? (run: RunFacts): Promise<void>
  /** A call of an earlier process that waited for a person and has done nothing yet. */
  isStillAsking? (call: { readonly runId: string, readonly callId: string }): Promise<boolean>
  forRun (run: RunFacts): readonly Tool[]
}
