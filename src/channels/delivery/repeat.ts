/** A part whose fate is not known may be sent again where the service recognises its key, for as long as it does. */
import type { Channel } from '../define-channel.ts'
import type { OutboundItem } from './item.ts'

export const isRepeatable = ({ repeatUntilMs }: OutboundItem, now: number): boolean => repeatUntilMs !== undefined && now < repeatUntilMs

/** What an earlier try had to keep to holds for this one as well. */
export function marked (item: OutboundItem, { repeatMs }: Pick<Channel, 'repeatMs'>, now: number): OutboundItem {
  const isFirst = repeatMs !== undefined && item.repeatUntilMs === undefined
  return { ...item, isSending: true, ...(isFirst ? { repeatUntilMs: now + repeatMs } : {}) }
}

/** It is known what became of the try; `repeatUntilMs` is of an earlier one of which it is not. */
export function unmarked (item: OutboundItem, repeatUntilMs?: number): OutboundItem {
  const { isSending: _isSending, repeatUntilMs: _repeatUntilMs, ...rest } = item
  return { ...rest, ...(repeatUntilMs === undefined ? {} : { repeatUntilMs }) }
}
