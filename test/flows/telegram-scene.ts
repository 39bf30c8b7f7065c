/** A real gateway with a bot at a stand-in for Telegram. */
import { bot, botToken, direct } from '../fixtures/channels/telegram-people.ts'
import { startTelegram, type TelegramServer } from '../fixtures/channels/telegram-server.ts'
import { admitted, type TestClient } from '../helper.ts'
import { createHome, daemonToken, eventually, serve, type Daemon, type Home } from '../process/daemon.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

/** The echo says what it is before each reply. */
const bare = { outputFilters: [{ pattern: '^Echo, a demonstration \\(no model is configured\\): ', replace: '' }] }

export const configOf = (server: TelegramServer, keys: object = {}, { gateway, messages, ...more }: { [section: string]: object } = {}): object => ({
  gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken }, ...gateway },
  commands: { ownerAllowFrom: ['telegram:501'] },
  messages: { ...bare, ...messages },
  channels: { telegram: { botToken, apiRoot: server.url, pollingTimeoutSeconds: 5, ...keys } },
  ...more
})

export interface Scene {
  readonly server: TelegramServer
  readonly home: Home
  readonly daemon: Daemon
  readonly client: TestClient
  /** What the bot says in a chat, as it stands there now. */
  said (chat?: { id: number }): string[]
  hears (count: number, chat?: { id: number }): Promise<string[]>
}

export interface SceneOptions {
  /** Of `channels.telegram`. */
  readonly keys?: object
  readonly config?: { [section: string]: object }
  readonly port?: number
  /** What people have written before the gateway begins, so that it hears all of it at a time. */
  readonly written?: (server: TelegramServer) => void
}

export async function openScene (t: Test, { keys, config, port, written }: SceneOptions = {}): Promise<Scene> {
  const server = await startTelegram(t)
  written?.(server)
  const home = createHome(t, configOf(server, keys, config))
  const daemon = await serve(t, { home, ...(port ? { port } : {}) })
  const { client } = await admitted(daemon.url, { auth: { token: daemonToken }, device: false })
  const said = ({ id }: { id: number } = direct): string[] => server.messages
    .filter(message => message.from?.id === bot.id && message.chat.id === id).map(({ text, caption }) => text ?? caption)
  const hears = async (count: number, chat?: { id: number }): Promise<string[]> =>
    await eventually(async () => said(chat), texts => texts.length >= count, 15_000)
  return { server, home, daemon, client, said, hears }
}
