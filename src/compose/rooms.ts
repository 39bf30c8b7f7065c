/** The rooms as methods see them. */
import { join } from 'node:path'
import { readSystemInfo } from '../host/system-info.ts'
import { loadOrCreateDeviceIdentity } from '../lib/device-identity.ts'
import { createTail } from '../log/continued-tail.ts'
import type { Rooms } from '../methods/rooms.ts'
import type { Parts } from './parts.ts'
import { composeNodes } from './nodes.ts'
import { reachableUrl } from './reachable-url.ts'

/** Whoever may decide and says that it shows such questions to a person. */
export function hasApprover (connections: Rooms['connections'], kind: string): boolean {
  return Iterator.from(connections.connected()).some(({ caps, caller, state }) =>
    state === 'connected' && caller?.allows.has('operator.approvals') === true && (caps.has('approvals') || caps.has(`${kind}-approvals`)))
}

export function composeRooms (parts: Parts, more: Pick<Rooms, 'devices' | 'connections'>): Rooms {
  const tell = async (sessionKey: string, text: string) => await parts.automation.wake({ mode: 'now', sessionKey, text, isOwner: false })
  const { options, host, port, bootId } = parts
  const { logging, paths, version } = options
  const tail = createTail(logging.redactor.redactText)
  return {
    version,
    now: parts.now,
    health: host.health,
    presence: host.presence,
    lifecycle: host.lifecycle,
    eventLoop: host.eventLoop,
    incidents: host.incidents,
    events: parts.events,
    sessions: parts.conversation.sessions,
    models: parts.conversation.models,
    runs: parts.conversation.runs,
    runtimes: parts.conversation.runtimes,
    tools: parts.conversation.tools,
    plugins: parts.plugins,
    channels: parts.channels,
    automation: parts.automation,
    nodes: composeNodes({ ...parts, ...more, ...options, now: parts.now, tools: parts.conversation.tools, tell }),
    memory: parts.conversation.memory,
    audit: parts.watch.audit,
    ...more,
    keys: parts.keys,
    config: parts.live.current,
    reloadConfig: parts.live.reload,
    readConfig: parts.live.written,
    changeConfig: parts.live.change,
    reloads: parts.reload,
    agents: host.agents,
    roster: parts.conversation.roster,
    approvals: parts.conversation.commands.approvals,
    approvalsDocument: parts.conversation.commands.document,
    tailLog: async params => {
      const file = logging.filePath()
      if (file === null) return { file: '(no log file)', cursor: 0, size: 0, lines: [], truncated: false, reset: false }
      return tail({ file, ...params })
    },
    gatewayIdentity: async () => {
      const { deviceId, publicKey } = await loadOrCreateDeviceIdentity(join(paths.stateDir, 'identity', 'gateway.json'))
      return { deviceId, publicKey }
    },
    authMode: parts.authMode,
    systemInfo: () => readSystemInfo({ port, bootId, stateDir: paths.stateDir, uptimeMs: host.lifecycle.uptimeMs }),
    reachableUrl: publicUrl => reachableUrl({ ...options, port: port() }, publicUrl)
  }
}
