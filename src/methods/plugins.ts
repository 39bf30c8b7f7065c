/** Plugins as operators see them: which there are, how they fare, and switching one on or off. */
import { createHash } from 'node:crypto'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import type { PluginState } from '../plugins/host.ts'
import { declaredBy, diagnosticsOf, rowOf } from './plugin-rows.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const pluginId = text({ maxLength: 64 })
const acknowledgeCapabilities = Type.Optional(Type.Object({ reviewToken: text({ maxLength: 256 }) }, { additionalProperties: false }))

async function stateOf (id: string, { plugins }: Rooms): Promise<PluginState> {
  const { states } = await plugins.report()
  const found = states.find(({ manifest }) => manifest.id.toLowerCase() === id.toLowerCase())
  if (!found) throw new GatewayError('PLUGIN_UNKNOWN', { message: `no plugin has the id "${id}"`, details: { pluginId: id } })
  return found
}

/** Stands for exactly what somebody has looked at. */
const reviewTokenOf = ({ manifest, fingerprint, reason }: PluginState): string =>
  createHash('sha256').update(JSON.stringify([manifest.id, fingerprint ?? reason])).digest('base64url')

/** Where things lie on this host, and what stands in files there, is the business of administrators. */
const maySeeAll = (allows: ReadonlySet<string>): boolean => allows.has('operator.admin')

function announce ({ events, config, now }: Rooms): void {
  const { path, hash } = config()
  events.emit('config.changed', { path, hash, ts: now() })
}

export const plugins = {
  'plugins.list': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    async handle (_params, { rooms, caller: { allows } }) {
      const report = await rooms.plugins.report()
      const isAdmin = maySeeAll(allows)
      const rows = report.states.map(state => rowOf(state, isAdmin))
      return { plugins: rows, diagnostics: diagnosticsOf(report, isAdmin), mutationAllowed: isAdmin }
    }
  }),

  'plugins.inspect': method({
    scope: 'operator.read',
    params: Type.Object({ pluginId }, { additionalProperties: false }),
    result: openObject,
    async handle ({ pluginId: id }, { rooms, caller: { allows } }) {
      const state = await stateOf(id, rooms)
      const { id: own, name, version, description, origin, installed, enabled } = rowOf(state, maySeeAll(allows))
      const never = { effective: false }
      return {
        ok: true,
        plugin: { id: own, name, ...(version ? { version } : {}), ...(description ? { description } : {}), origin, installed, enabled },
        source: { kind: 'path', ...(maySeeAll(allows) ? { spec: state.root ?? state.path } : {}) },
        declared: declaredBy(state),
        reviewToken: reviewTokenOf(state),
        grants: { hooks: { allowPromptInjection: never, allowConversationAccess: never } }
      }
    }
  }),

  'plugins.setEnabled': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: Type.Object({ pluginId, enabled: Type.Boolean(), acknowledgeCapabilities }, { additionalProperties: false }),
    result: openObject,
    async handle ({ pluginId: id, enabled, acknowledgeCapabilities: seen }, { rooms }) {
      const before = await stateOf(id, rooms)
      if (seen && seen.reviewToken !== reviewTokenOf(before)) throw new GatewayError('PLUGIN_CHANGED', { details: { pluginId: before.manifest.id } })
      await rooms.plugins.setEnabled(before.manifest.id, enabled)
      announce(rooms)
      const state = await stateOf(id, rooms)
      const warning = enabled && state.state !== 'enabled' ? state.reason : undefined
      return { ok: true, plugin: rowOf(state, true), restartRequired: false, ...(warning === undefined ? {} : { warnings: [warning] }) }
    }
  }),

  'plugins.refresh': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: noParams,
    result: openObject,
    async handle (_params, { rooms }) {
      await rooms.plugins.refresh()
      return { ok: true }
    }
  }),

  'plugins.uiDescriptors': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    // Plugins of this gateway bring no pages.
    handle: () => ({ ok: true, descriptors: [] })
  })
}
