/** Which API key a run counts for: the one it was begun with, or the one on whose account whatever began it goes. */
import type { Keys } from '../auth/keys/room.ts'
import { keyOfPrincipal } from '../auth/keys/caller-key.ts'
import type { Usage } from '../protocol/transcript.ts'
import { ownerOfKey } from '../sessions/ownership.ts'
import type { Sessions } from '../sessions/room.ts'
import type { StoreOp } from '../store/store.ts'
import type { RunRequest } from './room.ts'
import type { Run } from './run.ts'
import { principalOf } from './stored-run.ts'

export interface ChargeContext {
  readonly sessions: Pick<Sessions, 'get'>
  /** Loaded with the first use of an API key. */
  readonly keys: () => Promise<Pick<Keys, 'beginRun' | 'book' | 'save'>>
}

/** The gateway itself, or a conversation that began a helper: nobody who could be answerable for what a run costs. */
const isNobody = (principal: string): boolean => principal === 'gateway' || principal.startsWith('agent:')

function keyOf (principal: string, sessionKey: string, sessions: ChargeContext['sessions']): string | undefined {
  if (!isNobody(principal)) return keyOfPrincipal(principal)
  return keyOfPrincipal(sessions.get(sessionKey)?.owner ?? ownerOfKey(sessionKey))
}

export interface Charge {
  readonly keyId?: string
  /** Gives the place back that the run took among those of its key. */
  release (): void
}

const nobodys: Charge = { release () {} }

/**
 * Throws when the key has used up its day, or has as many runs under way as it may. Helpers take no place: whoever waits for them has
 * one.
 */
export async function beginCharge (
  { caller }: Pick<RunRequest, 'caller'>, sessionKey: string, parent: Run | undefined, { sessions, keys }: ChargeContext
): Promise<Charge> {
  const keyId = keyOf(caller.principal, sessionKey, sessions) ?? (isNobody(caller.principal) ? parent?.keyId : undefined)
  if (keyId === undefined) return nobodys
  return { keyId, release: (await keys()).beginRun(keyId, { counts: !isNobody(caller.principal) }) }
}

/** Books what a run has used. Returns what is to be stored with its end; what leaves no trace is stored by itself. */
export async function book (run: Run, usage: Usage | undefined, { sessions, keys }: ChargeContext): Promise<() => StoreOp[]> {
  const { claim } = run.answers[0] ?? run
  const keyId = run.keyId ?? keyOf(principalOf(claim), run.key, sessions)
  if (keyId === undefined) return () => []
  const room = await keys()
  const ops = room.book(keyId, usage)
  if (run.request.fleeting !== undefined) room.save(keyId)
  return ops
}
