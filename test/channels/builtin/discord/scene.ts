/** One account of Discord against a server on this machine. */
import type { Test } from 'tap'
import { discord } from '../../../../src/channels/builtin/discord/discord.ts'
import type { DiscordKeys } from '../../../../src/channels/builtin/discord/settings.ts'
import { openAccount, until, type AccountScene } from '../../../fixtures/channels/account-scene.ts'
import { token } from '../../../fixtures/channels/discord-people.ts'
import { startDiscord, type DiscordServer } from '../../../fixtures/channels/discord-server.ts'

export interface Opened {
  readonly server: DiscordServer
  readonly scene: AccountScene
}

export async function openDiscord (t: Test, keys: Partial<DiscordKeys> = {}, prepare: (server: DiscordServer) => unknown = () => {}): Promise<Opened> {
  const server = await startDiscord(t)
  await prepare(server)
  return { server, scene: await openAccount(t, discord, { token, apiRoot: server.url, timeoutSeconds: 10, ...keys }) }
}

/** Connected, and everything that comes with a beginning is over. */
export async function openConnected (t: Test, keys: Partial<DiscordKeys> = {}, prepare?: (server: DiscordServer) => unknown): Promise<Opened> {
  const opened = await openDiscord(t, keys, prepare)
  await until(() => opened.scene.links.some(({ up }) => up))
  return opened
}

/** Codes of the frames that clients sent on a socket. */
export const opsOf = ({ gateway }: DiscordServer, socket: number): number[] => gateway.frames.filter(one => one.socket === socket).map(({ op }) => op)
