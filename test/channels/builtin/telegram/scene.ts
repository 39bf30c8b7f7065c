/** One account of Telegram against a server on this machine. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { AccountContext, InboundMessage, OutboundMessage, RunningAccount, Terminal } from '../../../../src/channels/define-channel.ts'
import { telegram } from '../../../../src/channels/builtin/telegram/telegram.ts'
import type { TelegramKeys } from '../../../../src/channels/builtin/telegram/settings.ts'
import type { Logger } from '../../../../src/log/logger.ts'
import { botToken } from '../../../fixtures/channels/telegram-people.ts'
import { startTelegram, type TelegramServer } from '../../../fixtures/channels/telegram-server.ts'

export interface Scene {
  readonly server: TelegramServer
  readonly account: RunningAccount
  readonly received: InboundMessage[]
  readonly logged: string[]
  /** In the order in which they were said: up, down, activity is only counted. */
  readonly links: Array<{ readonly up: boolean, readonly reason?: string, readonly terminal?: Terminal }>
  /** What Telegram said of whether it reaches us. */
  readonly ingress: Array<string | undefined>
  readonly activities: () => number
  memory: object
  clock: () => number
  commands: ReturnType<AccountContext['commands']>
  /** What becomes of a message before it counts as durable. */
  receive: (message: InboundMessage) => Promise<void>
  until (holds: () => boolean): Promise<void>
  /** As after the end of a process: nothing of the first is left but its memory. */
  again (): Promise<RunningAccount>
}

export interface SceneOptions {
  readonly keys?: Partial<TelegramKeys>
  readonly memory?: object
  readonly server?: TelegramServer
  readonly commands?: Scene['commands']
  /** Before the account starts. */
  readonly prepare?: (server: TelegramServer) => void
}

interface Test { teardown (fn: () => unknown): unknown }

export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(5)
}

export async function openScene (t: Test, { keys = {}, memory = {}, commands = [], server: given, prepare }: SceneOptions = {}): Promise<Scene> {
  const server = given ?? await startTelegram(t)
  prepare?.(server)
  let activities = 0
  const config: TelegramKeys = { botToken, apiRoot: server.url, pollingTimeoutSeconds: 5, timeoutSeconds: 5, ...keys }
  const scene: Omit<Scene, 'account'> & { account?: RunningAccount } = {
    server,
    received: [],
    logged: [],
    links: [],
    ingress: [],
    activities: () => activities,
    memory,
    clock: Date.now,
    commands,
    receive: async () => {},
    until,
    async again () {
      await scene.account!.stop()
      scene.account = await begin()
      return scene.account
    }
  }
  const say = (fields: unknown, text?: string): void => {
    const error = (fields as { err?: Error }).err
    scene.logged.push(typeof fields === 'string' ? fields : `${text} ${error?.stack ?? ''} ${error?.cause === undefined ? '' : String(error.cause)}`)
  }
  const context = (signal: AbortSignal): AccountContext<TelegramKeys> => ({
    accountId: 'default',
    config,
    secret: async name => String(config[name as keyof TelegramKeys] ?? ''),
    signal,
    log: { debug: say, info: say, warn: say, error: say } as unknown as Logger,
    now: () => scene.clock(),
    connected: () => { scene.links.push({ up: true }) },
    disconnected: why => { scene.links.push({ up: false, ...why }) },
    activity: () => { activities++ },
    ingress: problem => { scene.ingress.push(problem) },
    commands: () => scene.commands,
    failed: error => { scene.logged.push(`failed: ${String(error)}`) },
    async receive (message) {
      await scene.receive(message)
      scene.received.push(message)
    },
    memory: { get: async () => structuredClone(scene.memory) as { [name: string]: unknown }, put: async value => { scene.memory = structuredClone(value) } }
  })
  const begin = async (): Promise<RunningAccount> => await telegram.start(context(new AbortController().signal))
  scene.account = await begin()
  t.teardown(async () => await scene.account!.stop())
  return scene as Scene
}

const patient = new AbortController().signal
let keys = 0

export const send = async (account: RunningAccount, message: Partial<OutboundMessage>): ReturnType<RunningAccount['send']> =>
  await account.send({ key: `part-${++keys}`, chatId: '501', text: '', ...message }, patient)

export { patient }
