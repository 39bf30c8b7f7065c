import { redactConfig } from '../config/redact.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

export const config = {
  'config.get': method({
    scope: 'operator.read',
    params: openObject,
    result: openObject,
    async handle (_params, { rooms, caller }) {
      const loaded = await rooms.readConfig()
      const running = rooms.config()
      const source = redactConfig(loaded.source, [], loaded.variableTexts)
      const effective = redactConfig(running.config, [], running.variableTexts)
      return {
        ...(caller.owner ? { path: loaded.path, includedPaths: loaded.includedPaths } : {}),
        exists: loaded.exists,
        // The text of the file may hold secrets anywhere, comments included; what was read from it is shown instead.
        raw: JSON.stringify(redactConfig(loaded.parsed ?? {}), null, 2),
        parsed: redactConfig(loaded.parsed ?? {}),
        sourceConfig: source,
        resolved: source,
        config: effective,
        runtimeConfig: effective,
        valid: loaded.issues.length === 0,
        issues: loaded.issues.map(({ path, message, line }) => ({ path, message, ...(line === undefined ? {} : { line }) })),
        warnings: loaded.warnings.map(({ path, message }) => ({ path, message })),
        legacyIssues: [],
        hash: loaded.hash,
        configRevisionHash: loaded.hash,
        appliedConfigHash: running.hash,
        reload: rooms.reloads.facts()
      }
    }
  }),
  'config.schema': method({
    scope: 'operator.read',
    params: noParams,
    result: Type.Object({ schema: Type.Unknown(), uiHints: openObject, version: text(), generatedAt: text() }),
    async handle (_params, { rooms }) {
      const { configJsonSchema, configUiHints } = await import('../config/json-schema.ts')
      const generatedAt = new Date(rooms.now()).toISOString()
      return { schema: configJsonSchema(), uiHints: configUiHints(), version: rooms.version, generatedAt }
    }
  }),
  'config.schema.lookup': method({
    scope: 'operator.read',
    params: Type.Object({ path: text({ maxLength: 512 }) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ path }) {
      const { lookupSchema } = await import('../config/json-schema.ts')
      const found = lookupSchema(path)
      if (!found) throw new GatewayError('NOT_FOUND', { message: `unknown config path: ${path}`, details: { path } })
      return found as {}
    }
  })
}
