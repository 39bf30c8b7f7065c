/** A gateway with a client, and short ways to fill a conversation and to ask about it. */
import { randomUUID } from 'node:crypto'
import { admitted, closeClient, startGateway, type Frame } from '../helper.ts'

export const key = 'agent:main:talk'

export interface Row { readonly role: string, readonly content: string | Array<{ readonly type: string, readonly text?: string }>, readonly __openclaw: Frame }

interface Test {
  testdir (): string
  teardown (fn: () => unknown): void
}

export const texts = (messages: Row[]): string[] =>
  messages.map(({ content }) => typeof content === 'string' ? content : content.map(({ text, type }) => text ?? type).join('|'))

export async function open (t: Test) {
  const { gateway, url } = await startGateway(t)
  const { client } = await admitted(url)
  t.teardown(() => closeClient(client))
  const { rooms } = gateway
  const write = (lines: Parameters<typeof rooms.sessions.write>[1]['lines']) => rooms.sessions.write(key, { create: {}, lines: lines! })
  return {
    rooms,
    client,
    url,
    write,
    async ask (method: string, params: object = {}): Promise<Frame> {
      const { ok, payload, error } = await client.request(method, { sessionKey: key, ...params }, 10_000)
      if (!ok) throw new Error(error.message)
      return payload
    },
    async say (message: string): Promise<void> {
      const idempotencyKey = randomUUID()
      await client.request('chat.send', { sessionKey: key, message, idempotencyKey })
      await client.frame(({ event, payload }) => event === 'chat' && payload.runId === idempotencyKey && payload.state === 'final', 10_000)
    },
    notes: (count: number, body = (index: number) => `note ${index}`) => write(Array.from({ length: count }, (_, index) => ({
      type: 'message', message: { role: 'user', content: body(index + 1), timestamp: index }
    })))
  }
}

export const reply = (text: string) => ({
  type: 'message',
  message: {
    role: 'assistant',
    content: [{ type: 'text', text }],
    api: 'echo',
    provider: 'echo',
    model: 'echo',
    usage: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 },
    stopReason: 'stop',
    timestamp: 1
  }
} as const)
