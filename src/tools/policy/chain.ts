/** May this tool be used here and now? One list of rules; each may take away, none gives back. */
import { agentEntry, type AgentEntry } from '../../config/agent-entries.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { Config } from '../../config/schema.ts'
import { named, type NamedTool } from '../names.ts'
import type { Policy, PolicyQuestion, PolicyStep } from '../policy.ts'
import type { Tool } from '../tool.ts'
import { isForOwner, judgeReach } from './closed.ts'
import { allowingEntry, entryFor } from './patterns.ts'
import { denied, judgeProfile, judgeScope, passes, readScope, type Finding, type Scope } from './scope.ts'
import { groupScope, senderScope } from './senders.ts'

interface Settings {
  readonly config: Config
  readonly agent: AgentEntry | undefined
}

/** The question as the rules get it. */
type Asked = Omit<PolicyQuestion, 'tool'> & { readonly tool: NamedTool }

interface Rule {
  readonly step: string
  judge (question: Asked, settings: Settings): Finding
}

type ByProvider = { readonly [provider: string]: Scope | undefined }

/** The entry for this very model, else the one for its provider. */
function ofProvider (byProvider: ByProvider | undefined, model: string | undefined): { scope: Scope | undefined, name: string } {
  const wanted = model?.toLowerCase() ?? ''
  const keys = Object.keys(byProvider ?? {})
  const name = keys.find(key => key.toLowerCase() === wanted) ?? keys.find(key => key.toLowerCase() === wanted.split('/', 1)[0]) ?? 'none'
  return { scope: byProvider?.[name], name }
}

const agentAt = ({ agentId }: Pick<Asked, 'agentId'>): string => `agents.entries.${agentId}.tools`

interface AgentScope extends Scope {
  readonly byProvider?: ByProvider
  readonly toolsBySender?: unknown
  readonly sandbox?: unknown
}
const toolsOf = ({ agent }: Settings): AgentScope => agent?.tools as AgentScope | undefined ?? {}

/** What a sandboxed agent has unless the configuration says otherwise: its hands inside the box, and its own conversations. */
const sandboxDefault: Scope = {
  allow: ['group:fs', 'group:runtime', 'group:sessions', 'group:memory', 'image', 'view_image'],
  deny: ['browser', 'canvas', 'nodes', 'computer', 'cron', 'automations', 'gateway', 'plugins', 'openclaw']
}

/** What the main agent does for its helpers. No list gives it back to them. */
const neverForSubagents = ['gateway', 'agents_list', 'progress_card', 'cron', 'automations', 'message', 'sessions_send', 'conversations_*']
/** What a helper without helpers of its own has no use for. */
const notAtTheBottom = ['subagents', 'sessions_list', 'sessions_history', 'sessions_spawn']

function judgeSandbox ({ tool, isSandboxed, agentId }: Asked, settings: Settings): Finding {
  if (!isSandboxed) return passes('not sandboxed')
  const ofAgent = readScope((toolsOf(settings).sandbox as { tools?: unknown } | undefined)?.tools)
  const own = ofAgent ?? readScope((settings.config.tools.sandbox as { tools?: unknown } | undefined)?.tools)
  const at = ofAgent ? `${agentAt({ agentId })}.sandbox.tools` : own ? 'tools.sandbox.tools' : 'the default of sandboxes'
  const scope = own?.allow ? own : { ...sandboxDefault, ...own, deny: own?.deny ?? sandboxDefault.deny! }
  return judgeScope(tool, scope, at)
}

function judgeSubagent ({ tool, subagentDepth = 0 }: Asked, { config, agent }: Settings): Finding {
  if (subagentDepth < 1) return passes('not a subagent')
  const never = entryFor(tool, neverForSubagents)
  if (never !== undefined) return denied('subagents never have it')
  const deepest = agent?.subagents?.maxSpawnDepth ?? config.agents.defaults.subagents.maxSpawnDepth
  if (subagentDepth >= deepest && entryFor(tool, notAtTheBottom) !== undefined) {
    return denied(`agents.defaults.subagents.maxSpawnDepth is ${deepest}, and subagents at that depth do not have it`)
  }
  return judgeScope(tool, readScope((config.tools.subagents as { tools?: unknown } | undefined)?.tools), 'tools.subagents.tools')
}

const isProgram = ({ surface }: Asked): boolean => surface !== 'run'

