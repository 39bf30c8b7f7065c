/** The last look at what an agent says before anybody hears it: patterns of the configuration, and functions of plugins. */
import type { LoadedConfig } from '../config/load.ts'
import type { AssistantMessage } from '../protocol/transcript.ts'
import type { RunLog } from './context.ts'
import type { Rule } from './outgoing-rules.ts'

export interface Said {
  readonly agentId: string
  readonly sessionKey: string
}

/** Gets a reply as a whole and says what is delivered of it. */
export type OutputFilter = (text: string, said: Said) => string

/** One message while it is said: what comes out of it may be told. */
export interface Sieve {
  push (delta: string): string
  /** The rest, when the message is over. */
  end (): string
}

export interface Outgoing {
  /** Undefined: everything may be told as it comes. */
  sieve (said: Said): Sieve | undefined
  whole (text: string, said: Said): string
  /** With one of these replies are told when they are complete. Returns what takes it away again. */
  add (filter: OutputFilter): () => void
}

/** A message as it is stored: what is not delivered is not found in the conversation later either. */
export const delivered = <M extends AssistantMessage>(message: M, said: Said, outgoing: Outgoing | undefined): M => outgoing
  ? { ...message, content: message.content.map(part => part.type === 'text' ? { ...part, text: outgoing.whole(part.text, said) } : part) }
  : message

export interface OutgoingOptions {
  readonly config: () => LoadedConfig
  readonly log: RunLog
}

export const withheld = '[This reply was withheld: a filter for replies failed.]'

type Apply = (text: string, rules: readonly Rule[]) => string

export interface OutgoingRoom extends Outgoing {
  /** Resolves when rules can be applied: before the first word of a run. */
  ready (): Promise<void>
}

export function createOutgoing ({ config, log }: OutgoingOptions): OutgoingRoom {
  const filters = new Set<OutputFilter>()
  let apply: Apply | undefined

  const rules = (): Rule[] => config().config.messages.outputFilters.filter((rule): rule is Rule => rule.pattern !== undefined)

  /** What a filter that fails would have taken out is not known, so nothing goes out. */
  function safely (what: () => string, said: Said): string {
    try {
      return what()
    } catch (err) {
      log.error({ err, ...said }, 'a filter for replies failed; the reply was withheld')
      return withheld
    }
  }

  /** Line by line, so that a reply that is told as it comes is the one that is stored. */
  function throughRules (text: string, said: Said, which: (rule: Rule) => boolean): string {
    const wanted = rules().filter(which)
    if (wanted.length === 0 || text === '') return text
    return safely(() => {
      if (!apply) throw new Error('the rules are not loaded')
      return apply(text, wanted)
    }, said)
  }
  const isForLines = ({ scope }: Rule): boolean => scope !== 'reply'

  const throughFilters = (text: string, said: Said): string =>
    filters.size === 0 || text === '' ? text : safely(() => [...filters].reduce((current, filter) => filter(current, said), text), said)

  const ofWhole = (text: string, said: Said): string =>
    throughFilters(throughRules(text, said, rule => !isForLines(rule)), said)

  return {
    async ready () {
      if (rules().length > 0) apply ??= (await import('./outgoing-rules.ts')).applyRules
    },
    whole: (text, said) => ofWhole(throughRules(text, said, isForLines), said),
    add (filter) {
      filters.add(filter)
      return () => { filters.delete(filter) }
    },
    sieve (said) {
      const isWhole = filters.size > 0 || rules().some(rule => !isForLines(rule))
      if (!isWhole && rules().length === 0) return undefined
      let waiting = ''
      let isWithheld = false
      const pass = (text: string): string => {
        if (isWithheld) return ''
        const passed = throughRules(text, said, isForLines)
        isWithheld = passed === withheld
        return passed
      }
      return {
        push (delta) {
          waiting += delta
          const lineEnd = waiting.lastIndexOf('\n') + 1
          if (isWhole || lineEnd === 0) return ''
          const lines = waiting.slice(0, lineEnd)
          waiting = waiting.slice(lineEnd)
          return pass(lines)
        },
        end () {
          const rest = waiting
          waiting = ''
          const passed = rest === '' ? '' : pass(rest)
          return isWhole && passed !== '' ? ofWhole(passed, said) : passed
        }
      }
    }
  }
}
