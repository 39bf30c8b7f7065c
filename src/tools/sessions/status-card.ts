/** How a conversation is, in the few lines that people and agents read. */
import type { SessionRecord } from '../../sessions/record.ts'
import type { ModelName } from './fields.ts'

/** A conversation in which nothing was said yet is there all the same: somebody speaks in it. */
export const blank = (key: string, agentId: string, now: number): SessionRecord => ({
  key, agentId, sessionId: '', createdAt: now, createdVia: 'operator', updatedAt: now, sessionStartedAt: now, lifecycleRevision: 0
})

export interface CardFacts {
  readonly version: string
  readonly now: number
  readonly model: ModelName | undefined
}

export function statusCard (record: SessionRecord, { version, now, model }: CardFacts): string {
  const { inputTokens = 0, outputTokens = 0, totalTokens = 0, contextTokens } = record
  const share = contextTokens ? ` of ${contextTokens} (${Math.round(totalTokens / contextTokens * 100)}%)` : ''
  return [
    `Gateway ${version}, ${new Date(now).toISOString()}`,
    `Session ${record.key}, ${record.messageCount ?? 0} messages, status ${record.status ?? 'new'}`,
    `Model ${model ? `${model.provider}/${model.model}` : 'none'}${record.modelOverride === undefined ? '' : ' (chosen for this session)'}`,
    `Tokens of the last run: ${inputTokens} in, ${outputTokens} out; context ${totalTokens}${share}`,
    `Cost so far: $${(record.estimatedCostUsd ?? 0).toFixed(4)}`
  ].join('\n')
}
