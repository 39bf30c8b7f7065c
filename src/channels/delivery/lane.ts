/** Messages of one chat: one goes out at a time, in their order. */
import type { OutboundItem } from './item.ts'

export interface Lane {
  readonly items: OutboundItem[]
  cancel?: (() => void) | undefined
  isBusy: boolean
}

export const laneOf = ({ channel, accountId, chatId, threadId }: OutboundItem): string => JSON.stringify([channel, accountId, chatId, threadId ?? ''])
