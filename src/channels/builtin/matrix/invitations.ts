/** Invitations: accepted as the settings say, tried again a few times, and never in the way of messages. */
import type { Logger } from '../../../log/logger.ts'
import { ServiceRefusal } from '../../http/service.ts'
import type { Api } from './api.ts'
import type { Rooms } from './rooms.ts'
import type { MatrixSettings } from './settings.ts'
import { isRoomId, type InvitedRoom } from './wire.ts'

export interface Invitations {
  note (roomId: string, room: InvitedRoom): void
  /** Tries those that wait. */
  accept (signal: AbortSignal): Promise<void>
}

interface Waiting { readonly inviter: string | undefined, readonly isDirect: boolean, tries: number }

const mostWaiting = 50
const mostTries = 5

type Options = Pick<MatrixSettings, 'autoJoin' | 'autoJoinAllowlist'> & { readonly api: Api, readonly rooms: Rooms, readonly log: Logger, readonly selfId: () => string }

export function createInvitations ({ autoJoin, autoJoinAllowlist, api, rooms, log, selfId }: Options): Invitations {
  const waiting = new Map<string, Waiting>()

  /** An alias is asked of the server: what a room says of itself is its own word. */
  async function isWanted (roomId: string, signal: AbortSignal): Promise<boolean> {
    if (autoJoin !== 'allowlist') return autoJoin === 'always'
    for (const name of autoJoinAllowlist) {
      if (name === '*' || name === roomId || (name.startsWith('#') && await rooms.find(name, signal) === roomId)) return true
    }
    return false
  }

  async function join (roomId: string, { inviter, isDirect }: Waiting, signal: AbortSignal): Promise<void> {
    if (!await isWanted(roomId, signal)) return log.info({ roomId, inviter }, 'an invitation was not accepted (channels.matrix.autoJoin)')
    await api.call('POST', `rooms/${encodeURIComponent(roomId)}/join`, { json: {}, signal, extraMs: 30_000 })
    if (isDirect && inviter !== undefined) await rooms.addDirect(inviter, roomId, signal)
  }

  return {
    note (roomId, { invite_state: state }) {
      if (!isRoomId(roomId) || waiting.size >= mostWaiting) return
      const own = state?.events?.find(event => event?.type === 'm.room.member' && event.state_key === selfId())
      waiting.set(roomId, { inviter: own?.sender, isDirect: own?.content?.is_direct === true, tries: 0 })
    },
    async accept (signal) {
      for (const [roomId, invitation] of waiting) {
        try {
          await join(roomId, invitation, signal)
          waiting.delete(roomId)
        } catch (err) {
          if (signal.aborted) return
          const isFinal = ++invitation.tries >= mostTries || (err instanceof ServiceRefusal && err.outcome === 'refused')
          if (isFinal) waiting.delete(roomId)
          log.warn({ err, roomId }, isFinal ? 'an invitation could not be accepted' : 'an invitation could not be accepted yet')
        }
      }
    }
  }
}
