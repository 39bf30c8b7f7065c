/** The one way in for what Slack tells, however it comes and however often. */
import { createRecent } from '../../../lib/recent.ts'
import type { AccountContext } from '../../define-channel.ts'
import { readEvent, type Reader } from './inbound.ts'
import { appsPage } from './settings.ts'
import type { EventCallback } from './wire.ts'

export interface Intake {
  /** Resolves when nothing of it can be lost any more. */
  take (callback: EventCallback): Promise<void>
}

export interface IntakeOptions {
  readonly context: Pick<AccountContext, 'receive' | 'disconnected' | 'log'>
  readonly reader: Reader
  /** A person writes there. */
  readonly met: (userId: string, channelId: string) => void
}

const mostRemembered = 2000
const removed: ReadonlySet<string | undefined> = new Set(['app_uninstalled', 'tokens_revoked'])

export function createIntake ({ context, reader, met }: IntakeOptions): Intake {
  const taken = createRecent<Promise<void>>(mostRemembered)

  /** An app that is installed in several workspaces is told of all of them. */
  const isOurs = ({ authorizations: list }: EventCallback): boolean => !Array.isArray(list) || list.length === 0 ||
    list.some(({ team_id: team, is_enterprise_install: isWide }) => isWide === true || team === reader.self.teamId)

  async function takeOnce (callback: EventCallback): Promise<void> {
    const { event } = callback
    if (!event || !isOurs(callback)) return
    // Tokens of people are none of ours.
    if (removed.has(event.type) && (event.type === 'app_uninstalled' || event.tokens?.bot?.includes(reader.self.userId))) {
      return context.disconnected({ reason: `the app was removed from the workspace; install it again at ${appsPage}`, terminal: 'logged-out' })
    }
    const message = await readable(context.log, async () => await readEvent(event, reader))
    if (!message) return
    if (message.chat.kind === 'direct' && event.channel !== undefined) met(message.chat.id, event.channel)
    await context.receive(message)
  }

  return {
    async take (callback) {
      const { event_id: id } = callback
      if (id === undefined) return await takeOnce(callback)
      const work = taken.get(id) ?? takeOnce(callback)
      taken.set(id, work)
      try {
        await work
      } catch (error) {
        // What could not be taken is taken when it comes again.
        if (taken.get(id) === work) taken.delete(id)
        throw error
      }
    }
  }
}

/** What cannot be read today cannot be read tomorrow, and must not hold up what comes after it. */
async function readable <Result> (log: AccountContext['log'], read: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await read()
  } catch (err) {
    log.warn({ err }, 'Slack sent a message that cannot be read; it is left out')
    return undefined
  }
}
