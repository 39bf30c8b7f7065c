/** What a person who runs the gateway does about strangers who ask to be let in. */
import type { LoadedConfig } from '../../config/load.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { AccessRequest, ChannelPairing } from './pairing.ts'

export interface Decision {
  readonly channel?: string
  readonly accountId?: string
  /** The id of the request, or its code. */
  readonly request: string
  /** Tell whoever asked. */
  readonly notify?: boolean
  /** Make the sender the owner, when there is none yet. */
  readonly bootstrapCommandOwner?: boolean
}

export interface Decided {
  readonly request: AccessRequest
  readonly notification: 'not-requested' | 'sent' | 'unsupported' | 'failed'
  readonly commandOwnerBootstrap: 'not-requested' | 'configured' | 'already-configured' | 'unavailable'
}

export interface PairingDesk {
  approve (decision: Decision): Promise<Decided>
}

export interface PairingDeskOptions {
  readonly pairing: Pick<ChannelPairing, 'approve'>
  readonly delivery: Pick<Delivery, 'enqueue'>
  readonly config: () => LoadedConfig
  /** Writes the first owner into the configuration. */
  readonly setOwner: (owner: string) => Promise<void>
  readonly log: { warn (fields: object, message: string): void }
}

const welcome = 'You have been let in. Write what you need.'

export function createPairingDesk ({ pairing, delivery, config, setOwner, log }: PairingDeskOptions): PairingDesk {
  async function tell ({ requestId, channel, accountId, chatId }: AccessRequest): Promise<Decided['notification']> {
    try {
      await delivery.enqueue({ id: `pairing:${requestId}:approved`, channel, accountId, chatId, text: welcome })
      return 'sent'
    } catch (err) {
      log.warn({ err, channel }, 'whoever was let in could not be told')
      return 'failed'
    }
  }

  async function bootstrap ({ channel, senderId }: AccessRequest): Promise<Decided['commandOwnerBootstrap']> {
    if (config().config.commands.ownerAllowFrom.length > 0) return 'already-configured'
    try {
      await setOwner(`${channel}:${senderId}`)
      return 'configured'
    } catch (err) {
      log.warn({ err, channel }, 'the first owner could not be written into the configuration')
      return 'unavailable'
    }
  }

  return {
    async approve ({ channel, accountId, request: named, notify, bootstrapCommandOwner }) {
      const place = { ...(channel === undefined ? {} : { channel }), ...(accountId === undefined ? {} : { accountId }) }
      const request = await pairing.approve(place, named)
      return {
        request,
        commandOwnerBootstrap: bootstrapCommandOwner ? await bootstrap(request) : 'not-requested',
        notification: notify ? await tell(request) : 'not-requested'
      }
    }
  }
}
