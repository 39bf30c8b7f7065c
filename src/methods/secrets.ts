/** Credentials for a command of this machine that cannot fetch them itself: those that the running gateway uses. */
import { formatPath, parsePath } from '../config/path-syntax.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const optional = Type.Optional
const paths = Type.Array(text({ maxLength: 1024 }), { maxItems: 500 })

const ResolveParams = Type.Object({
  commandName: text({ maxLength: 200 }),
  targetIds: Type.Array(text({ maxLength: 300 }), { maxItems: 500 }),
  allowedPaths: optional(paths),
  forcedActivePaths: optional(paths),
  optionalActivePaths: optional(paths),
  providerOverrides: optional(Type.Object({ webSearch: optional(text()), webFetch: optional(text()) }, { additionalProperties: false }))
}, { additionalProperties: false })

const maxNamed = 50

export const secrets = {
  'secrets.resolve': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: ResolveParams,
    result: openObject,
    async handle ({ targetIds, allowedPaths }, { rooms, caller }) {
      // Whoever may read the files of this machine learns nothing new; nobody else is to have them over a network.
      if (!caller.local || caller.key) {
        throw new GatewayError('FORBIDDEN', {
          message: 'secrets.resolve is for commands on the machine of the gateway: run the command there',
          details: { principal: caller.principal }
        })
      }
      const [{ isOfType, isPlaceType }, { refsIn }, { createSecretResolver }, { configTree }] = await Promise.all([
        import('../config/secret-places.ts'), import('../config/secret-values.ts'), import('../config/secrets.ts'), import('../config/schema.ts')
      ])
      const unknown = targetIds.find(id => !isPlaceType(id))
      if (unknown !== undefined) {
        throw new GatewayError('INVALID_PARAMS', { message: `invalid secrets.resolve params: unknown target id "${unknown}"`, details: { targetId: unknown } })
      }
      const allowed = allowedPaths && new Set(allowedPaths)
      const isWanted = (path: string): boolean => (!allowed || allowed.has(path)) && targetIds.some(id => isOfType(id, parsePath(path)))
      const loaded = rooms.config()
      const resolver = createSecretResolver(loaded)
      const wanted = refsIn(loaded.source, configTree).filter(({ path }) => isWanted(path))
      const checked = await Promise.all(wanted.map(async ({ path, ref }) => ({ path, resolved: await resolver.resolve(ref) })))
      const missing = checked.filter(({ resolved }) => resolved.error !== undefined)
      return {
        ok: true,
        assignments: checked.flatMap(({ path, resolved }) => {
          const steps = parsePath(path)
          return resolved.value === undefined ? [] : [{ path: formatPath(steps), pathSegments: steps.map(String), value: resolved.value }]
        }),
        diagnostics: missing.slice(0, maxNamed).map(({ path, resolved }) => `${path}: ${resolved.error}`),
        inactiveRefPaths: []
      }
    }
  })
}
