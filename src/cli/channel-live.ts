/** Tells a gateway that runs that its channels are written anew. */
import type { CommandContext } from './define-command.ts'
import { loadLocalSettings } from './local-settings.ts'
import { selectTarget } from './target.ts'
import { reachGateway, type RpcFlags } from './with-gateway.ts'

export interface TakenUp {
  /** What the gateway did with it, or why it did nothing, as a sentence. */
  readonly said: string
  readonly live: boolean
  /** What of the channel cannot be used, as the gateway sees it. */
  readonly warnings: readonly string[]
}

const later = 'The gateway does not run here; it takes this up when it starts.'

export async function takeUp (context: CommandContext<RpcFlags>, channel: string): Promise<TakenUp> {
  const settings = await loadLocalSettings(context)
  let warnings: readonly string[] = []
  try {
    const target = selectTarget(context.options, settings)
    if (!target.local) return { said: 'The gateway of this command line runs elsewhere and has a configuration of its own.', live: false, warnings }
    await reachGateway(context, { target, settings }, true, async ({ client }) => {
      const answer = await client.request('channels.reload', {}) as { warnings?: readonly string[] }
      warnings = (answer.warnings ?? []).filter(text => text.startsWith(`${channel} `))
      return 0
    })
    return { said: 'The gateway has taken it up.', live: true, warnings }
  } catch {
    // Whether it runs is not what was asked for.
    return { said: later, live: false, warnings }
  }
}
