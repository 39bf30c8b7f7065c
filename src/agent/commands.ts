/** Messages that are orders to the gateway rather than words for the agent. */

export type Command =
  | { readonly kind: 'stop' }
  /** Begins anew; `rest` is the first message of the new conversation. */
  | { readonly kind: 'reset', readonly trigger: string, readonly rest: string }

export function commandOf (message: string, resetTriggers: readonly string[]): Command | undefined {
  const text = message.trim()
  if (!text.startsWith('/')) return undefined
  if (/^\/stop$/i.test(text)) return { kind: 'stop' }
  const [word = ''] = /^\S+/.exec(text) ?? []
  const trigger = resetTriggers.find(known => known.toLowerCase() === word.toLowerCase())
  return trigger === undefined ? undefined : { kind: 'reset', trigger, rest: text.slice(word.length).trim() }
}
