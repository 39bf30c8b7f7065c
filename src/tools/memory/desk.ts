/** Where searches in memory come together: index, vectors and what may be told. */
import { setTimeout as delay } from 'node:timers/promises'
import { ProviderError } from '../../providers/model.ts'
import type { Session } from '../files/files.ts'
import { createBacklogs } from './backlog.ts'
import { createEmbedder } from './embedder.ts'
import type { Found, Question } from './index/finding.ts'
import type { IndexAnswer } from './index/index-worker.ts'
import { createIndexThread } from './index/index-thread.ts'
import type { UpkeepReport } from './index/upkeep.ts'
import type { Memory, MemoryOptions, MemoryStatus, SearchAnswer, SearchRequest } from './memory.ts'
import { answerOf, refusal } from './answers.ts'
import { hidesLongTerm, indexFile, isShared, scopeOf, seesWorkspace, type Scope } from './scope.ts'

export type Desk = Omit<Memory, 'get'>

/** Slices, so that the searches of other agents come in between. */
const sliceMs = 1_000
/** A search goes on with what there is by then. */
const patienceMs = 10_000
const vectorPatienceMs = 2_000
/** Somebody waits, and words alone are an answer, too. */
const forQuestions = { budgetMs: 8_000, retryMs: 1_500 }
const leastCandidates = 200

type Asked = { readonly numbers: Float32Array } | { readonly failure: string }

const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error)

