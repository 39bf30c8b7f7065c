/** The tools that agents of this gateway have, and the one policy between them and whoever wants to use them. */
import type { BuiltinSources } from './builtin/index.ts'
import { circumstancesOf, type Circumstances } from './circumstances.ts'
import type { InvokeOutcome, InvokeRequest } from './invocation.ts'
import { createInvoke, type InvokeSources } from './invoke.ts'
import { createMcp, type Mcp, type McpSources } from './mcp/mcp.ts'
import { wants } from './mcp/wanted.ts'
import { createPolicy } from './policy/chain.ts'
import type { Policy, PolicyQuestion, PolicyVerdict } from './policy.ts'
import { createRegistry, type ToolRegistry } from './registry.ts'
import type { RunFacts, Tool, ToolResult, Tools } from './tool.ts'

export type ToolsOptions = BuiltinSources & InvokeSources & { readonly mcp: Omit<McpSources, 'config'> }

export interface ToolsRoom extends Tools {
  /** Loads the tools of the gateway with the first call: they are there before anybody adds one of the same name. */
  registry (): Promise<ToolRegistry>
  readonly mcp: Mcp
  /** Before the tools of these circumstances are asked for: servers that they may use say what they have, within bounds. */
  prepare (facts: RunFacts & Partial<Pick<PolicyQuestion, 'surface'>>): Promise<void>
  /** The same for the one tool of this name. */
  prepareFor (name: string, facts: RunFacts & Pick<PolicyQuestion, 'surface'>): Promise<void>
  invoke (request: InvokeRequest): Promise<InvokeOutcome>
  /** Every tool with what the policy says of it; undefined for a name that no tool has. */
  why (name: string, facts: RunFacts & Pick<PolicyQuestion, 'surface'>): Promise<{ readonly tool: Tool, readonly verdict: PolicyVerdict } | undefined>
  /** After `prepare`, as all that is asked about many tools. */
  allowed (facts: RunFacts & Pick<PolicyQuestion, 'surface'>): readonly Tool[]
}

const refused = (text: string): ToolResult => ({ content: [{ type: 'text', text }], details: { status: 'error', error: text }, isError: true })

/** What a server of somebody else answers is no word of ours: the model reads it between marks. Programs get it as it is. */
async function marked (result: ToolResult, { name }: Tool): Promise<ToolResult> {
  const { wrapResult } = await import('./guards/untrusted.ts')
  return wrapResult(result, `MCP tool ${name}`)
}

/** The tool for one run: the policy is asked again at each call, because it may have changed since the run began. */
function guarded (tool: Tool, policy: Policy, { sender, channel }: RunFacts, circumstances: () => Circumstances): Tool {
  // What a session is called tells whom it is with, and proves nothing.
  const from = sender && channel !== undefined ? { from: { ...sender, channel } } : {}
  return {
    ...tool,
    async run (args, context) {
      const { allowed, steps } = policy.judge({ ...circumstances(), isOwner: context.isOwner === true, tool })
      if (!allowed) return refused(`${tool.name} is not allowed any more: ${steps.at(-1)?.because ?? 'the policy changed'}.`)
      const result = await tool.run(args, { ...context, ...from })
      return tool.origin?.kind === 'mcp' ? await marked(result, tool) : result
    }
  }
}

/** Circumstances that are remembered: every session that is at work, and its programs. */
const maxRemembered = 256

/** The same circumstances under the same configuration have the same tools, and asking every rule about every tool takes its time. */
function createAllowed (loaded: () => ToolRegistry, policy: Policy, config: ToolsOptions['config']): (circumstances: Circumstances) => readonly Tool[] {
  const answers = new Map<string, readonly Tool[]>()
  let of: { readonly loaded: unknown, readonly revision: number } | undefined

  return circumstances => {
    const registry = loaded()
    const now = { loaded: config(), revision: registry.revision() }
    if (of?.loaded !== now.loaded || of.revision !== now.revision) answers.clear()
    of = now
    // No rule looks at the name of a conversation, and there are as many of them as requests.
    const name = JSON.stringify({ ...circumstances, sessionKey: '' })
    const known = answers.get(name)
    if (known) return known
    if (answers.size >= maxRemembered) answers.delete(answers.keys().next().value!)
    const tools = registry.all().filter(tool => policy.allows({ ...circumstances, tool }))
    answers.set(name, tools)
    return tools
  }
}

/** What a tool is made of is some forty files, and nobody needs one before somebody asks what there is. */
function createLateRegistry (options: ToolsOptions) {
  let registry: ToolRegistry | undefined
  let loading: Promise<ToolRegistry> | undefined
  async function load (): Promise<ToolRegistry> {
    const { builtinTools } = await import('./builtin/index.ts')
    registry = createRegistry(builtinTools(options))
    return registry
  }
  return {
    load () {
      // What could not be read now may be readable with the next request.
      loading ??= load().catch((error: unknown) => {
        loading = undefined
        throw error
      })
      return loading
    },
    loaded () {
      if (!registry) throw new Error('tools were asked for before they were prepared')
      return registry
    }
  }
}

export function createTools (options: ToolsOptions): ToolsRoom {
  const { load: registry, loaded } = createLateRegistry(options)
  const policy = createPolicy(options)

  const remembered = createAllowed(loaded, policy, options.config)
  const allowed: ToolsRoom['allowed'] = facts => remembered(circumstancesOf(facts, options))
  const mcp = createMcp({ ...options.mcp, config: options.config, registry })

  const isWanted = (circumstances: Circumstances) => (sample: Tool): boolean =>
    policy.allows({ ...circumstances, tool: sample }) || wants(options.config().config, circumstances.agentId, sample)

  const prepareFor = (name: string, circumstances: Circumstances): Promise<void> => mcp.prepareFor(name, isWanted(circumstances))

  return {
    registry,
    mcp,
    async prepare (facts) {
      await registry()
      await mcp.prepare(isWanted(circumstancesOf({ surface: 'run', ...facts }, options)))
    },
    prepareFor: async (name, facts) => await prepareFor(name, circumstancesOf(facts, options)),
    invoke: createInvoke({ registry, policy, allowed: remembered, prepareFor }, options),
    allowed,
    async why (name, facts) {
      const tool = (await registry()).find(name)
      return tool && { tool, verdict: policy.judge({ ...circumstancesOf(facts, options), tool }) }
    },
    forRun (run) {
      const facts = { ...run, surface: 'run' } as const
      return allowed(facts).map(tool => guarded(tool, policy, run, () => circumstancesOf(facts, options)))
    }
  }
}
