import { ToolBlocked } from '../invocation.ts'

/** A command that may only run in a sandbox, and there is none: it does not run. */
export class SandboxUnavailable extends ToolBlocked {
  constructor (why: string, remedy = '') {
    super(`Refused: this session runs its commands in a sandbox, and ${why}. ${remedy || 'Correct agents.defaults.sandbox, or that of the agent.'}`)
  }
}
