/** Models as the contract shows them. */
import type { ModelInfo, Models, ProviderStatus } from '../providers/model.ts'

const levels = (...ids: string[]) => ids.map(id => ({ id, label: id }))

/** How much a model can be told to think. */
export const thinkingLevels = ({ reasoning }: Pick<ModelInfo, 'reasoning'>): Array<{ id: string, label: string }> =>
  reasoning ? levels('off', 'minimal', 'low', 'medium', 'high') : levels('off')

const inputs: ReadonlySet<string> = new Set(['text', 'image', 'audio', 'video', 'document'])

function availability (status: ProviderStatus | undefined): object {
  if (!status || status.credential === 'missing') return { available: false, unavailableReason: 'missing-auth' }
  if (status.cooldownUntilMs === undefined) return { available: true }
  return { available: false, unavailableReason: 'cooldown', unavailableUntil: Math.round(status.cooldownUntilMs) }
}

export interface RowSources {
  readonly models: Models
  readonly agentId: string
  readonly thinkingDefault: string
}

export const refOf = ({ provider, id }: Pick<ModelInfo, 'provider' | 'id'>): string => `${provider}/${id}`

/** Makes rows for one agent: what they share is worked out once. */
export function modelRows ({ models, agentId, thinkingDefault }: RowSources, named: readonly ModelInfo[]): (model: ModelInfo) => object {
  const { model: first, fallbacks } = models.route(agentId)
  const aliases = new Map([...models.aliases()].map(([alias, ref]) => [ref, alias]))
  const states = new Map(models.status().map(status => [status.provider, status]))
  const configured = new Set(named.map(refOf))
  return model => {
    const ref = refOf(model)
    const place = fallbacks.findIndex(fallback => refOf(fallback) === ref)
    const tags = [
      ...(refOf(first) === ref ? ['default'] : []), ...(place >= 0 ? [`fallback#${place + 1}`] : []), ...(configured.has(ref) ? ['configured'] : [])
    ]
    const alias = aliases.get(ref)
    return {
      id: model.id,
      name: model.name,
      provider: model.provider,
      ...(alias ? { alias } : {}),
      ...(tags.length > 0 ? { tags } : {}),
      ...availability(states.get(model.provider)),
      contextWindow: model.contextWindow,
      reasoning: model.reasoning,
      thinkingLevels: thinkingLevels(model),
      thinkingDefault: model.reasoning ? thinkingDefault : 'off',
      input: model.input.filter(kind => inputs.has(kind))
    }
  }
}
