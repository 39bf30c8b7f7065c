/** A gateway with one bot of Telegram, whose service is a server on this machine. */
import { startTelegram, type TelegramServer } from '../fixtures/channels/telegram-server.ts'
import { botToken } from '../fixtures/channels/telegram-people.ts'
import { eventually } from '../process/daemon.ts'
import { admitted, closeClient, startGateway, type TestClient, type TestGateway, type TestGatewayOptions } from '../helper.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export const telegramKeys = (server: Pick<TelegramServer, 'url'>): { [key: string]: unknown } =>
  ({ botToken, apiRoot: server.url, pollingTimeoutSeconds: 1, timeoutSeconds: 2, dmPolicy: 'pairing' })

export interface ChannelScene extends TestGateway {
  readonly telegram: TelegramServer
  readonly client: TestClient
  call (method: string, params?: object): Promise<any>
  /** Until the account has heard of its service. */
  connected (): Promise<void>
}

export async function openChannelScene (t: Test, options: TestGatewayOptions & { keys?: object } = {}): Promise<ChannelScene> {
  const telegram = await startTelegram(t)
  const { keys, config = {}, ...rest } = options
  const gateway = await startGateway(t, { ...rest, config: { channels: { telegram: { ...telegramKeys(telegram), ...keys } }, ...config } })
  const { client } = await admitted(gateway.url)
  t.teardown(async () => await closeClient(client))
  const call = async (method: string, params: object = {}): Promise<any> => await client.request(method, params)
  return {
    ...gateway,
    telegram,
    client,
    call,
    async connected () {
      await eventually(async () => await call('channels.status'), ({ payload }) =>
        payload.channelAccounts.telegram?.every(({ connected }: any) => connected === true))
    }
  }
}
