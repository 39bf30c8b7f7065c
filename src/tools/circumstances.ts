/** What the rules of the policy look at, found out for one run or one call. */
import { agentEntry } from '../config/agent-entries.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { parseKey } from '../sessions/keys.ts'
import type { SessionRecord } from '../sessions/record.ts'
import type { PolicyQuestion } from './policy.ts'
import type { RunFacts } from './tool.ts'

export type Circumstances = Omit<PolicyQuestion, 'tool'>

export interface CircumstanceSources {
  readonly config: () => LoadedConfig
  /** By canonical key. */
  readonly record: (key: string) => SessionRecord | undefined
  /** `provider/model` that an agent uses when a session has chosen none; undefined when there is none. */
  readonly modelOf?: (agentId: string) => string | undefined
}

/** Do tools of this conversation run in the sandbox? */
export function isSandboxed (config: Config, agentId: string, sessionKey: string): boolean {
  const mode = agentEntry(config, agentId)?.sandbox?.mode ?? config.agents.defaults.sandbox.mode
  return mode === 'all' || (mode === 'non-main' && parseKey(sessionKey).kind !== 'main')
}

/** Which model answers is looked up only where a rule asks for it. */
const asksForModel = (config: Config, agentId: string): boolean =>
  Object.keys(config.tools.byProvider).length > 0 || agentEntry(config, agentId)?.tools?.byProvider !== undefined

function modelOf (record: SessionRecord | undefined, agentId: string, sources: CircumstanceSources): string | undefined {
  const provider = record?.providerOverride ?? record?.modelProvider
  const model = record?.modelOverride ?? record?.model
  return provider && model ? `${provider}/${model}` : sources.modelOf?.(agentId)
}

type Facts = RunFacts & Pick<PolicyQuestion, 'surface'>

export function circumstancesOf (facts: Facts, sources: CircumstanceSources): Circumstances {
  const { agentId, sessionKey, surface, isOwner = false, sender } = facts
  const { config } = sources.config()
  const record = sources.record(sessionKey)
  const { kind, channel: keyChannel, peer } = parseKey(sessionKey)
  // What a program says about itself never stands against what the gateway knows.
  const channel = surface === 'run' ? facts.channel ?? keyChannel ?? record?.channel : keyChannel ?? record?.channel ?? facts.channel
  const isGroup = kind === 'group' || kind === 'channel'
  const group = facts.group ?? (isGroup ? peer : undefined)
  // Whoever a direct conversation is with has written what stands in it.
  const from = sender ?? (kind === 'direct' && peer !== undefined ? { id: peer } : undefined)
  const model = asksForModel(config, agentId) ? facts.model ?? modelOf(record, agentId, sources) : undefined
  return {
    agentId,
    sessionKey,
    surface,
    isOwner,
    isSandboxed: isSandboxed(config, agentId, sessionKey),
    subagentDepth: record?.spawnDepth ?? (kind === 'subagent' ? 1 : 0),
    ...(model === undefined ? {} : { model }),
    ...(channel === undefined ? {} : { channel: channel.toLowerCase() }),
    ...(group === undefined ? {} : { group }),
    ...(from === undefined ? {} : { sender: from })
  }
}
