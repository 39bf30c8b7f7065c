/** Messages that are orders to the gateway rather than words for the agent. */

export type Command =
  | { readonly kind: 'stop' }
  /** Begins anew; `rest` is the first message of the new conversation. */
  | { readonly kind: 'reset', readonly trigger: string, readonly rest: string }

export function commandOf (message: string, resetTriggers: readonly string[]): Command | undefined {
  const text = message.trim()
  if (/^\/stop$/i.test(text)) return { kind: 'stop' }
  // Words of any kind may be triggers, also several of them, but not the beginning of a longer word.
  const lower = text.toLowerCase()
  const trigger = resetTriggers.find(known => known !== '' && lower.startsWith(known.toLowerCase()) && /^(?:\s|$)/.test(text.slice(known.length)))
  return trigger === undefined ? undefined : { kind: 'reset', trigger, rest: text.slice(trigger.length).trim() }
}

/** A command as the composer of a client offers it. */
export interface CommandEntry {
  readonly name: string
  readonly textAliases: readonly string[]
  readonly description: string
  readonly category: 'session'
  readonly source: 'native'
  readonly scope: 'text'
  readonly acceptsArgs: boolean
  readonly args?: ReadonlyArray<{ readonly name: string, readonly description: string, readonly type: 'string' }>
}

const entry = (trigger: string, description: string): Omit<CommandEntry, 'acceptsArgs'> =>
  ({ name: trigger.replace(/^\//, ''), textAliases: [trigger], description, category: 'session', source: 'native', scope: 'text' })

/** Every command that `commandOf` understands, and no other. */
export const commandList = (resetTriggers: readonly string[]): CommandEntry[] => [
  { ...entry('/stop', 'Stops what the agent does now, and takes back what waits for it.'), acceptsArgs: false },
  ...resetTriggers.filter(trigger => /^\/\S+$/.test(trigger)).map(trigger => ({
    ...entry(trigger, 'Begins the conversation anew; what follows is its first message.'),
    acceptsArgs: true,
    args: [{ name: 'message', description: 'The first message.', type: 'string' as const }]
  }))
]
