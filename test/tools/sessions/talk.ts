/** A gateway, and a person who makes its demonstration model call tools. */
import { randomUUID } from 'node:crypto'
import { eventually } from '../../fixtures/eventually.ts'
import { admitted, startGateway, type Frame, type TestClient, type TestGateway, type TestGatewayOptions } from '../../helper.ts'

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export interface Talk {
  readonly gateway: TestGateway
  readonly client: TestClient
  /** Sends a message and waits for the end of its run. */
  say (sessionKey: string, message: string): Promise<Frame>
  /** Makes the agent of a session call a tool; answers with the details of its result. */
  call (sessionKey: string, tool: string, args?: object): Promise<Frame>
  /** Messages of a session as one text each, with their role. */
  story (sessionKey: string): Promise<string[]>
  /** Asks again until it is so. */
  until<T> (look: () => Promise<T | undefined | false>): Promise<T>
}

export const textOf = ({ content }: Frame): string =>
  typeof content === 'string' ? content : content.map((part: Frame) => part['text'] ?? part['type']).join(' ')

export async function talkTo (client: TestClient, gateway: TestGateway): Promise<Talk> {
  const history = async (sessionKey: string): Promise<Frame[]> =>
    (await client.request('chat.history', { sessionKey, limit: 200, maxChars: 100_000 }))['payload'].messages
  async function say (sessionKey: string, message: string): Promise<Frame> {
    const idempotencyKey = randomUUID()
    const { ok, error } = await client.request('agent', { sessionKey, message, idempotencyKey })
    if (!ok) throw new Error(JSON.stringify(error))
    const wait = await client.request('agent.wait', { runId: idempotencyKey, timeoutMs: 20_000 }, 25_000)
    return wait['payload']
  }
  return {
    gateway,
    client,
    say,
    async call (sessionKey, tool, args = {}) {
      const { sessions } = gateway.gateway.rooms
      await sessions.ready
      const before = sessions.get(sessions.target(sessionKey).key)?.lastSeq ?? 0
      await say(sessionKey, `/tool ${tool} ${JSON.stringify(args)}`)
      const lines = await sessions.lines.after(sessions.target(sessionKey).key, { seq: before, limit: 50 })
      const messages = lines.flatMap(({ value }): Frame[] => value.type === 'message' ? [value.message] : [])
      const found = messages.find(({ role, toolName }) => role === 'toolResult' && toolName === tool)
      return found?.['details'] ?? { missing: true, text: found && textOf(found) }
    },
    story: async sessionKey => (await history(sessionKey)).map(message => `${message['role']}: ${textOf(message)}`),
    async until<T> (look: () => Promise<T | undefined | false>) {
      return await eventually(look, Boolean, 30_000) as T
    }
  }
}

export async function talk (t: Test, options?: TestGatewayOptions): Promise<Talk> {
  const gateway = await startGateway(t, options)
  const { client } = await admitted(gateway.url)
  return await talkTo(client, gateway)
}
