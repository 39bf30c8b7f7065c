/** What the routes of responses share: which are remembered, which are under way, and who reads files for them. */
import type { Documents } from '../../../agent/documents.ts'
import type { RunHandle } from '../../../agent/room.ts'
import { resultOf, type StoredRun } from '../../../agent/stored-run.ts'
import type { Caller } from '../../../auth/caller.ts'
import type { OpenAiOptions } from '../openai.ts'
import { createLives, type Live, type Lives } from './lives.ts'
import { createRecords, type ResponseRecord, type ResponseRecords } from './records.ts'
import { createSequence } from './sequence.ts'
import { nameIn, nameInItem, type Ending, type OutputItem, type ResponseEvent, type ResponseFacts, type ResponseObject } from './shapes.ts'
import { endingOf, linesOfRun, messagesOf, retell, type RunMessages } from './stored.ts'
import { createTelling, endingOfRun, type TellingOptions } from './telling.ts'

export interface Known {
  readonly record: ResponseRecord
  readonly messages: RunMessages
  /** Undefined while it goes on. */
  readonly ending: Ending | undefined
  readonly isQueued: boolean
}

export interface Desk {
  readonly options: OpenAiOptions
  readonly records: ResponseRecords
  readonly lives: Lives
  /** In which run somebody is about to go on with a conversation. */
  readonly beginning: Map<string, string>
  readonly documents: () => Promise<Documents>
  /** Tells what a run says, from its beginning. */
  begin (handle: RunHandle, facts: ResponseFacts, how: TellingOptions): Live
  /** One that was answered to this caller before. */
  item (id: string, caller: Pick<Caller, 'principal'>): Promise<OutputItem | undefined>
  /** Undefined also for those of others, and for those whose conversation is gone. */
  find (responseId: string, caller: Pick<Caller, 'principal'>): Promise<Known | undefined>
  /** As it stands now. */
  response (known: Known, tell?: (event: ResponseEvent) => void): ResponseObject
}

const dayMs = 24 * 3_600_000

const lost: Ending = { status: 'failed', endedAtMs: 0, failure: { code: 'server_error', message: 'nothing is known of how this ended' } }

export function createDesk (options: OpenAiOptions): Desk {
  const { store, sessions, runs, config, now, log } = options
  const lives = createLives()
  let documents: Promise<Documents> | undefined

  const records = createRecords({
    store,
    limits () {
      const { maxEntries, maxAgeDays } = config().config.gateway.http.endpoints.responses.stored
      return { maxEntries, maxAgeMs: maxAgeDays * dayMs }
    },
    now,
    log
  })

  async function stateOf ({ runId, ending }: ResponseRecord, messages: RunMessages): Promise<Pick<Known, 'ending' | 'isQueued'>> {
    const entry = await store.runs.get<StoredRun>(runId)
    if (ending || !entry) return { ending: ending ?? endingOf(messages.answered) ?? lost, isQueued: false }
    if (entry.open && entry.value.state !== 'parked') return { ending: undefined, isQueued: entry.value.state === 'queued' }
    return { ending: endingOfRun(resultOf(entry)), isQueued: false }
  }

  const desk: Desk = {
    options,
    records,
    lives,
    beginning: new Map(),
    documents: async () => await (documents ??= import('../../../agent/documents.ts').then(({ createDocuments }) => createDocuments())),
    begin (handle, facts, how) {
      const sequence = createSequence(facts, event => live.tell(event))
      const live = lives.begin(facts.name, () => sequence.response)
      const telling = createTelling(sequence, how)
      const leave = runs.follow(handle.runId, telling.hear)
      sequence.begin(facts.echo.background ? 'queued' : 'in_progress')
      void handle.result.then(result => {
        leave()
        telling.end(result)
        live.close()
      }).catch((err: unknown) => {
        log.error({ err, runId: handle.runId }, 'a response broke off')
        live.close()
      })
      return live
    },
    async find (responseId, caller) {
      const name = nameIn(responseId)
      const record = name === undefined ? undefined : await records.get(name, caller.principal)
      const lines = record && await linesOfRun(record, sessions)
      if (!lines) return undefined
      const messages = messagesOf(record, lines)
      return { record, messages, ...await stateOf(record, messages) }
    },
    response ({ record, messages, ending, isQueued }, tell = () => {}) {
      const live = lives.get(record.name)
      if (live && !live.isOver) return live.response()
      const sequence = retell(record, messages.answered, tell)
      if (ending) return sequence.end(ending)
      return isQueued ? { ...sequence.response, status: 'queued' } : sequence.response
    },
    async item (id, caller) {
      const name = nameInItem(id)
      if (name === undefined) return undefined
      const known = await desk.find(`resp_${name}`, caller)
      return known && desk.response(known).output.find(item => item.id === id)
    }
  }
  return desk
}