const rules: readonly Rule[] = [
  {
    step: 'profile',
    judge (question, settings) {
      const own = toolsOf(settings)
      const { profile, alsoAllow = [] } = settings.config.tools
      const more = [...alsoAllow, ...own.alsoAllow ?? []]
      return own.profile === undefined
        ? judgeProfile(question.tool, profile, 'tools.profile', more)
        : judgeProfile(question.tool, own.profile, `${agentAt(question)}.profile`, more)
    }
  },
  {
    step: 'provider profile',
    judge (question, settings) {
      const own = ofProvider(toolsOf(settings).byProvider, question.model)
      const general = ofProvider(settings.config.tools.byProvider, question.model)
      return own.scope?.profile === undefined
        ? judgeProfile(question.tool, general.scope?.profile, `tools.byProvider["${general.name}"].profile`, general.scope?.alsoAllow)
        : judgeProfile(question.tool, own.scope.profile, `${agentAt(question)}.byProvider["${own.name}"].profile`, own.scope.alsoAllow)
    }
  },
  { step: 'allow and deny', judge: ({ tool }, { config }) => judgeScope(tool, config.tools as Scope, 'tools') },
  {
    step: 'provider',
    judge ({ tool, model }, { config }) {
      const { scope, name } = ofProvider(config.tools.byProvider, model)
      return judgeScope(tool, scope, `tools.byProvider["${name}"]`)
    }
  },
  { step: 'agent', judge: (question, settings) => judgeScope(question.tool, toolsOf(settings), agentAt(question)) },
  {
    step: 'agent provider',
    judge (question, settings) {
      const { scope, name } = ofProvider(toolsOf(settings).byProvider, question.model)
      return judgeScope(question.tool, scope, `${agentAt(question)}.byProvider["${name}"]`)
    }
  },
  {
    step: 'group',
    judge (question, { config }) {
      const found = groupScope(config, question)
      return found ? judgeScope(question.tool, found.scope, found.at) : passes('no rule for this group')
    }
  },
  {
    step: 'sender',
    judge (question, settings) {
      const found = senderScope(settings.config, question, toolsOf(settings).toolsBySender)
      return found ? judgeScope(question.tool, found.scope, found.at) : passes('no rule for this sender')
    }
  },
  {
    step: 'optional',
    judge ({ tool, agentId }, settings) {
      if (!tool.tool.optional) return passes('not an optional tool')
      const { config: { tools } } = settings
      const own = toolsOf(settings)
      const entries = [...tools.allow ?? [], ...tools.alsoAllow ?? [], ...own.allow ?? [], ...own.alsoAllow ?? []]
      const found = allowingEntry(tool, entries.filter(entry => entry.trim() !== '*'))
      return found === undefined ? denied(`it is optional, and neither tools.alsoAllow nor ${agentAt({ agentId })}.alsoAllow names it`) : passes(`an allow list has "${found}"`)
    }
  },
  { step: 'sandbox', judge: judgeSandbox },
  { step: 'subagent', judge: judgeSubagent },
  {
    step: 'reach',
    judge: (question, { config }) => isProgram(question) ? judgeReach(question.tool, config.gateway.tools.allow, question.isOwner) : passes('called by a run')
  },
  {
    step: 'owner',
    judge: ({ tool, isOwner }) => isOwner ? passes('the owner of the gateway asks') : isForOwner(tool) ? denied('for the owner of the gateway only') : passes('for everybody')
  },
  {
    step: 'gateway deny',
    judge: (question, { config }) => isProgram(question) ? judgeScope(question.tool, { deny: config.gateway.tools.deny }, 'gateway.tools') : passes('called by a run')
  }
]

/** In the order in which they are asked. */
export const policySteps: readonly string[] = rules.map(({ step }) => step)

export function createPolicy ({ config }: { readonly config: () => LoadedConfig }): Policy {
  // Names are put into their one spelling once for each tool.
  const known = new WeakMap<Tool, NamedTool>()

  function askedOf (question: PolicyQuestion): Asked {
    let tool = known.get(question.tool)
    if (!tool) known.set(question.tool, tool = named(question.tool))
    return { ...question, tool }
  }

  function settingsFor (agentId: string): Settings {
    const current = config().config
    return { config: current, agent: agentEntry(current, agentId) }
  }

  return {
    judge (question) {
      const settings = settingsFor(question.agentId)
      const asked = askedOf(question)
      const steps: PolicyStep[] = []
      for (const { step, judge } of rules) {
        const { denied, because } = judge(asked, settings)
        steps.push({ step, verdict: denied ? 'denied' : 'passes', because })
        if (denied) return { allowed: false, steps }
      }
      return { allowed: true, steps }
    },
    allows (question) {
      const settings = settingsFor(question.agentId)
      const asked = askedOf(question)
      return rules.every(({ judge }) => !judge(asked, settings).denied)
    }
  }
}
