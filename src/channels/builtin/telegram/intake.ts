/** The one way in for what the service tells, however it comes. */
import type { Logger } from '../../../log/logger.ts'
import type { AccountContext } from '../../define-channel.ts'
import { createAlbums } from './albums.ts'
import { messageOf, readMessage, type Reader } from './inbound.ts'
import type { Memory } from './memory.ts'
import type { Message, Update } from './wire.ts'

export interface Intake {
  /** Resolves when nothing of it can be lost any more. */
  take (update: Update): Promise<void>
  stop (): void
}

export function createIntake ({ receive, log }: Pick<AccountContext, 'receive' | 'log'>, memory: Memory, reader: Reader): Intake {
  async function deliver (pieces: readonly Message[], edit?: Update): Promise<void> {
    const message = readable(log, () => readMessage(pieces, reader, edit))
    if (message) await receive(message)
  }
  const albums = createAlbums({ memory, log, deliver })
  albums.resume()
  return {
    async take (update) {
      const found = messageOf(update)
      if (!found) return
      const { message, isEdit } = found
      if (!isEdit && message.media_group_id !== undefined) return await albums.add(message)
      // Nothing overtakes an album that was written before it.
      await albums.settle(message.chat.id)
      await deliver([message], isEdit ? update : undefined)
    },
    stop: () => albums.stop()
  }
}

/** What cannot be read today cannot be read tomorrow, and must not hold up what comes after it. */
function readable<Result> (log: Logger, read: () => Result): Result | undefined {
  try {
    return read()
  } catch (err) {
    log.warn({ err }, 'Telegram sent a message that cannot be read; it is left out')
    return undefined
  }
}
