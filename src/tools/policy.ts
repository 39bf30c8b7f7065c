import type { Tool } from './tool.ts'

/** Who wrote the message that a run answers, as the channel knows them; never what the message says. */
export interface Sender {
  readonly id: string
  readonly e164?: string
  readonly username?: string
  readonly name?: string
}

/** Everything a rule may look at. Answered anew for each call: a policy that changed holds at once. */
export interface PolicyQuestion {
  readonly tool: Tool
  readonly agentId: string
  readonly sessionKey: string
  /** How the call came: inside a run, or from a program. */
  readonly surface: 'run' | 'http' | 'rpc' | 'mcp'
  readonly isOwner: boolean
  /** `provider/model` of the run. */
  readonly model?: string
  readonly channel?: string
  readonly group?: string
  readonly sender?: Sender
  readonly isSandboxed?: boolean
  readonly subagentDepth?: number
}

export interface PolicyStep {
  /** Name of the rule: profile, provider profile, allow, deny, agent, sender, sandbox, subagent, http, owner. */
  readonly step: string
  readonly verdict: 'passes' | 'denied'
  /** The setting that says so, in words for people. */
  readonly because: string
}

export interface PolicyVerdict {
  readonly allowed: boolean
  /** Every rule up to the one that denied. */
  readonly steps: readonly PolicyStep[]
}

export interface Policy {
  judge (question: PolicyQuestion): PolicyVerdict
  /** The same without the reasons. */
  allows (question: PolicyQuestion): boolean
}
