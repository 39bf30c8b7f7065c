/** Which runs this process knows: those under way, those that were settled lately, and who waits for one. */
import type { Message } from '../protocol/transcript.ts'
import type { RunRequest, RunResult } from './room.ts'
import type { Run } from './run.ts'

export interface Registry {
  readonly live: ReadonlyMap<string, Run>
  /** Characters of the messages that are held for them. */
  heldChars (): number
  add (run: Run): void
  remove (run: Run, result: RunResult): void
  /** One that never became durable. */
  forget (run: Run): void
  recent (runId: string): RunResult | undefined
  /** Undefined when it was not begun in time. */
  arrival (runId: string, timeoutMs: number, signal?: AbortSignal): Promise<Run | undefined>
}

const maxRecent = 2000
/** Longer replies are read from the store, unless it has none of them. */
const maxRecentTextChars = 8192
const maxRecentChars = 2 ** 23

const charsOfContent = (content: Message['content']): number => {
  if (typeof content === 'string') return content.length
  let chars = 0
  for (const part of content) chars += part.type === 'text' ? part.text.length : part.type === 'image' ? part.data.length : 0
  return chars
}

export function charsOf ({ message, images = [], history = [], toolResults = [] }: RunRequest): number {
  let chars = message.length
  for (const { data } of images) chars += data.length
  for (const { content } of history) chars += charsOfContent(content)
  for (const { content } of toolResults) chars += charsOfContent(content)
  return chars
}

function charsOfResult ({ text, earlier = [], thought = '', calls }: RunResult): number {
  const said = earlier.reduce((chars, { length }) => chars + length, text.length + thought.length)
  return calls ? said + JSON.stringify(calls).length : said
}

export function createRegistry (): Registry {
  const live = new Map<string, Run>()
  let heldChars = 0
  let recentChars = 0
  const recent = new Map<string, RunResult>()
  const awaited = new Map<string, Set<(run: Run) => void>>()

  function forgetRecent (runId: string): void {
    const result = recent.get(runId)
    if (result && recent.delete(runId)) recentChars -= charsOfResult(result)
  }

  function drop (run: Run): void {
    if (live.delete(run.id)) heldChars -= charsOf(run.request)
  }

  return {
    live,
    heldChars: () => heldChars,
    add (run) {
      live.set(run.id, run)
      heldChars += charsOf(run.request)
      const waiting = awaited.get(run.id)
      if (!waiting) return
      awaited.delete(run.id)
      for (const arrived of waiting) arrived(run)
    },
    remove (run, result) {
      drop(run)
      const { fleeting } = run.request
      const chars = charsOfResult(result)
      if (fleeting === 'once' || chars > (fleeting ? maxRecentChars / 8 : maxRecentTextChars)) return
      forgetRecent(run.id)
      recent.set(run.id, result)
      recentChars += chars
      while (recent.size > maxRecent || recentChars > maxRecentChars) forgetRecent(recent.keys().next().value!)
    },
    forget: drop,
    recent: runId => recent.get(runId),
    arrival: (runId, timeoutMs, signal) => new Promise(resolve => {
      // It may have come while the caller looked elsewhere.
      const here = live.get(runId)
      if (here) return resolve(here)
      const waiting = awaited.get(runId) ?? new Set()
      awaited.set(runId, waiting)
      const done = (run?: Run): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
        waiting.delete(done)
        if (waiting.size === 0) awaited.delete(runId)
        resolve(run)
      }
      const giveUp = (): void => done()
      const timer = setTimeout(giveUp, timeoutMs).unref()
      signal?.addEventListener('abort', giveUp, { once: true })
      waiting.add(done)
    })
  }
}
