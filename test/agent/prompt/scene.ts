/** A gateway whose model is a local server that shows what it was asked, and a client that talks to it. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { goodKey, type VendorServer } from '../../fixtures/providers/vendor-server.ts'
import { startOpenAi } from '../../fixtures/providers/openai-server.ts'
import { admitted, closeClient, startGateway, type Frame, type TestClient, type TestGateway } from '../../helper.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export interface Scene {
  readonly gateway: TestGateway
  readonly client: TestClient
  readonly server: VendorServer
  readonly workspace: string
  write (name: string, text: string): void
  /** The terminal event of the turn. */
  say (message: string, more?: { [field: string]: unknown }): Promise<Frame>
  /** What the model was told before the conversation, the last time. */
  system (): string
}

const isEnd = (runId: string) => ({ event, payload }: Frame): boolean =>
  event === 'chat' && payload.runId === runId && ['final', 'aborted', 'error'].includes(payload.state)

export async function createTalk (t: Test, agents: { [section: string]: unknown } = {}, now?: () => number): Promise<Scene> {
  const server = await startOpenAi()
  t.teardown(() => server.close())
  const defaults = { model: 'local/m', ...agents.defaults as object }
  const local = { baseUrl: `${server.url}/v1`, api: 'openai-completions', apiKey: goodKey, models: [{ id: 'm', input: ['text', 'image'] }] }
  const gateway = await startGateway(t, {
    config: { models: { providers: { local } }, agents: { ...agents, defaults } }, ...(now ? { now } : {})
  })
  const { client } = await admitted(gateway.url)
  t.teardown(() => closeClient(client))
  const workspace = join(gateway.stateDir, 'workspace')
  return {
    gateway,
    client,
    server,
    workspace,
    write (name, text) {
      mkdirSync(dirname(join(workspace, name)), { recursive: true })
      writeFileSync(join(workspace, name), text)
    },
    async say (message, more = {}) {
      const idempotencyKey = randomUUID()
      const { ok, error } = await client.request('chat.send', { sessionKey: 'agent:main:main', message, idempotencyKey, ...more }, 20_000)
      if (!ok) throw new Error(error.message)
      return await client.frame(isEnd(idempotencyKey), 20_000)
    },
    system: () => server.requests.at(-1)!.body.messages[0].content
  }
}
