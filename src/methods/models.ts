/** The models of this gateway: which there are, whether their providers can be used, and whether one answers. */
import type { Message } from '../protocol/transcript.ts'
import { oneOf, Type } from '../protocol/type.ts'
import { ProviderError, type ModelInfo, type Models, type ProviderErrorKind } from '../providers/model.ts'
import { modelRows } from './model-rows.ts'
import { method } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const word = text({ maxLength: 256 })
const optionalFlag = Type.Optional(Type.Boolean())

const defaultProbeMs = 15_000
const longestProbeMs = 60_000

type ProbeStatus = 'ok' | 'auth' | 'rate_limit' | 'billing' | 'timeout' | 'format' | 'unknown' | 'no_model'

const probeStatuses: { readonly [kind in ProviderErrorKind]?: ProbeStatus } = {
  auth: 'auth', rate_limit: 'rate_limit', billing: 'billing', timeout: 'timeout', format: 'format', model_not_found: 'no_model'
}

/** The agent's own model of this provider, else the first that there is. */
async function probedModel (models: Models, provider: string, agentId: string): Promise<ModelInfo | undefined> {
  const { model, fallbacks } = models.route(agentId)
  const candidates = [model, ...fallbacks, ...await models.list('configured'), ...await models.list('all')]
  return candidates.find(candidate => candidate.provider === provider && candidate.api !== '')
}

async function ask (models: Models, model: ModelInfo, signal: AbortSignal, timestamp: number): Promise<void> {
  const question: Message = { role: 'user', content: [{ type: 'text', text: 'Reply with OK.' }], timestamp }
  const request = { system: 'You are being tested. Reply with OK.', messages: [question], tools: [], maxOutputTokens: 16, signal }
  await models.step({ model, fallbacks: [] }, request, () => {})
}

/** What is wrong with it, as far as can be told: patience with a provider that is down ends with the time of the probe. */
function failureOf (error: unknown, timedOut: boolean, lastError: string | undefined): { status: ProbeStatus, error: string } {
  if (timedOut && lastError !== undefined) return { status: 'unknown', error: lastError }
  if (timedOut) return { status: 'timeout', error: 'no answer in time' }
  const status = error instanceof ProviderError ? probeStatuses[error.kind] ?? 'unknown' : 'unknown'
  return { status, error: error instanceof Error ? error.message : String(error) }
}

export const models = {
  'models.list': method({
    scope: 'operator.read',
    params: Type.Object({
      agentId: Type.Optional(word),
      includeProviderCapabilities: optionalFlag,
      preparedOnly: optionalFlag,
      refresh: optionalFlag,
      view: Type.Optional(oneOf(['default', 'configured', 'provider-config', 'all']))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, view = 'default' }, { rooms: { models, roster } }) {
      const agent = roster.get(agentId)
      const [listed, named] = [await models.list(view), await models.list('configured')]
      const row = modelRows({ models, agentId: agent.id, thinkingDefault: agent.thinkingDefault }, named)
      const shown = view === 'default' ? listed.filter(model => models.allowed(model, agent.id)) : listed
      return { models: shown.map(row) }
    }
  }),
  'models.authStatus': method({
    scope: 'operator.read',
    params: Type.Object({ refresh: optionalFlag, agentId: Type.Optional(Type.String()) }, { additionalProperties: false }),
    result: openObject,
    handle (_params, { rooms }) {
      const configured = rooms.config().config.models.providers
      const known = rooms.models.status().filter(({ provider, credential }) => Object.hasOwn(configured, provider) || credential === 'configured')
      return {
        ts: rooms.now(),
        providers: known.map(({ provider, credential, api, cooldownUntilMs, lastError }) => ({
          provider,
          authProvider: provider,
          displayName: provider,
          status: credential === 'missing' ? 'missing' : 'static',
          profiles: [],
          api,
          ...(credential === 'configured' ? { apiKey: { source: configured[provider]?.apiKey === undefined ? 'env' : 'config' } } : {}),
          ...(cooldownUntilMs === undefined ? {} : { cooldownUntil: cooldownUntilMs }),
          ...(lastError === undefined ? {} : { lastError })
        })),
        providerCapabilities: []
      }
    }
  }),
  'models.probe': method({
    scope: 'operator.admin',
    changes: false,
    params: Type.Object({
      provider: word,
      profileId: Type.Optional(word),
      timeoutMs: Type.Optional(Type.Integer({ minimum: 1 })),
      agentId: Type.Optional(Type.String())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ provider, timeoutMs = defaultProbeMs, agentId }, { rooms: { models, roster, now }, signal }) {
      const model = await probedModel(models, provider, roster.get(agentId || undefined).id)
      if (!model) {
        const error = `no model of provider "${provider}" is known; declare one below models.providers.${provider}.models`
        return { provider, status: 'no_model', error, results: [] }
      }
      const label = `${provider}/${model.id}`
      const timeout = AbortSignal.timeout(Math.min(timeoutMs, longestProbeMs))
      const startedAtMs = now()
      const outcome = await ask(models, model, AbortSignal.any([signal, timeout]), startedAtMs).then(() => ({ status: 'ok' as const }), error =>
        failureOf(error, timeout.aborted, models.status().find(status => status.provider === provider)?.lastError))
      const answer = { ...outcome, latencyMs: Math.max(0, Math.round(now() - startedAtMs)) }
      return { provider, ...answer, results: [{ label, ...answer }] }
    }
  })
}
