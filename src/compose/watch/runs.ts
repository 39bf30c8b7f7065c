/** Runs, what they asked models for, and the tools that were called: counted, traced, and told to the audit log. */
import type { ActOutcome, Told } from '../../audit/act.ts'
import type { RunOutcome } from '../../agent/room.ts'
import type { RunWatch } from '../../agent/watch.ts'
import { traceparentOf } from '../../lib/trace-context.ts'
import { ProviderError, type Models, type RoutedResult } from '../../providers/model.ts'
import type { Invoke } from '../../tools/invoke.ts'
import type { InvokeOutcome } from '../../tools/invocation.ts'
import type { GatewayMeters } from '../../telemetry/gateway-meters.ts'
import type { Tracing } from '../../telemetry/tracer.ts'
import { actorOf } from './requests.ts'

export interface WorkWatch {
  readonly run: RunWatch
  /** The same models, watched. */
  models (models: Models): Models
  /** Tools that programs call. */
  invoke (invoke: Invoke): Invoke
}

export interface WorkWatchOptions {
  readonly meters: GatewayMeters
  readonly audit: Told
  readonly tracing: Tracing
  readonly now: () => number
}

const outcomes: { readonly [outcome in RunOutcome]: ActOutcome } = { ok: 'ok', error: 'failed', aborted: 'aborted', timeout: 'timeout' }

/** Of a channel only that it was one: which one is no part of what begins a run. */
const triggerOf = (via: string): string => via.split(':', 1)[0]!

const invoked: { readonly [kind in InvokeOutcome['kind']]: ActOutcome } = {
  done: 'ok', would: 'ok', unavailable: 'refused', invalid: 'refused', blocked: 'refused', failed: 'failed'
}

const none = { model: 'none', provider: 'none' }

function createRunWatch ({ meters, audit, tracing, now }: WorkWatchOptions): RunWatch {
  return {
    run (run, work) {
      const about = { agentId: run.agentId, runId: run.id, sessionKey: run.key, sessionId: run.sessionId }
      const actor = { principal: run.request.caller.principal }
      audit.told({ kind: 'run', act: 'agent.run.started', outcome: 'started', actor, about })
      const startedAtMs = now()
      const finish = async (): Promise<Awaited<ReturnType<typeof work>>> => {
        const result = await work()
        const { outcome, provider = none.provider, model = none.model, error } = result
        meters.runs.add(1, model, provider, outcome, triggerOf(run.request.via))
        meters.runSeconds.observe((now() - startedAtMs) / 1000, model, provider, outcome)
        const ended = { kind: 'run', act: 'agent.run.finished', outcome: outcomes[outcome], actor } as const
        audit.told({ ...ended, ...(error ? { code: error.kind } : {}), about: { ...about, model: `${provider}/${model}` } })
        return result
      }
      const tracer = tracing()
      if (!tracer) return finish()
      const attributes = { 'openclaw.agent': run.agentId, 'openclaw.trigger': triggerOf(run.request.via) }
      // It may have waited behind others: what begins it now is not what asked for it.
      const parent = run.trace ? { traceparent: traceparentOf(run.trace) } : {}
      return tracer.span('openclaw.run', { kind: 'internal', attributes, ...parent }, async span => {
        const result = await finish()
        span.set({ 'openclaw.outcome': result.outcome, 'gen_ai.request.model': result.model, 'gen_ai.provider.name': result.provider })
        if (result.outcome === 'error') span.fail(result.error?.kind ?? 'error')
        return result
      })
    },
    tool (run, call, work) {
      const startedAtMs = now()
      const about = { agentId: run.agentId, runId: run.id, sessionKey: run.key, toolCallId: call.id, tool: call.name }
      const actor = { principal: `agent:${run.agentId}` }
      audit.told({ kind: 'tool', act: 'tool.action.started', outcome: 'started', actor, about })
      const finish = async (): Promise<Awaited<ReturnType<typeof work>>> => {
        let outcome: ActOutcome = 'aborted'
        try {
          const result = await work()
          outcome = result.isError ? 'failed' : 'ok'
          return result
        } finally {
          meters.tools.add(1, call.name, 'run', outcome)
          meters.toolSeconds.observe((now() - startedAtMs) / 1000, call.name)
          audit.told({ kind: 'tool', act: 'tool.action.finished', outcome, actor, about })
        }
      }
      const tracer = tracing()
      if (!tracer) return finish()
      return tracer.span('openclaw.tool.execution', { kind: 'internal', attributes: { 'gen_ai.tool.name': call.name } }, async span => {
        const result = await finish()
        if (result.isError) span.fail('the tool failed')
        return result
      })
    }
  }
}

