/**
 * What was recorded of turns of the existing gateway (2026.9.6) with a model that says "w1 w2 w3 w4": which events come in which order, and
 * which fields each has. A row names the fields that every event of its kind had.
 */
import type { Frame } from '../helper.ts'

/** What an event says, in words that do not change from run to run. */
export function labelOf ({ event, payload }: Frame): string {
  if (event === 'chat') return `chat ${payload.state}${payload.phase ? ` ${payload.phase}` : ''}`
  if (event === 'agent') return `agent ${payload.stream}${payload.data.phase === undefined ? '' : ` ${payload.data.phase}`}`
  if (event === 'session.message') return `session.message ${payload.message.role}`
  if (event === 'sessions.changed') return `sessions.changed ${payload.reason ?? payload.phase}`
  return event
}

const run = 'runId sessionKey agentId seq'
const agent = `${run} stream data ts`

export const recordedFields: { readonly [label: string]: string } = {
  'agent assistant': `${agent} data.delta data.itemId data.text`,
  'agent item start': `${agent} data.commandBearing data.itemId data.kind data.name data.phase data.startedAt data.status data.title data.toolCallId isHeartbeat`,
  'agent item end': `${agent} data.commandBearing data.endedAt data.itemId data.kind data.name data.phase data.startedAt data.status data.title data.toolCallId isHeartbeat`,
  'agent lifecycle start': `${agent} sessionId data.phase data.startedAt`,
  'agent lifecycle model': `${agent} sessionId data.phase data.provider data.model`,
  'agent lifecycle finishing': `${agent} sessionId data.phase data.aborted data.endedAt data.livenessState`,
  'agent lifecycle end': `${agent} sessionId data.phase data.aborted data.endedAt data.startedAt data.stopReason`,
  'agent lifecycle error': `${agent} sessionId data.phase data.aborted data.endedAt data.error data.executionSettled data.startedAt`,
  'agent run_status preparing_workspace': `${agent} data.phase isHeartbeat`,
  'agent run_status preparing_context': `${agent} data.phase isHeartbeat`,
  'agent run_status starting_model': `${agent} data.phase isHeartbeat`,
  'agent usage': `${agent} data.outputTokens`,
  'chat aborted': `${run} state stopReason`,
  'chat delta': `${run} state deltaText message message.role message.content message.timestamp`,
  // The second error of theirs has no agentId.
  'chat error': 'runId sessionKey seq state errorMessage',
  'chat final': `${run} state message message.role message.content message.timestamp`,
  'chat status preparing_workspace': `${run} state phase`,
  'chat status preparing_context': `${run} state phase`,
  'chat status starting_model': `${run} state phase`,
  'session.message user': 'sessionKey agentId message message.role message.content message.timestamp message.idempotencyKey message.__openclaw ' +
    'message.__openclaw.id message.__openclaw.idempotencyKey message.__openclaw.recordTimestampMs message.__openclaw.senderIsOwner message.__openclaw.seq ' +
    'message.__openclaw.transport messageId messageSeq session updatedAt',
  'session.message assistant': 'sessionKey agentId message message.role message.content message.timestamp message.api message.provider message.model message.usage ' +
    'message.stopReason message.__openclaw message.__openclaw.id message.__openclaw.recordTimestampMs message.__openclaw.runId message.__openclaw.seq ' +
    'messageId messageSeq runId session updatedAt',
  'sessions.changed agent.run.started': 'sessionKey agentId reason session ts updatedAt',
  'sessions.changed agent.input.settled': 'sessionKey agentId reason session ts updatedAt',
  'sessions.changed create': 'sessionKey agentId reason session ts updatedAt',
  'sessions.changed patch': 'sessionKey agentId reason session ts updatedAt',
  'sessions.changed delete': 'reason ts'
}

/** Fields of the row that every event with a row had. */
export const recordedRowFields = 'agentId archived createdAt createdVia effectiveFastMode effectiveFastModeSource effectiveQueueMode effectiveResponseUsage ' +
  'fastAutoOnSeconds hasActiveRun isBackground isMain key kind model modelOverrideSource modelProvider permissionModePending pinned sessionId thinkingDefault ' +
  'thinkingLevels thinkingOptions totalTokensFresh unread updatedAt visibility activitySummary agentRuntime classification contextTokens runtimeSelectionLocked ' +
  'sharingRole snapshotAt'

const begun = ['chat status preparing_workspace', 'agent run_status preparing_workspace', 'chat status preparing_context', 'agent run_status preparing_context',
  'agent lifecycle start', 'chat status starting_model', 'agent run_status starting_model', 'agent lifecycle model']
const spoken = ['agent assistant', 'chat delta']
const ended = ['agent lifecycle finishing', 'agent lifecycle model', 'agent lifecycle end']

/** The events of a run, repeated ones once: how often text is told is a matter of pace. */
export const recordedOrder = {
  'chat.send': [...begun, ...spoken, 'agent usage', ...ended, 'chat delta', 'chat final'],
  agent: ['agent lifecycle start', 'agent lifecycle model', ...spoken, 'agent usage', ...ended, 'chat delta', 'chat final'],
  aborted: [...begun, ...spoken, 'chat aborted', 'agent lifecycle end', 'agent lifecycle model', 'agent lifecycle error'],
  failed: [...begun, 'agent lifecycle finishing', 'agent lifecycle model', 'agent lifecycle fallback_step', 'agent lifecycle error', 'chat error'],
  tool: [...begun, 'agent usage', 'agent item start', 'agent item end', 'agent lifecycle model', ...spoken, 'agent usage', ...ended, 'chat delta', 'chat final'],
  /** What a subscriber hears of the session and its transcript. */
  session: ['sessions.changed participants', 'session.message user', 'sessions.changed agent.run.started', 'sessions.changed start', 'sessions.changed model',
    'session.message assistant', 'sessions.changed agent.input.settled', 'sessions.changed model', 'sessions.changed end']
}
