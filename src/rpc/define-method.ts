import type { Caller } from '../auth/caller.ts'
import type { Requirement, Scope } from '../protocol/scopes.ts'
import type { Static, TSchema } from '../protocol/type.ts'
import type { MethodConnection } from './connection.ts'

/** What a method may know about the connection it was called on. */
export interface MethodContext<Rooms> {
  readonly caller: Caller
  readonly connection: MethodConnection
  /** Ends with the connection. */
  readonly signal: AbortSignal
  readonly rooms: Rooms
  /** Answers the request now; what the handler returns follows under the same id. */
  respondFirst (payload: object): void
}

/** Whoever has one of these is admitted; who has none is told of the last. */
export interface AnyScope { readonly anyOf: readonly [Scope, ...Scope[]] }

/** A fixed requirement, one of several, or one that depends on the params (every scope named is needed). */
export type MethodScope<Params> = Requirement | AnyScope | ((params: Params, caller: Caller) => readonly Scope[])

export interface MethodDeclaration<Rooms, P extends TSchema, R extends TSchema> {
  readonly scope: MethodScope<Static<P>>
  /** Closed object schemas; unknown top-level fields are refused by methods that change something and ignored by those that read. */
  readonly params: P
  readonly result: R
  /** Changes something. Derived from the scope when absent: everything but `public` and `*.read`. */
  readonly changes?: boolean
  /** The room behind it keeps the keys itself, and durably. */
  readonly ownsIdempotency?: true
  /** False keeps it out of hello-ok. */
  readonly advertise?: false
  /** Counts against the budget of control-plane writes. */
  readonly controlPlane?: true
  /** It is about the connection it is called on: without one there is nothing to do. */
  readonly needsConnection?: true
  /** Why this method has no room behind it yet. Its answer is honest and empty, or UNAVAILABLE with this reason. */
  readonly placeholder?: string
  handle (params: Static<P>, context: MethodContext<Rooms>): Static<R> | RawJson | Promise<Static<R> | RawJson>
}

/** JSON that is already text: written into the response frame as it is. */
export class RawJson {
  readonly text: string
  constructor (text: string) {
    this.text = text
  }
}

/** The shape that dispatch works with, whatever the schemas of a method are. */
export type Method<Rooms> = MethodDeclaration<Rooms, TSchema, TSchema>

/** Returns a declarer bound to the rooms that handlers get. A declaration without a scope does not compile. */
export const methodsOver = <Rooms>() =>
  <P extends TSchema, R extends TSchema>(declaration: MethodDeclaration<Rooms, P, R>): MethodDeclaration<Rooms, P, R> => declaration

export type MethodTable<Rooms> = { readonly [name: string]: Method<Rooms> }

/** Methods that are there or not while the gateway runs. None of them hides one of the table. */
export interface MoreMethods<Rooms> {
  /** Throws what there is to say while nobody knows yet. */
  find (name: string): Method<Rooms> | undefined
  /** For hello-ok; another list whenever there are others. */
  advertised (): readonly string[]
}

const onlyReads = (scope: MethodScope<never>): boolean => {
  if (typeof scope === 'function') return false
  return typeof scope === 'string' ? scope === 'public' || scope.endsWith('.read') : scope.anyOf.every(onlyReads)
}

export const changesState = (method: Method<never>): boolean => method.changes ?? !onlyReads(method.scope)
