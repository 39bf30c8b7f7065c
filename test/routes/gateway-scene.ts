/** A gateway with its data plane, and callers of it that hide nothing. */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { eventually } from '../fixtures/eventually.ts'
import { startGateway, testToken, type TestGateway, type TestGatewayOptions } from '../helper.ts'

type Test = Parameters<typeof startGateway>[0]

export interface Answer { readonly status: number, readonly headers: Headers, readonly text: string, readonly body: any }

export const authorization = `Bearer ${testToken}`

export async function openGateway (t: Test, dataPlane: object = {}, more: TestGatewayOptions = {}): Promise<TestGateway> {
  const { config = {}, ...options } = more
  const { gateway = {}, ...sections } = config
  return await startGateway(t, {
    ...options, config: { ...sections, gateway: { ...gateway as object, dataPlane: { ownerUsers: ['*'], ...dataPlane } } }
  })
}

export async function call (gateway: TestGateway, path: string, init: RequestInit & { headers?: { [name: string]: string } } = {}): Promise<Answer> {
  const response = await fetch(`${gateway.http}${path}`, { ...init, headers: { authorization, ...init.headers } })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: /^[[{]/.test(text) ? JSON.parse(text) : text }
}

export const post = (gateway: TestGateway, path: string, body: unknown, headers: { [name: string]: string } = {}): Promise<Answer> =>
  call(gateway, path, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body)
  })

export const send = (gateway: TestGateway, body: unknown, headers?: { [name: string]: string }): Promise<Answer> =>
  post(gateway, '/v1/gateway/messages', body, headers)

export const status = (gateway: TestGateway, requestId: string): Promise<Answer> =>
  call(gateway, `/v1/gateway/status?request_id=${encodeURIComponent(requestId)}`)

export const cancel = (gateway: TestGateway, requestId: string): Promise<Answer> => post(gateway, '/v1/gateway/cancel', { request_id: requestId })

/** Asks until the request stands as it is to stand. */
export async function becomes (gateway: TestGateway, requestId: string, wanted: string): Promise<any> {
  return await eventually(async () => (await status(gateway, requestId)).body, body => body.status === wanted, 20_000)
}

export interface Told { readonly id?: string, readonly event: string, readonly data: any }

export interface Listening {
  readonly request: ClientRequest
  readonly response: IncomingMessage
  readonly told: Told[]
  /** The first event of this type, past or future. */
  hears (type: string): Promise<Told>
  readonly ended: Promise<void>
}

/** A raw reader of an event stream that can be hung up at any moment. */
export async function listen (gateway: TestGateway, body: object, headers: { [name: string]: string } = {}, path = '/v1/gateway/messages:stream'): Promise<Listening> {
  const request = httpRequest(`${gateway.http}${path}`, {
    method: 'POST', headers: { authorization, 'content-type': 'application/json', ...headers }, agent: false
  })
  request.on('error', () => {})
  request.end(JSON.stringify(body))
  const [response] = await once(request, 'response') as [IncomingMessage]
  const told: Told[] = []
  const waiting = new Set<() => void>()
  let text = ''
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = Object.fromEntries(text.slice(0, end).split('\n').filter(line => !line.startsWith(':')).map(line => {
        const at = line.indexOf(': ')
        return [line.slice(0, at), line.slice(at + 2)]
      })) as { [name: string]: string }
      text = text.slice(end + 2)
      if (fields.data !== undefined) told.push({ id: fields.id, event: fields.event ?? '', data: JSON.parse(fields.data) })
    }
    for (const wake of waiting) wake()
  })
  const ended = new Promise<void>(resolve => {
    response.on('close', () => {
      resolve()
      for (const wake of waiting) wake()
    })
  })
  response.on('error', () => {})
  async function hears (type: string): Promise<Told> {
    for (;;) {
      const found = told.find(({ event }) => event === type)
      if (found) return found
      if (response.closed) throw new Error(`the stream ended without ${type}: ${JSON.stringify(told)}`)
      await new Promise<void>(resolve => {
        const wake = (): void => { waiting.delete(wake); resolve() }
        waiting.add(wake)
      })
    }
  }
  return { request, response, told, hears, ended }
}

export async function stream (gateway: TestGateway, body: object, headers?: { [name: string]: string }, path?: string): Promise<Told[]> {
  const listening = await listen(gateway, body, headers, path)
  await listening.ended
  return listening.told
}

export const echo = (text: string): string => `Echo, a demonstration (no model is configured): ${text}`
