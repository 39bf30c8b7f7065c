/** Programs with API keys of their own, for the tests that are about them. */
import { admitted, type Frame, type TestClient, type TestGateway } from '../helper.ts'

export interface Program {
  readonly id: string
  readonly name: string
  readonly secret: string
}

export async function makeKey (admin: TestClient, name: string, more: object = {}): Promise<Program> {
  const { payload, error } = await admin.request('keys.create', { name, ...more })
  if (error) throw new Error(JSON.stringify(error))
  return { id: payload.key.id, name, secret: payload.secret }
}

/** A program on a socket: without a device, and with nothing but its key. */
export async function programClient ({ url }: Pick<TestGateway, 'url'>, { secret }: Pick<Program, 'secret'>, scopes: readonly string[] = []) {
  return await admitted(url, { device: false, auth: { token: secret }, scopes, client: { id: 'gateway-client', mode: 'backend' } })
}

export const bearer = (secret: string): { authorization: string } => ({ authorization: `Bearer ${secret}` })

export async function invoke ({ http }: Pick<TestGateway, 'http'>, headers: { [name: string]: string }, body: object = { tool: 'session_status' }) {
  const response = await fetch(`${http}/tools/invoke`, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body)
  })
  return { status: response.status, headers: response.headers, body: await response.json() as Frame }
}

/** Says something and waits for the end of the run. */
export async function say (client: TestClient, sessionKey: string, message: string, idempotencyKey: string): Promise<{ runId: string, answer: Frame }> {
  const answer = await client.request('chat.send', { sessionKey, message, idempotencyKey })
  const runId = answer.payload?.runId as string
  if (runId) await client.request('agent.wait', { runId, timeoutMs: 10_000 }, 12_000)
  return { runId, answer }
}
