/** Tools that nodes bring: each is a tool of the agents here for as long as its node is. */
import { wrapResult } from '../tools/guards/untrusted.ts'
import type { ToolRegistry } from '../tools/registry.ts'
import type { Tool, ToolResult } from '../tools/tool.ts'
import type { InvokeReply, Nodes, NodePeer, NodeVoice } from './room.ts'

export interface NodeTool {
  readonly pluginId: string
  readonly name: string
  readonly description: string
  readonly parameters?: object
  readonly command?: string
  readonly mcp?: { readonly server: string, readonly tool: string }
}

export interface Taken {
  readonly ok: true
  readonly accepted: readonly string[]
  readonly refused: ReadonlyArray<{ readonly name: string, readonly reason: string }>
}

export interface Offers {
  /** Takes the place of what this node offered before. */
  tools (voice: NodeVoice, tools: readonly NodeTool[]): Taken
  skills (skills: ReadonlyArray<{ readonly name: string }>): Taken
  of (nodeId: string): readonly NodeTool[]
}

export interface OffersOptions {
  readonly registry: Pick<ToolRegistry, 'add' | 'remove'>
  readonly isEnabled: () => boolean
  readonly peer: (nodeId: string) => NodePeer | undefined
  readonly refusal: Nodes['refusal']
  readonly invoke: Nodes['invoke']
}

const mcpCommand = 'mcp.tools.call.v1'
const callTimeoutMs = 120_000
const maxResultChars = 200_000

const commandOf = ({ command, mcp }: NodeTool): string | undefined => command ?? (mcp ? mcpCommand : undefined)

/** What came back is the node's word, and is read between marks. */
function resultOf ({ payload, payloadJSON }: InvokeReply, from: string): ToolResult {
  const { content } = (payload ?? {}) as { content?: unknown }
  const texts = Array.isArray(content)
    ? content.flatMap(part => part?.type === 'text' && typeof part.text === 'string' ? [part.text as string] : [])
    : [typeof payload === 'string' ? payload : payloadJSON ?? '']
  return wrapResult({ content: [{ type: 'text', text: texts.join('\n').slice(0, maxResultChars) }], details: payload }, from)
}

export function createOffers ({ registry, isEnabled, peer, refusal, invoke }: OffersOptions): Offers {
  const offered = new Map<string, { readonly connectionId: string, readonly tools: readonly NodeTool[] }>()

  function withdraw (nodeId: string): void {
    const before = offered.get(nodeId)
    offered.delete(nodeId)
    if (before) registry.remove(before.tools.map(({ name }) => name))
  }

  function toolOf (nodeId: string, tool: NodeTool): Tool {
    const { name, description, mcp, pluginId } = tool
    return {
      name,
      description,
      parameters: tool.parameters ?? { type: 'object', properties: {} },
      capability: 'node',
      groups: ['nodes', 'plugins'],
      origin: { kind: 'plugin', id: pluginId, toolName: name },
      reach: 'run',
      effects: true,
      async run (args, { signal, callId, sessionKey }) {
        const params = mcp ? { server: mcp.server, tool: mcp.tool, arguments: args } : args
        const request = { nodeId, command: commandOf(tool)!, params, timeoutMs: callTimeoutMs, idempotencyKey: callId, sessionKey }
        return resultOf(await invoke(request, signal), `tool ${name} of a node`)
      }
    }
  }

  function problemOf (nodeId: string, tool: NodeTool): string | undefined {
    const command = commandOf(tool)
    return command === undefined ? 'it names neither a command nor an MCP tool' : refusal(nodeId, command)
  }

  return {
    tools ({ nodeId, connectionId }, wanted) {
      withdraw(nodeId)
      const here = peer(nodeId)
      if (!isEnabled() || here?.connectionId !== connectionId) {
        const reason = isEnabled() ? 'this connection does not speak for the node any more' : 'gateway.nodes.pluginTools.enabled is false'
        return { ok: true, accepted: [], refused: wanted.map(({ name }) => ({ name, reason })) }
      }
      const judged = wanted.map(tool => ({ tool, reason: problemOf(nodeId, tool) }))
      const fitting = judged.flatMap(({ tool, reason }) => reason === undefined ? [tool] : [])
      const taken = new Set(registry.add(fitting.map(tool => toolOf(nodeId, tool))))
      const accepted = fitting.filter(({ name }) => !taken.has(name))
      offered.set(nodeId, { connectionId, tools: accepted })
      here.signal.addEventListener('abort', () => { if (offered.get(nodeId)?.connectionId === connectionId) withdraw(nodeId) }, { once: true })
      const refused = [
        ...judged.flatMap(({ tool: { name }, reason }) => reason === undefined ? [] : [{ name, reason }]),
        ...[...taken].map(name => ({ name, reason: 'another tool has this name' }))
      ]
      return { ok: true, accepted: accepted.map(({ name }) => name), refused }
    },
    skills: skills => ({
      ok: true, accepted: [], refused: skills.map(({ name }) => ({ name, reason: 'agents of this gateway learn from their own workspaces only' }))
    }),
    of: nodeId => offered.get(nodeId)?.tools ?? []
  }
}
