/**
 * The words in which configuration is declared. A tree of these nodes is the only place where a key exists: its type, default,
 * help, reload class and what a bad value does; the validator, `Config`, the JSON Schema, the example file and the redactor
 * are all read off it.
 */
import type { Static, TSchema } from '../../protocol/type.ts'

/** What a change of the key takes: nothing but reading it, a word to one room, a restart, or no action at all. */
export type ReloadClass = 'live' | `room:${string}` | 'restart' | 'none'

interface Facts {
  readonly help: string
  /** Inherited from the enclosing group when absent. */
  readonly reload?: ReloadClass
}

export interface KeyFacts<T> extends Facts {
  readonly default?: T
  /** Taken instead of the default when the given value is invalid: a deny list that cannot be read must not become an empty one. */
  readonly failsafe?: T
  /** The value is a credential: a string or a SecretRef, redacted wherever it is shown. */
  readonly secret?: true
  /** With an invalid value here the daemon cannot be safe and does not start. */
  readonly critical?: true
  /** The sentence of the warning when the key is set to anything but its default. */
  readonly retired?: string
  /** Other spellings of the same meaning, brought to one before the type is checked. */
  readonly normalize?: (value: unknown) => unknown
  /** An entry without it is no entry. */
  readonly required?: true
  /** A rule that the type cannot say. Returns what was expected when it is broken. */
  readonly check?: (value: unknown) => string | undefined
  /** The same for each item of a list, so that one bad item costs itself only. */
  readonly checkItem?: (value: unknown) => string | undefined
}

export interface KeyNode<T> extends KeyFacts<T> {
  readonly kind: 'key'
  readonly type: TSchema
  readonly default: T
}

export interface GroupFacts extends Facts {
  /** A part that is switched off as a whole when anything in it is invalid (one channel, one agent, one provider). */
  readonly unit?: true
  /** Keys that are not declared belong to somebody else (a plugin, a channel) and are no mistake. */
  readonly open?: true
  /** Every key that is not declared is one of these. */
  readonly rest?: Node
}

type Children = { readonly [key: string]: Node }

export interface GroupNode<C extends Children = Children, F extends GroupFacts = GroupFacts> extends GroupFacts {
  readonly kind: 'group'
  readonly children: C
  readonly facts: F
}

/** Like a group, but `undefined` in the configuration when the file does not have it. */
export interface OptionalGroupNode<C extends Children = Children, F extends GroupFacts = GroupFacts> extends GroupFacts {
  readonly kind: 'optional-group'
  readonly children: C
  readonly facts: F
}

export interface MapNode<N extends Node = Node> extends Facts {
  readonly kind: 'map'
  readonly item: N
}

export interface ListNode<N extends Node = Node> extends Facts {
  readonly kind: 'list'
  readonly item: N
}

export type AnyGroup = GroupNode<any, any> | OptionalGroupNode<any, any>
export type Node = KeyNode<any> | AnyGroup | MapNode<any> | ListNode<any>

type Rest<F extends GroupFacts> =
  F extends { rest: infer N } ? { [id: string]: NonNullable<ValueOf<N>> } : F extends { open: true } ? { [key: string]: unknown } : unknown

type Shape<C extends Children, F extends GroupFacts> =
  { [K in keyof C as undefined extends ValueOf<C[K]> ? never : K]: ValueOf<C[K]> } &
  { [K in keyof C as undefined extends ValueOf<C[K]> ? K : never]?: ValueOf<C[K]> } &
  Rest<F>

/** The value that a node has in a loaded configuration, defaults filled in. */
export type ValueOf<N> =
  N extends KeyNode<infer T> ? T
    : N extends GroupNode<infer C, infer F> ? Shape<C, F>
      : N extends OptionalGroupNode<infer C, infer F> ? Shape<C, F> | undefined
        : N extends MapNode<infer I> ? { [id: string]: NonNullable<ValueOf<I>> }
          : N extends ListNode<infer I> ? Array<NonNullable<ValueOf<I>>>
            : never

/** A node of a part that inherits: same keys and types, no defaults. */
export type InheritedNode<N> =
  N extends KeyNode<infer T> ? KeyNode<T | undefined>
    : N extends GroupNode<infer C, infer F> ? OptionalGroupNode<{ [K in keyof C]: InheritedNode<C[K]> }, F>
      : N extends OptionalGroupNode<infer C, infer F> ? OptionalGroupNode<{ [K in keyof C]: InheritedNode<C[K]> }, F>
        : N

export function key<S extends TSchema> (type: S, facts: KeyFacts<Static<S>> & { default: Static<S> }): KeyNode<Static<S>>
export function key<S extends TSchema> (type: S, facts: KeyFacts<Static<S>>): KeyNode<Static<S> | undefined>
export function key (type: TSchema, facts: KeyFacts<unknown>): KeyNode<unknown> {
  return { kind: 'key', type, default: undefined, ...facts }
}

export const group = <C extends Children, const F extends GroupFacts>(facts: F, children: C): GroupNode<C, F> =>
  ({ kind: 'group', ...facts, facts, children })

export const optionalGroup = <C extends Children, const F extends GroupFacts>(facts: F, children: C): OptionalGroupNode<C, F> =>
  ({ kind: 'optional-group', ...facts, facts, children })

export const map = <N extends Node>(facts: Facts, item: N): MapNode<N> => ({ kind: 'map', ...facts, item })

export const list = <N extends Node>(facts: Facts, item: N): ListNode<N> => ({ kind: 'list', ...facts, item })

/** The same keys where what is absent comes from elsewhere (an agent's entry inherits from `agents.defaults`). */
export function inherited<N extends Node> (node: N): InheritedNode<N> {
  if (node.kind === 'key') return { ...node, default: undefined } as InheritedNode<N>
  if (node.kind !== 'group' && node.kind !== 'optional-group') return node as InheritedNode<N>
  const children = Object.fromEntries(Object.entries(node.children).map(([name, child]) => [name, inherited(child as Node)]))
  return { ...node, kind: 'optional-group', children } as unknown as InheritedNode<N>
}

export const childrenOf = (node: Node): Children | undefined =>
  node.kind === 'group' || node.kind === 'optional-group' ? node.children as Children : undefined

/** A key that is not declared there is a mistake, and nobody reads it. */
export const isClosed = (node: Node): boolean => childrenOf(node) !== undefined && !(node as AnyGroup).open

/** The node of one step below `node`, whichever kind it is. */
export function childOf (node: Node, step: string | number): Node | undefined {
  const children = childrenOf(node)
  if (children) return Object.hasOwn(children, step) ? children[step] : (node as AnyGroup).rest
  return node.kind === 'map' || node.kind === 'list' ? node.item as Node : undefined
}
