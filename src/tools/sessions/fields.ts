/** What the tools show of a conversation. */
import { parseKey } from '../../sessions/keys.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import type { SessionToolSources } from './ports.ts'

export interface ModelName { readonly provider: string, readonly model: string }

const kinds: { readonly [kind: string]: string } = { main: 'main', group: 'group', channel: 'group', cron: 'cron', hook: 'hook', node: 'node' }

/** The few words that callers tell conversations apart by; everything without one of them is `other`. */
export const kindOf = (key: string): string => kinds[parseKey(key).kind] ?? 'other'

export const depthOf = ({ key, spawnDepth }: Pick<SessionRecord, 'key' | 'spawnDepth'>): number =>
  spawnDepth ?? (parseKey(key).kind === 'subagent' ? 1 : 0)

/** What it would run on now. */
export function modelOf (record: SessionRecord, { sessions }: Pick<SessionToolSources, 'sessions'>): ModelName | undefined {
  const { model } = sessions.factsOf(record)
  const provider = record.providerOverride ?? model?.provider ?? record.modelProvider
  const name = record.modelOverride ?? model?.model ?? record.model
  return provider && name ? { provider, model: name } : undefined
}

export const channelOf = ({ key, channel, lastChannel }: SessionRecord): string => channel ?? lastChannel ?? parseKey(key).channel ?? 'unknown'

/** How far the conversation has come: grows with every line of it. */
export const stateVersionOf = ({ lastSeq = 0 }: Pick<SessionRecord, 'lastSeq'>): number => lastSeq

/** The fields that programs know a session by, whichever tool tells of it. */
export function sessionFields (record: SessionRecord, sources: Pick<SessionToolSources, 'sessions'>): object {
  const model = modelOf(record, sources)
  return {
    sessionKey: record.key,
    sessionId: record.sessionId,
    agentId: record.agentId,
    ...(model ? { modelId: `${model.provider}/${model.model}` } : {}),
    channel: channelOf(record),
    created: new Date(record.createdAt).toISOString(),
    active: record.status === 'running',
    subagentDepth: depthOf(record),
    stateVersion: stateVersionOf(record)
  }
}
