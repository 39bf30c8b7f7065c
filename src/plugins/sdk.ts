/** What a plugin gets when it imports `openclaw/plugin-sdk`, wherever it lies. */
import { registerHooks } from 'node:module'
import { defineChannel } from '../channels/define-channel.ts'
import { GatewayError } from '../protocol/errors.ts'
import { oneOf, Type } from '../protocol/type.ts'
import type { ProviderDeclaration } from '../providers/define-provider.ts'
import { ProviderError } from '../providers/model.ts'
import { defineTool } from '../tools/define-tool.ts'
import { ToolBlocked, ToolRefusal } from '../tools/invocation.ts'
import { defineMethod, definePlugin, defineRoute } from './declaration.ts'

const defineProvider = (declaration: ProviderDeclaration): ProviderDeclaration => declaration

const sdk = {
  definePlugin,
  /** The same under the name that plugins of other gateways of this kind use. */
  definePluginEntry: definePlugin,
  defineTool,
  defineMethod,
  defineRoute,
  defineProvider,
  defineChannel,
  Type,
  oneOf,
  GatewayError,
  ProviderError,
  ToolBlocked,
  ToolRefusal
}

const place = Symbol.for('openclaw.plugin-sdk')
const url = 'openclaw:plugin-sdk'
const source = `const sdk = globalThis[Symbol.for('openclaw.plugin-sdk')]\nexport const { ${Object.keys(sdk).join(', ')} } = sdk\n`
const names = /^(openclaw|openclaw-gateway)\/plugin-sdk(\/[\w-]+)?$/

let offered = false

/** Plugins lie anywhere, beside no package of ours: the name is answered for them, whether they import it or require it. */
export function offerSdk (): void {
  if (offered) return
  offered = true
  Object.defineProperty(globalThis, place, { value: Object.freeze(sdk) })
  registerHooks({
    resolve: (specifier, context, next) =>
      names.test(specifier) ? { url, format: 'module', shortCircuit: true } : next(specifier, context),
    load: (wanted, context, next) => wanted === url ? { format: 'module', source, shortCircuit: true } : next(wanted, context)
  })
}
