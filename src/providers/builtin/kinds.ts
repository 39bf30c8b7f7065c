/** The wire formats that this gateway speaks. */
import { defineProviders } from '../define-provider.ts'
import type { ProviderKind } from '../model.ts'

export const builtinKinds = (): ReadonlyMap<string, ProviderKind> => defineProviders([
  { api: 'echo', load: async () => (await import('./echo.ts')).createEcho() }
])
