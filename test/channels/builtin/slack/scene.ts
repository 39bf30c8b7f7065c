/** One account of Slack against a server on this machine. */
import type { Test } from 'tap'
import { slack } from '../../../../src/channels/builtin/slack/slack.ts'
import type { SlackKeys } from '../../../../src/channels/builtin/slack/settings.ts'
import { openAccount, until, type AccountScene } from '../../../fixtures/channels/account-scene.ts'
import { appToken, botToken, signingSecret } from '../../../fixtures/channels/slack-people.ts'
import { startSlack, type SlackServer } from '../../../fixtures/channels/slack-server.ts'

export interface Opened {
  readonly server: SlackServer
  readonly scene: AccountScene
}

export async function openSlack (t: Test, keys: Partial<SlackKeys> = {}, prepare: (server: SlackServer) => unknown = () => {}): Promise<Opened> {
  const server = await startSlack(t)
  await prepare(server)
  return { server, scene: await openAccount(t, slack, { botToken, appToken, apiRoot: server.url, timeoutSeconds: 10, ...keys }) }
}

/** Over a socket, and taken in. */
export async function openConnected (t: Test, keys: Partial<SlackKeys> = {}, prepare?: (server: SlackServer) => unknown): Promise<Opened> {
  const opened = await openSlack(t, keys, prepare)
  await until(() => opened.scene.links.some(({ up }) => up))
  return opened
}

export const openWebhook = async (t: Test, keys: Partial<SlackKeys> = {}): Promise<Opened> => await openSlack(t, { mode: 'http', signingSecret, ...keys })
