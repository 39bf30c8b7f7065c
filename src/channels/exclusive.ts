/** What only one account may read at a time: two readers would drive each other out for ever, or answer everything twice. */

const readers = new Map<string, string>()

/** `what` names it in sentences: a bot, an app. Throws when another account has it; given back when `ending` is aborted. */
export function readAlone (identity: string, what: string, accountId: string, ending: AbortSignal): void {
  if (ending.aborted) return
  const other = readers.get(identity)
  if (other !== undefined) throw new Error(`account ${other} reads the same ${what} already; give ${accountId} one of its own`)
  readers.set(identity, accountId)
  ending.addEventListener('abort', () => readers.delete(identity))
}
