import type { Runs } from '../agent/room.ts'
import type { SessionTools } from '../tools/sessions/index.ts'
import type { SessionToolSources } from '../tools/sessions/ports.ts'
import { createSpawns } from '../tools/sessions/spawns.ts'
import type { ToolsRoom } from '../tools/tools.ts'

/** Rooms that come after the tools, and that tools reach back into. Asked for when a tool is used: by then they are there. */
export interface LaterRooms {
  readonly runs: () => Runs
  readonly tools: () => ToolsRoom
}

/** Tools never see the agent room: they get a narrow port to it. */
export function composeSessionTools (sources: Omit<SessionToolSources, 'runs' | 'allowed'>, { runs, tools }: LaterRooms): SessionTools {
  const conversations: SessionToolSources = {
    ...sources,
    allowed: facts => tools().allowed(facts),
    runs: {
      start: async order => await runs().start(order),
      wait: async (runId, timeoutMs, signal) => await runs().wait(runId, timeoutMs, signal),
      abort: async what => await runs().abort(what),
      active: sessionKey => runs().active(sessionKey),
      pending: sessionKey => runs().pending(sessionKey)
    }
  }
  return { conversations, spawns: createSpawns(conversations) }
}

/** Helpers that an earlier process left are settled when its runs have been looked at. */
export const recoverWith = (runs: Runs, { spawns }: SessionTools): Runs => ({
  ...runs,
  async recover () {
    const counts = await runs.recover()
    await spawns.recover()
    return counts
  }
})
