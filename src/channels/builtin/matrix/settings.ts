/** The keys of `channels.matrix`, and what they come to for one account. */
import { secretInput } from '../../../config/schema/types.ts'
import { isHttpAddress } from '../../../lib/http-address.ts'
import { Type, oneOf, type Static } from '../../../protocol/type.ts'
import type { AccountContext } from '../../define-channel.ts'
import { isGiven, settingsPath } from '../../secrets.ts'

export const matrixKeys = Type.Object({
  homeserver: Type.Optional(Type.String({ minLength: 1, description: 'Address of the homeserver, such as https://matrix.example.org.' })),
  accessToken: Type.Optional(secretInput),
  autoJoin: Type.Optional(oneOf(['off', 'allowlist', 'always'], { description: 'Which invitations are accepted; default off.' })),
  autoJoinAllowlist: Type.Optional(Type.Array(Type.String(), { description: 'Rooms by id or alias whose invitations are.' })),
  syncTimeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 120, description: 'How long one sync waits for messages; default 30.' })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 600, description: 'Longest time of one call; default 30.' })),
  sendReadReceipts: Type.Optional(Type.Boolean({ description: 'Tell people that what they wrote has been read; default true.' })),
  reactionNotifications: Type.Optional(oneOf(['off', 'all'], { description: 'Whether reactions are messages to the agent; default off.' }))
})

export type MatrixKeys = Static<typeof matrixKeys>

export interface MatrixSettings {
  readonly homeserver: string
  readonly accessToken: string
  readonly autoJoin: 'off' | 'allowlist' | 'always'
  readonly autoJoinAllowlist: readonly string[]
  readonly syncMs: number
  readonly timeoutMs: number
  readonly sendReadReceipts: boolean
  readonly hearsReactions: boolean
}

/** The next step towards settings that can be started with. */
export function missingSettings ({ homeserver, accessToken }: MatrixKeys, accountId: string): string | undefined {
  const where = settingsPath('matrix', accountId)
  if (homeserver === undefined) return `set ${where}.homeserver to the address of a homeserver, such as https://matrix.example.org`
  if (!isHttpAddress(homeserver)) return `${where}.homeserver must be an absolute http or https address`
  if (!isGiven(accessToken)) return `set ${where}.accessToken: log in as the bot with any client and take it from there (in Element: All settings, Help & About)`
  return undefined
}

export async function readSettings ({ config, secret }: AccountContext<MatrixKeys>): Promise<MatrixSettings> {
  const { homeserver = '', autoJoin = 'off', autoJoinAllowlist = [], syncTimeoutSeconds = 30, timeoutSeconds = 30 } = config
  const { sendReadReceipts = true } = config
  return {
    homeserver,
    accessToken: await secret('accessToken'),
    autoJoin,
    autoJoinAllowlist,
    syncMs: syncTimeoutSeconds * 1000,
    timeoutMs: timeoutSeconds * 1000,
    sendReadReceipts,
    hearsReactions: config.reactionNotifications === 'all'
  }
}
