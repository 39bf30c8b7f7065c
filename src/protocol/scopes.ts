/** The closed set of operator scopes and what each one includes. */
export const scopes = [
  'operator.read', 'operator.write', 'operator.admin', 'operator.sessions.read', 'operator.sessions.write',
  'operator.approvals', 'operator.questions', 'operator.pairing', 'operator.talk', 'operator.talk.secrets'
] as const
export type Scope = typeof scopes[number]

/** What a method, route or event may demand: a scope, `public` (nobody needs anything) or `node` (the node role). */
export type Requirement = Scope | 'public' | 'node'

const known: ReadonlySet<string> = new Set(scopes)
export const isScope = (value: unknown): value is Scope => typeof value === 'string' && known.has(value)

const implied: { readonly [scope in Scope]?: readonly Scope[] } = {
  'operator.admin': scopes,
  'operator.write': ['operator.read', 'operator.talk', 'operator.sessions.read', 'operator.sessions.write'],
  'operator.read': ['operator.sessions.read'],
  'operator.sessions.write': ['operator.sessions.read']
}

/** What an operator of the whole gateway holds, and what the CLI asks for. */
export const fullOperatorScopes: readonly Scope[] = [
  'operator.admin', 'operator.read', 'operator.write', 'operator.approvals', 'operator.questions', 'operator.pairing', 'operator.talk.secrets'
]

/** Keeps the scopes of the closed set, without repeats, in the order given. Anything else is dropped: it can grant nothing. */
export const knownScopes = (requested: Iterable<unknown>): Scope[] => [...new Set([...requested].filter(isScope))]

/** Everything that a list of scopes amounts to. */
export function expandScopes (granted: Iterable<Scope>): ReadonlySet<Scope> {
  const all = new Set<Scope>()
  for (const scope of granted) {
    all.add(scope)
    for (const included of implied[scope] ?? []) all.add(included)
  }
  return all
}

/** True when everything requested is contained in what is granted, implications included. */
export function coversScopes (granted: Iterable<Scope>, requested: Iterable<Scope>): boolean {
  const all = expandScopes(granted)
  for (const scope of requested) if (!all.has(scope)) return false
  return true
}

/** The form in which tokens keep their scopes: read and write spelled out where they are implied, sorted. */
export function normalizeTokenScopes (granted: Iterable<Scope>): Scope[] {
  const all = new Set(granted)
  if (all.has('operator.admin')) all.add('operator.write')
  if (all.has('operator.write')) all.add('operator.read')
  return [...all].sort()
}
