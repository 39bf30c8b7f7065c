/** Long conversations are shortened before a turn, by a summary that the session's own model writes. */
import { leftUntil } from '../lib/clock.ts'
import { createRecent } from '../lib/recent.ts'
import type { Message } from '../protocol/transcript.ts'
import type { Models } from '../providers/model.ts'
import type { Compaction, Summarise } from '../sessions/compaction.ts'
import type { RunContext } from './context.ts'
import { prompted } from './prompted.ts'
import { untilEnded } from './run.ts'
import type { Turn } from './turn.ts'

const instructions = [
  'Summarise the conversation below so that it can be continued without its earlier messages.',
  'Keep what was decided, what is still to be done, names, numbers, paths and preferences. Leave out small talk.',
  'Write plain text and nothing but the summary.'
].join(' ')
const maxSummaryTokens = 1500
/** A model that cannot summarise is not asked again at every turn. */
const pauseMs = 5 * 60_000
const maxPaused = 1000
/** What a model surely takes, for one whose window is not known. */
const safeTokens = 8000

function written (message: Message): string {
  const { role, content } = message
  const text = typeof content === 'string'
    ? content
    : content.map(part => part.type === 'text' ? part.text : part.type === 'toolCall' ? `(calls ${part.name})` : '').filter(Boolean).join('\n')
  return `${role}: ${text}`
}

export function createSummarise (models: Models, now: () => number): Summarise {
  return async ({ record, lines, instructions: wish, signal }) => {
    const { providerOverride: provider, modelOverride: model } = record
    const chosen = { ...(provider ? { provider } : {}), ...(model ? { model } : {}) }
    const route = models.route(record.agentId, provider || model ? chosen : undefined)
    const texts = (await Promise.all(lines.map(async ({ value }) =>
      value.type === 'message' ? written((await prompted([value.message]))[0]!) : value.type === 'compaction' ? `earlier summary: ${value.summary}` : ''))).filter(Boolean)
    // Half of the window at three characters a token; what does not fit is the oldest.
    const most = Math.floor((route.model.contextWindow || safeTokens) * 1.5)
    const { content } = await models.step(route, {
      system: wish ? `${instructions}\n${wish}` : instructions,
      messages: [{ role: 'user', content: texts.join('\n\n').slice(-most), timestamp: now() }],
      tools: [],
      maxOutputTokens: maxSummaryTokens,
      signal: signal ?? new AbortController().signal
    }, () => {})
    return content.map(part => part.type === 'text' ? part.text : '').join('').trim()
  }
}

/** The step of a run that looks whether it is time, and never fails the run. */
export function createShortening (compaction: Compaction) {
  const paused = createRecent<number>(maxPaused)
  return async ({ run, route }: Turn, { sessions, now, log }: RunContext, isTooLong?: true): Promise<boolean> => {
    const record = sessions.get(run.key)
    const isRested = leftUntil(paused.get(run.key) ?? 0, pauseMs, now()) === 0
    const isDue = isTooLong ?? (record && compaction.due(record, route.model.contextWindow) && isRested)
    if (!record || !isDue) return false
    const outcome = await untilEnded(run.signal, compaction.compact(run.key, { signal: run.signal }))
    if (outcome.compacted) {
      paused.delete(run.key)
      return true
    }
    log.warn({ sessionKey: run.key, reason: outcome.reason, pauseMs }, 'a long conversation could not be shortened')
    paused.set(run.key, now() + pauseMs)
    return false
  }
}
