/** The wire formats that this gateway speaks. */
import { defineProviders } from '../define-provider.ts'
import type { ProviderKind } from '../model.ts'

export const builtinKinds = (): ReadonlyMap<string, ProviderKind> => defineProviders([
  { api: 'echo', load: async () => (await import('./echo.ts')).createEcho() },
  { api: 'openai-completions', load: async settings => (await import('../openai/transport.ts')).createOpenAiCompletions(settings) },
  { api: 'openai-responses', load: async settings => await (await import('../sdk/openai-responses.ts')).createOpenAiResponses(settings) },
  { api: 'anthropic-messages', load: async settings => await (await import('../sdk/anthropic.ts')).createAnthropic(settings) },
  { api: 'google-generative-ai', load: async settings => await (await import('../sdk/google.ts')).createGoogle(settings) }
])
