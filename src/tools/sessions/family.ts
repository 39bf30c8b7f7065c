/** The helpers of a conversation, as the tool `subagents` shows them. */
import { parseKey } from '../../sessions/keys.ts'
import type { SessionRecord, SpawnFacts } from '../../sessions/record.ts'
import type { ToolContext } from '../tool.ts'
import { modelOf } from './fields.ts'
import type { SessionToolSources } from './ports.ts'
import { descends } from './visibility.ts'

export type Helper = SessionRecord & { readonly spawn: SpawnFacts }

const maxListed = 100
const maxTaskChars = 200

const words: { readonly [outcome in NonNullable<SpawnFacts['outcome']>]: string } = {
  ok: 'done', error: 'failed', aborted: 'killed', timeout: 'timeout', interrupted: 'interrupted', cancelled: 'cancelled'
}

export const isActive = ({ spawn }: Pick<Helper, 'spawn'>): boolean => spawn.outcome === undefined
const statusOf = ({ spawn }: Helper): string => spawn.outcome === undefined ? 'running' : words[spawn.outcome]
const isHelper = (record: SessionRecord): record is Helper => record.spawn !== undefined

/** Everything that this conversation began, itself or through others, newest first. */
export function helpersOf ({ sessionKey }: ToolContext, { sessions }: SessionToolSources): Helper[] {
  const helpers: Helper[] = []
  for (const record of sessions.records()) {
    if (isHelper(record) && descends(record.key, sessionKey, key => sessions.get(key))) helpers.push(record)
  }
  return helpers.sort((a, b) => b.spawn.startedAtMs - a.spawn.startedAtMs)
}

function rowOf (helper: Helper, index: number, helpers: readonly Helper[], sources: SessionToolSources): object {
  const { key, spawn, label, totalTokens } = helper
  const runtimeMs = (spawn.endedAtMs ?? sources.now()) - spawn.startedAtMs
  const model = modelOf(helper, sources)
  return {
    index,
    runId: spawn.runId,
    taskId: spawn.runId,
    sessionKey: key,
    ...(label ? { label } : {}),
    task: sources.redact(spawn.task.slice(0, maxTaskChars)),
    status: statusOf(helper),
    pendingDescendants: helpers.filter(other => other.spawnedBy === key && isActive(other)).length,
    runtime: runtimeMs < 1000 ? `${runtimeMs}ms` : `${Math.round(runtimeMs / 1000)}s`,
    runtimeMs,
    ...(model ? { model: `${model.provider}/${model.model}` } : {}),
    ...(totalTokens === undefined ? {} : { totalTokens }),
    startedAt: spawn.startedAtMs,
    ...(spawn.endedAtMs === undefined ? {} : { endedAt: spawn.endedAtMs }),
    ...(spawn.reason ? { reason: spawn.reason } : {})
  }
}

function taskOf (helper: Helper, { redact }: SessionToolSources): object {
  const { spawn, label, preview } = helper
  const last = preview?.at(-1)?.text
  return {
    taskId: spawn.runId,
    runtime: 'subagent',
    deliveryStatus: spawn.report ?? 'pending',
    execution: { state: isActive(helper) ? 'running' : 'finished' },
    status: spawn.outcome === 'ok' ? 'completed' : statusOf(helper),
    ...(label ? { label } : {}),
    ...(last ? { progressSummary: redact(last.slice(0, maxTaskChars)) } : {})
  }
}

export function listing (
  action: string, helpers: readonly Helper[], recentMinutes: number, context: ToolContext, sources: SessionToolSources
): object {
  const since = sources.now() - recentMinutes * 60_000
  const active = helpers.filter(isActive).slice(0, maxListed)
  const recent = helpers.filter(helper => !isActive(helper) && helper.spawn.endedAtMs! >= since).slice(0, maxListed)
  const shown = [...active, ...recent]
  const lines = shown.map((helper, at) => `${at + 1}. ${helper.label ?? helper.key}: ${statusOf(helper)}`)
  const rows = shown.map((helper, at) => rowOf(helper, at + 1, helpers, sources))
  return {
    status: 'ok',
    action,
    requesterSessionKey: context.sessionKey,
    callerSessionKey: context.sessionKey,
    callerIsSubagent: parseKey(context.sessionKey).kind === 'subagent',
    total: shown.length,
    taskTotal: shown.length,
    tasks: shown.map(helper => taskOf(helper, sources)),
    active: rows.slice(0, active.length),
    recent: rows.slice(active.length),
    subagents: rows,
    text: lines.join('\n') || 'This conversation has no helpers.'
  }
}

/** The helper that is meant by its run, its key, its label or its place in the list. */
export function pick (helpers: readonly Helper[], taskId: string): Helper | undefined {
  const ordered = [...helpers.filter(isActive), ...helpers.filter(helper => !isActive(helper))]
  return helpers.find(({ key, spawn, label }) => spawn.runId === taskId || key === taskId || label === taskId) ??
    (/^\d{1,4}$/.test(taskId) ? ordered[Number(taskId) - 1] : undefined)
}
