/** What Telegram shows to whoever types a slash: what is understood here, and nothing else. */
import { createOneAtATime } from '../../../lib/one-at-a-time.ts'
import type { AccountContext, ChatCommand } from '../../define-channel.ts'
import type { Api } from './api.ts'
import type { Memory } from './memory.ts'
import type { TelegramKeys } from './settings.ts'

export interface MenuOptions {
  readonly api: Api
  readonly context: Pick<AccountContext<TelegramKeys>, 'config' | 'commands' | 'log'>
  readonly memory: Memory
  readonly signal: AbortSignal
}

export interface Menu {
  /** Makes it what can be ordered now. Nothing depends on it, and nobody waits for it. */
  show (): void
}

const mostCommands = 100
const longestDescription = 256
const nameShape = /^[a-z0-9_]{1,32}$/

/** Telegram takes no other names; the rest is understood as well, but cannot be shown. */
function entriesOf (commands: readonly ChatCommand[]): ReadonlyArray<{ readonly command: string, readonly description: string }> {
  const entries = new Map(commands.map(({ name, description }) => [name.toLowerCase(), description.slice(0, longestDescription)]))
  return [...entries].filter(([name, description]) => nameShape.test(name) && description !== '').slice(0, mostCommands)
    .map(([command, description]) => ({ command, description }))
}

export function createMenu ({ api, context, memory, signal }: MenuOptions): Menu {
  const inTurn = createOneAtATime()
  let shown: string | undefined

  async function make (): Promise<void> {
    const commands = context.config.commands?.native === false ? [] : entriesOf(context.commands())
    const wanted = JSON.stringify(commands)
    if (signal.aborted || shown === wanted) return
    if (commands.length > 0) {
      // One that somebody made elsewhere is not taken away later.
      if (!memory.saved.hasMenu) await memory.change(saved => ({ ...saved, hasMenu: true }))
      await api.call('setMyCommands', { commands }, { signal })
    } else if (memory.saved.hasMenu) {
      await api.call('deleteMyCommands', {}, { signal })
      await memory.change(({ hasMenu: _hasMenu, ...saved }) => saved)
    }
    shown = wanted
  }

  return {
    show () {
      inTurn(make).catch((err: unknown) => {
        if (!signal.aborted) context.log.warn({ err }, 'the menu of commands could not be shown; they work all the same')
      })
    }
  }
}
