/** Methods that write the configuration, and those that have the gateway take it in. */
import { formatIssue } from '../config/issues.ts'
import type { LoadedConfig } from '../config/load.ts'
import { redactConfig } from '../config/redact.ts'
import type { Submitted, Stored } from '../config/submitted.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type, type Static } from '../protocol/type.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const maxRawChars = 4 * 1024 * 1024
const raw = Type.String({ minLength: 1, maxLength: maxRawChars })
const written = {
  raw,
  /** Of config.get. */
  baseHash: Type.Optional(text({ maxLength: 256 })),
  /** Much of the file may go. */
  allowDestructive: Type.Optional(Type.Boolean())
}
/** What the contract has for agents that change their own gateway. */
const about = {
  sessionKey: Type.Optional(text({ maxLength: 512 })),
  deliveryContext: Type.Optional(openObject),
  note: Type.Optional(Type.String({ maxLength: 4096 })),
  restartDelayMs: Type.Optional(Type.Integer({ minimum: 0 }))
}
const SetParams = Type.Object(written, { additionalProperties: false })
const ApplyParams = Type.Object({ ...written, ...about }, { additionalProperties: false })
const PatchParams = Type.Object({
  ...written, ...about, replacePaths: Type.Optional(Type.Array(text({ maxLength: 512 }), { maxItems: 200 }))
}, { additionalProperties: false })

type Written = Static<typeof PatchParams>

const storedOf = ({ exists, raw, parsed }: LoadedConfig): Stored => exists ? { text: raw ?? '{}\n', parsed } : { text: '{}\n', parsed: {} }

interface Change {
  readonly kind: 'config-set' | 'config-patch' | 'config-apply'
  readonly submit: (stored: Stored) => Promise<Submitted>
}

function hashMissing (kind: Change['kind'], paths: readonly string[]): GatewayError {
  if (kind !== 'config-patch') return new GatewayError('CONFIG_HASH_REQUIRED')
  const named = paths.slice(0, 5).join(', ')
  return new GatewayError('CONFIG_HASH_REQUIRED', { message: `config base hash required for ${named}; re-run config.get and retry with baseHash` })
}

async function write (rooms: Rooms, { kind, submit }: Change, params: Written): Promise<object> {
  // Seen as it is on the disk: what is written there and waits for a restart, or was refused, is part of it.
  const before = await rooms.readConfig()
  const broken = before.exists && before.parsed === undefined ? before.issues[0] : undefined
  if (broken) throw new GatewayError('CONFIG_INVALID', { message: `config base hash unavailable; the configuration cannot be read: ${formatIssue(broken, before.path)}` })
  const { changedPaths, text } = await submit(storedOf(before))
  const path = before.path
  if (changedPaths.length === 0) {
    return { ok: true, noop: true, path, hash: before.hash, changedPaths: [], config: redactConfig(before.parsed ?? {}) }
  }
  if (before.exists && params.baseHash === undefined) throw hashMissing(kind, changedPaths)
  const loaded = await rooms.changeConfig(() => text, {
    way: 'seen', baseHash: before.exists ? params.baseHash! : null, allowDestructive: params.allowDestructive === true
  })
  const pending = rooms.reloads.facts().pending.filter(name => changedPaths.includes(name))
  return {
    ok: true,
    path,
    hash: loaded.hash,
    changedPaths,
    config: redactConfig(loaded.parsed ?? {}),
    pending,
    ...(kind === 'config-set' ? {} : { sentinel: sentinelOf(rooms, kind, params.note, pending.length > 0) })
  }
}

/** In the contract's words: what became of it, for whoever comes back after a restart. */
function sentinelOf (rooms: Rooms, kind: Change['kind'], note: string | undefined, requiresRestart: boolean): object {
  const stats = { mode: kind.replace('-', '.'), root: null, requiresRestart }
  return { persisted: false, payload: { kind, status: 'ok', ts: rooms.now(), message: note ?? null, doctorHint: 'openclaw doctor', stats } }
}

const submitted = async (): Promise<typeof import('../config/submitted.ts')> => await import('../config/submitted.ts')

async function reloaded (rooms: Rooms): Promise<object> {
  const { applied, pending } = await rooms.reloads.now()
  const { mode } = rooms.reloads.facts()
  const isRestarting = pending.length > 0 && (mode === 'hybrid' || mode === 'restart')
  return { ok: true, hash: rooms.config().hash, mode, applied, pending, restart: isRestarting ? 'scheduled' : pending.length > 0 ? 'needed' : 'none' }
}

/** The text takes the place of the file. */
const wholeAs = (kind: Change['kind']) => (params: Static<typeof ApplyParams>, { rooms }: { readonly rooms: Rooms }): Promise<{}> =>
  write(rooms, { kind, submit: async stored => (await submitted()).submitWhole(params.raw, stored) }, params)

export const configChanges = {
  'config.set': method({
    scope: 'operator.admin',
    params: SetParams,
    result: openObject,
    handle: wholeAs('config-set')
  }),
  'config.apply': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: ApplyParams,
    result: openObject,
    handle: wholeAs('config-apply')
  }),
  'config.patch': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: PatchParams,
    result: openObject,
    handle: (params, { rooms }) => write(rooms, {
      kind: 'config-patch', submit: async stored => (await submitted()).submitPatch(params.raw, stored, params.replacePaths)
    }, params) as Promise<{}>
  }),
  'gateway.reload': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: noParams,
    result: openObject,
    handle: (_params, { rooms }) => reloaded(rooms) as Promise<{}>
  }),
  'secrets.reload': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: noParams,
    result: openObject,
    async handle (_params, { rooms }) {
      const { checkSecrets } = await import('../config/secret-values.ts')
      await rooms.reloads.now({ way: 'seen', freshSecrets: true })
      const missing = (await checkSecrets(rooms.config())).filter(({ resolved }) => resolved?.error !== undefined)
      const warnings = missing.slice(0, 50).map(({ path, resolved }) => `${path}: ${resolved?.error}`)
      return { ok: true, warningCount: missing.length, warnings }
    }
  })
}