export function createWorkWatch (options: WorkWatchOptions): WorkWatch {
  const { meters, audit, tracing, now } = options

  function counted ({ model: { api, id, provider }, usage, attempts }: RoutedResult, seconds: number): void {
    meters.modelCalls.add(1, api, id, provider, 'ok', 'none')
    meters.modelSeconds.observe(seconds, id, provider, 'ok')
    for (const { provider: from, kind = 'unknown' } of attempts) meters.modelFailovers.add(1, from, provider, kind)
    for (const [type, amount] of Object.entries({
      input: usage.input, output: usage.output, cache_read: usage.cacheRead, cache_write: usage.cacheWrite
    })) if (amount > 0) meters.tokens.add(amount, id, provider, type)
    if (usage.cost?.total) meters.cost.add(usage.cost.total, id, provider)
  }

  return {
    run: createRunWatch(options),
    models: models => ({
      ...models,
      async step (route, ...rest) {
        const startedAtMs = now()
        const step = async (): Promise<RoutedResult> => {
          try {
            const result = await models.step(route, ...rest)
            counted(result, (now() - startedAtMs) / 1000)
            return result
          } catch (error) {
            const { api, id, provider } = route.model
            meters.modelCalls.add(1, api, id, provider, 'error', error instanceof ProviderError ? error.kind : 'unknown')
            meters.modelSeconds.observe((now() - startedAtMs) / 1000, id, provider, 'error')
            throw error
          }
        }
        const tracer = tracing()
        if (!tracer) return await step()
        const { id, provider } = route.model
        const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': id, 'gen_ai.provider.name': provider }
        return await tracer.span('openclaw.model.call', { kind: 'client', attributes }, async span => {
          const result = await step()
          const { usage, model } = result
          span.set({ 'gen_ai.response.model': model.id, 'gen_ai.usage.input_tokens': usage.input, 'gen_ai.usage.output_tokens': usage.output })
          return result
        })
      }
    }),
    invoke: invoke => async request => {
      const { surface } = request
      const startedAtMs = now()
      const tracer = tracing()
      const work = async (): Promise<InvokeOutcome> => await invoke(request)
      const outcome = tracer
        ? await tracer.span('openclaw.tool.execution', { kind: 'internal', attributes: { 'gen_ai.tool.name': request.tool.slice(0, 64) } }, work)
        : await work()
      const isKnown = outcome.kind !== 'unavailable'
      meters.tools.add(1, isKnown ? outcome.toolName : 'unknown', surface, invoked[outcome.kind])
      if (isKnown) meters.toolSeconds.observe((now() - startedAtMs) / 1000, outcome.toolName)
      audit.told({
        kind: 'tool',
        act: 'tool.invoked',
        outcome: invoked[outcome.kind],
        actor: actorOf(request.caller),
        about: { tool: outcome.toolName, surface, sessionKey: request.sessionKey, agentId: request.agentId, dryRun: request.isDryRun },
        ...(invoked[outcome.kind] === 'ok'
          ? {}
          : { code: outcome.kind, repeats: `${outcome.kind} ${outcome.toolName} ${request.caller.principal}` })
      })
      return outcome
    }
  }
}
