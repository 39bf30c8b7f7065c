/**
 * Methods of the contract whose rooms are not built yet. Those that read answer what is true today: there are none. Those that act
 * refuse with a reason. Nothing here may stay: whoever builds a room moves its names out of this file, and a test lists what is left.
 */
import { GatewayError } from '../protocol/errors.ts'
import type { Scope } from '../protocol/scopes.ts'
import { method, type Rooms } from './rooms.ts'
import { openList, openObject } from './shapes.ts'

type Answer = (rooms: Rooms, params: { readonly [name: string]: unknown }) => object

/** Reads that official clients make right after connecting. */
function empty (scope: Scope, waitsFor: string, answer: Answer) {
  return method({
    scope,
    params: openObject,
    result: openObject,
    changes: false,
    placeholder: waitsFor,
    handle: (params, { rooms }) => answer(rooms, params as {}) as {}
  })
}

/** The same for answers that are bare lists. */
function emptyList (scope: Scope, waitsFor: string) {
  return method({ scope, params: openObject, result: openList, changes: false, placeholder: waitsFor, handle: () => [] })
}

function refused (scope: Scope, waitsFor: string) {
  return method({
    scope,
    params: openObject,
    result: openObject,
    changes: false,
    advertise: false,
    placeholder: waitsFor,
    handle (): never {
      // Most clients show the message alone.
      throw new GatewayError('NOT_BUILT_YET', { message: `this gateway does not offer this yet: ${waitsFor}`, details: { reason: waitsFor } })
    }
  })
}

const panels = 'tasks and the panels beside a conversation are not built yet'
const plugins = 'panels of plugins and questions are not built yet'
const operations = 'day-two operations are not built yet'

const refusals: { readonly [scope in Scope]?: { readonly [waitsFor: string]: readonly string[] } } = {
  'operator.admin': {
    [operations]: ['update.run']
  }
}

const refusedMethods = Object.fromEntries(Object.entries(refusals).flatMap(([scope, reasons]) =>
  Object.entries(reasons).flatMap(([waitsFor, names]) => names.map(name => [name, refused(scope as Scope, waitsFor)] as const))))

export const placeholders = {
  'tasks.list': empty('operator.read', panels, () => ({ tasks: [] })),
  'sessions.companion.state': empty('operator.read', panels, () => ({ exchanges: [] })),
  'environments.list': empty('operator.read', panels, () => ({ environments: [] })),
  'progressCard.get': empty('operator.read', panels, () => ({ card: null })),
  'question.list': empty('operator.questions', plugins, () => ({ questions: [] })),
  'openclaw.approval.list': emptyList('operator.approvals', plugins),
  'plugins.controlUi.list': empty('operator.read', plugins, () => ({ revision: 'none', plugins: [], diagnostics: [] })),
  'update.status': empty('operator.admin', operations, () => ({ sentinel: null, updateAvailable: null, effectiveChannel: 'stable' })),
  'users.prefs.get': empty('operator.read', operations, () => ({ status: 'no_durable_identity' })),
  'talk.catalog': empty('operator.read', operations, () => ({ modes: [], transports: [], brains: [], speech: { providers: [] } })),
  'diagnostics.stability': empty('operator.read', operations, rooms => ({
    generatedAt: new Date(rooms.now()).toISOString(), capacity: 0, count: 0, dropped: 0, events: [], summary: { byType: {} }
  })),
  ...refusedMethods
}
