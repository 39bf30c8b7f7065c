/** Tools that nodes bring: each is a tool of the agents here for as long as its node is, and may be asked for what the tool does. */
import { wrapResult } from '../tools/guards/untrusted.ts'
import type { ToolRegistry } from '../tools/registry.ts'
import type { Tool, ToolResult } from '../tools/tool.ts'
import { createBrought } from './brought.ts'
import type { InvokeReply, Nodes, NodePeer, NodeVoice, Refusal, Taken } from './room.ts'

export interface NodeTool {
  readonly pluginId: string
  readonly name: string
  readonly description: string
  readonly parameters?: object
  readonly command?: string
  readonly mcp?: { readonly server: string, readonly tool: string }
}

export interface Offers {
  /** Takes the place of what this node offered before. */
  take (voice: NodeVoice, tools: readonly NodeTool[]): Taken
  /** Those that are tools here. */
  of (nodeId: string): readonly NodeTool[]
  /** Something else may be asked of nodes than before. */
  settle (): void
}

export interface OffersOptions {
  readonly registry: Pick<ToolRegistry, 'add' | 'remove'>
  readonly isEnabled: () => boolean
  readonly peer: (nodeId: string) => NodePeer | undefined
  readonly refusal: Refusal
  readonly invoke: Nodes['invoke']
}

const mcpCommand = 'mcp.tools.call.v1'
const callTimeoutMs = 120_000
const maxResultChars = 200_000
const maxSchemaChars = 64_000
const switchedOff = 'gateway.nodes.pluginTools.enabled is false'
const taken = 'another tool has this name'

const commandOf = ({ command, mcp }: NodeTool): string | undefined => command ?? (mcp ? mcpCommand : undefined)

/** What came back is the node's word, and is read between marks. */
function resultOf ({ payload, payloadJSON }: InvokeReply, from: string): ToolResult {
  const { content } = (payload ?? {}) as { content?: unknown }
  const texts = Array.isArray(content)
    ? content.flatMap(part => part?.type === 'text' && typeof part.text === 'string' ? [part.text as string] : [])
    : [typeof payload === 'string' ? payload : payloadJSON ?? '']
  return wrapResult({ content: [{ type: 'text', text: texts.join('\n').slice(0, maxResultChars) }], details: payload }, from)
}

interface Offered { readonly nodeId: string, readonly tool: NodeTool }

export function createOffers ({ registry, isEnabled, peer, refusal, invoke }: OffersOptions): Offers {
  const brought = createBrought<readonly NodeTool[]>({ peer, gone: settle })
  let candidates: readonly Offered[] = []
  let offered: readonly Offered[] = []

  function toolOf ({ nodeId, tool }: Offered): Tool {
    const { name, description, mcp, pluginId } = tool
    return {
      name,
      description: `Of a node, in its own words: ${description}`,
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
    if (!isEnabled()) return switchedOff
    const command = commandOf(tool)
    if (command === undefined) return 'it names neither a command nor an MCP tool'
    if (JSON.stringify(tool.parameters ?? {}).length > maxSchemaChars) return `its parameters take more than ${maxSchemaChars} characters`
    return refusal(nodeId, command)
  }

  /** Names that one node gives up are another's, so all are given out anew. */
  function settle (): void {
    const fitting = brought.all().flatMap(([nodeId, tools]) => tools.map(tool => ({ nodeId, tool })))
      .filter(({ nodeId, tool }) => problemOf(nodeId, tool) === undefined)
    const isAsBefore = fitting.length === candidates.length && fitting.every(({ tool }, index) => tool === candidates[index]!.tool)
    if (isAsBefore) return
    candidates = fitting
    registry.remove(offered.map(({ tool: { name } }) => name))
    offered = fitting.filter(each => registry.add([toolOf(each)]).length === 0)
  }

  const of = (nodeId: string): readonly NodeTool[] => offered.filter(each => each.nodeId === nodeId).map(({ tool }) => tool)

  return {
    take (voice, wanted) {
      const { nodeId } = voice
      if (!brought.keep(voice, wanted)) {
        const reason = 'this connection does not speak for the node any more'
        return { ok: true, accepted: [], refused: wanted.map(({ name }) => ({ name, reason })) }
      }
      settle()
      const accepted = new Set(of(nodeId))
      return {
        ok: true,
        accepted: [...accepted].map(({ name }) => name),
        refused: wanted.filter(tool => !accepted.has(tool)).map(tool => ({ name: tool.name, reason: problemOf(nodeId, tool) ?? taken }))
      }
    },
    of,
    settle
  }
}
