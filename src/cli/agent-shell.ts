import { CommandFailure } from './failure.ts'

const speaking: ReadonlySet<string> = new Set([
  'agent', 'chat.inject', 'chat.send', 'conversations.send', 'conversations.turn', 'message.action', 'poll', 'send', 'sessions.send', 'sessions.steer',
  'tools.invoke'
])

/** An agent that may run commands must not speak or act for its user this way: its own tools do that, under rules of their own. */
export function refuseInAgentShell (doing: string, method: string, env: NodeJS.ProcessEnv): void {
  if (env['OPENCLAW_SHELL'] !== 'exec' || !speaking.has(method)) return
  throw new CommandFailure(`${doing} failed: ${method} speaks or acts for its user and is refused inside the shell of an agent.`)
}
