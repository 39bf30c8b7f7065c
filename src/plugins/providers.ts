/** Wire formats of plugins. What the models room holds is ours and stays; behind it stands whatever the plugin offers at that moment. */
import type { ProviderDeclaration } from '../providers/define-provider.ts'
import { ProviderError, type ProviderKind, type ProviderSettings, type StepResult, type Transport } from '../providers/model.ts'
import { isGatewayError } from '../protocol/errors.ts'
import { outside } from './containment.ts'
import { PluginProblem } from './failure.ts'
import type { Plugin } from './plugin.ts'

const loadLimitMs = 30_000
const fallbackLimitMs = 600_000
const apiPattern = /^[a-z][a-z0-9._-]{0,63}$/

export function checkProvider ({ api, load }: ProviderDeclaration): void {
  if (typeof api !== 'string' || !apiPattern.test(api)) throw new PluginProblem('a provider needs an api: the name that models.providers.<id>.api says')
  if (typeof load !== 'function') throw new PluginProblem(`the provider ${api} needs load(settings), which makes its transport`)
}

/** Undefined when no plugin serves this format now. */
export type FindProvider = (api: string) => { readonly plugin: Plugin, readonly declaration: ProviderDeclaration } | undefined

interface Opened {
  readonly plugin: Plugin
  readonly transport: Promise<Transport>
}

const isStep = (value: StepResult | undefined): value is StepResult =>
  Array.isArray(value?.content) && typeof value.stopReason === 'string' && typeof value.usage === 'object' && value.usage !== null

/** The words of the models room decide about retry and fallback, so whatever went wrong is said in them. */
function asProviderError (error: unknown, signal: AbortSignal): ProviderError {
  if (error instanceof ProviderError) return error
  if (signal.aborted) return new ProviderError('aborted', 'The step was stopped.', { cause: error })
  return new ProviderError('server_error', isGatewayError(error) ? error.message : 'A plugin failed.', { cause: error })
}

function transportFor (settings: ProviderSettings, find: FindProvider): Transport {
  let opened: Opened | undefined

  async function open (): Promise<{ plugin: Plugin, transport: Transport }> {
    const found = find(settings.api)
    if (!found) throw new ProviderError('model_not_found', `No plugin serves the format "${settings.api}" now: openclaw plugins list.`)
    const { plugin, declaration } = found
    if (opened?.plugin !== plugin) {
      const transport = plugin.guard(`the provider ${settings.api}`, { limitMs: loadLimitMs }, async () => await declaration.load(settings))
      const now = opened = { plugin, transport }
      // What failed may be tried again at the next step.
      transport.catch(() => { if (opened === now) opened = undefined })
    }
    return { plugin, transport: await opened!.transport }
  }

  const limitMs = settings.timeoutMs > 0 ? settings.timeoutMs : fallbackLimitMs
  return {
    async step (model, request, tell) {
      try {
        const { plugin, transport } = await open()
        return await plugin.guard(`the provider ${settings.api}`, { limitMs, signal: request.signal }, async signal => {
          const result = await transport.step(model, { ...request, signal }, event => outside(() => tell(event)))
          if (isStep(result)) return result
          throw new PluginProblem('its step has no content, stopReason and usage')
        })
      } catch (error) {
        throw asProviderError(error, request.signal)
      }
    },
    async embed (model, inputs, signal) {
      try {
        const { plugin, transport } = await open()
        if (!transport.embed) throw new ProviderError('format', `${settings.api} has no embeddings: name a model of another provider.`)
        return await plugin.guard(`the provider ${settings.api}`, { limitMs, signal }, async ending => await transport.embed!(model, inputs, ending))
      } catch (error) {
        throw asProviderError(error, signal)
      }
    },
    async close () {
      const { plugin, transport } = opened ?? {}
      if (!plugin || plugin.signal.aborted) return
      const open = await transport?.catch(() => undefined)
      await plugin.guard(`the provider ${settings.api}`, { limitMs: loadLimitMs }, async () => await open?.close?.()).catch(() => {})
    }
  }
}

export const kindFor = (api: string, find: FindProvider): ProviderKind => ({ api, load: async settings => transportFor(settings, find) })