export function createDesk (options: MemoryOptions): Desk {
  const { files, models, now, log, stateDir } = options
  const thread = createIndexThread()
  const embedder = createEmbedder({ models, now })
  const closing = new AbortController()
  const backlogs = createBacklogs({ thread, embedder, signal: closing.signal })

  async function keepUp ({ place, view }: Scope, withinMs: number, signal: AbortSignal): Promise<UpkeepReport> {
    const untilMs = performance.now() + withinMs
    for (;;) {
      const { report } = await thread.ask({ kind: 'keep-up', place, view, budgetMs: sliceMs })
      if (report!.left === 0 || report!.read === 0 || performance.now() > untilMs) return report!
      signal.throwIfAborted()
    }
  }

  async function askVector ({ settings: { model, problem } }: Scope, text: string, signal: AbortSignal): Promise<Asked | undefined> {
    if (model === undefined) return problem === undefined ? undefined : { failure: problem }
    const resting = embedder.resting(model)
    if (resting !== undefined) return { failure: resting }
    try {
      const [numbers] = await embedder.embed({ model, texts: [text], ...forQuestions, signal })
      return { numbers: numbers! }
    } catch (error) {
      if (error instanceof ProviderError) return { failure: error.message }
      throw error
    }
  }

  function questionOf ({ settings }: Scope, request: SearchRequest, asked: Asked | undefined, sessionKey: string): Question {
    const { query, maxResults, minScore } = request
    const most = maxResults ?? settings.maxResults
    return {
      text: query,
      ...asked && 'numbers' in asked ? { vector: { model: settings.model!, numbers: asked.numbers } } : {},
      hidesLongTerm: hidesLongTerm(sessionKey),
      candidates: Math.max(leastCandidates, most * settings.candidateMultiplier),
      rules: { ...settings.ranking, maxResults: most, minScore: minScore ?? settings.minScore, nowMs: now() }
    }
  }

  async function look (scope: Scope, request: SearchRequest, session: Session, signal: AbortSignal): Promise<SearchAnswer> {
    const startedAtMs = performance.now()
    const asking = askVector(scope, request.query, signal)
    // Waited for below; until then nobody listens.
    asking.catch(() => {})
    const { left } = await keepUp(scope, patienceMs, signal)
    const asked = await asking
    const hasVector = asked !== undefined && 'numbers' in asked
    if (hasVector) {
      // What takes long is waited for once, not by every search.
      const waitMs = backlogs.isFilling(scope.agentId) ? 0 : vectorPatienceMs
      const filling = backlogs.fill(scope).catch((err: unknown) => log.warn({ err, agentId: scope.agentId }, 'vectors of a memory are missing'))
      await Promise.race([filling, delay(waitMs, undefined, { ref: false })])
    }
    signal.throwIfAborted()
    const question = questionOf(scope, request, asked, session.sessionKey)
    const { found } = await thread.ask({ kind: 'find', place: scope.place, question })
    return answerOf(found as Found, {
      scope,
      question,
      left,
      showsSource: scope.settings.citations === 'on' || (scope.settings.citations === 'auto' && !isShared(session.sessionKey)),
      ...asked && 'failure' in asked ? { failure: asked.failure } : {},
      tookMs: performance.now() - startedAtMs
    })
  }

  async function statusOf (scope: Scope, checked?: Asked): Promise<MemoryStatus> {
    const { agentId, settings: { model, problem, isEnabled, tokenizer }, place, view } = scope
    const failure = checked && 'failure' in checked ? checked.failure : problem ?? (model ? embedder.resting(model) : 'no provider is named: words alone')
    const answer: IndexAnswer = await thread.ask({ kind: 'status', place, view, model: model ?? '' })
      .catch((error: unknown) => ({ error: messageOf(error) }))
    return {
      agentId,
      enabled: isEnabled,
      workspace: view.cwd,
      indexFile: place.file,
      tokenizer,
      provider: model?.slice(0, model.indexOf('/')) ?? 'none',
      ...model === undefined ? {} : { model: model.slice(model.indexOf('/') + 1) },
      embedding: { ok: failure === undefined, checked: checked !== undefined, ...failure === undefined ? {} : { error: failure } },
      ...answer.status,
      ...answer.error === undefined ? {} : { error: answer.error }
    }
  }

  async function probe (scope: Scope, signal: AbortSignal): Promise<Asked | undefined> {
    const { model } = scope.settings
    if (model !== undefined) embedder.wake(model)
    return await askVector(scope, 'ping', signal)
  }

  return {
    async search (request, session, signal) {
      const scope = await scopeOf(options, session.agentId)
      const refused = refusal(request, scope.settings.isEnabled)
      if (refused) return refused
      try {
        if (await seesWorkspace(files, session, scope)) return await look(scope, request, session, signal)
        return refusal(request, true, 'this conversation does not see the workspace',
          'See agents.defaults.sandbox.workspaceAccess and tools.exec.denyPaths.')!
      } catch (err) {
        if (signal.aborted) throw err
        log.warn({ err, agentId: scope.agentId }, 'memory could not be searched')
        const why = messageOf(err)
        return refusal(request, true, why, 'Try again in a moment; openclaw memory status says how the index is.')!
      }
    },
    async status (agentId, { probe: probes, signal }) {
      const scope = await scopeOf(options, agentId)
      return await statusOf(scope, probes ? await probe(scope, signal) : undefined)
    },
    async index (agentId, { force, signal }) {
      const scope = await scopeOf(options, agentId)
      if (force) await thread.ask({ kind: 'forget', place: scope.place })
      await keepUp(scope, Infinity, signal)
      const asked = await probe(scope, signal)
      if (asked === undefined || 'failure' in asked) return await statusOf(scope, asked)
      const stopped = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
      const filled = backlogs.fill(scope).then(() => asked, (error: unknown) => ({ failure: messageOf(error) }))
      return await statusOf(scope, await Promise.race([filled, stopped.then(() => asked)]))
    },
    async forget (agentId) {
      const id = agentId.toLowerCase()
      backlogs.stop(id)
      await thread.ask({ kind: 'forget', place: { file: indexFile(stateDir, id), tokenizer: 'unicode61', chunking: { tokens: 0, overlap: 0 } } })
    },
    async close () {
      closing.abort()
      await backlogs.close()
      await thread.close()
    }
  }
}
