import type { Tool } from './tool.ts'

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
  readonly sender?: string
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
