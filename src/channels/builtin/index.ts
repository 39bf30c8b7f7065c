/** The channels that come with the gateway, each loaded when the configuration first names it. */
import type { Channel } from '../define-channel.ts'

const table = {
  bluebubbles: async () => (await import('./bluebubbles/bluebubbles.ts')).bluebubbles,
  imessage: async () => (await import('./bluebubbles/bluebubbles.ts')).imessage,
  discord: async () => (await import('./discord/discord.ts')).discord,
  slack: async () => (await import('./slack/slack.ts')).slack,
  webhook: async () => (await import('./webhook/webhook.ts')).webhook,
  whatsapp: async () => (await import('./whatsapp/whatsapp.ts')).whatsapp,
  matrix: async () => (await import('./matrix/matrix.ts')).matrix,
  telegram: async () => (await import('./telegram/telegram.ts')).telegram
}

/** What a channel expects of its settings is its own business, and checked against its schema before it gets them. */
export const builtinChannels = table as unknown as { readonly [id: string]: () => Promise<Channel> }
