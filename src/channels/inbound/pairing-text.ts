import type { AccountEntry } from '../entries.ts'
import { onlyAccountId } from '../entries.ts'
import type { AccessRequest } from './pairing.ts'

/** What a stranger is told, once: enough for whoever runs the gateway to let him in. */
export function pairingText (label: string, { channel, accountId }: AccountEntry, { senderId, code }: AccessRequest): string {
  const account = accountId === onlyAccountId ? '' : ` --account ${accountId}`
  return [
    'OpenClaw: access is not set up for you yet.',
    `Your ${label} user id: ${senderId}`,
    `Pairing code: ${code}`,
    'Ask whoever runs this agent to let you in with:',
    `openclaw pairing approve ${channel} ${code}${account}`
  ].join('\n')
}
