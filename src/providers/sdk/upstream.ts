/**
 * The `fetch` that a provider's library is handed. On node:http, so that connections are kept, a step's end closes its socket, silence
 * is noticed, and the headers on the wire are the provider's settings, not what a library found in the environment.
 */
import { request as httpRequest, type Agent, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { traceHeaders } from '../../lib/trace-context.ts'
import { ProviderError, type ProviderSettings } from '../model.ts'
import { createAgent, watchConnect, watchTime } from '../openai/connection.ts'
import { unreachable } from '../openai/failure.ts'

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

export interface Upstream {
  /** `params` are laid over the request's body as they stand. */
  fetch (params?: { readonly [name: string]: unknown }): Fetch
  close (): void
}

/** One answer; a server that never ends must not fill the memory. */
const maxAnswerBytes = 64 * 1024 * 1024
const bodyless = new Set([204, 205, 304])

/** Where a vendor expects the key; `Bearer` is told by its prefix. */
export interface KeyHeader { readonly name: string, readonly prefix?: string }

const bearer: KeyHeader = { name: 'authorization', prefix: 'Bearer ' }

export function createUpstream (settings: ProviderSettings, keyHeader: KeyHeader = bearer): Upstream {
  const agent = createAgent(settings, settings.baseUrl.startsWith('https:'))
  const finish = headersOf(settings, keyHeader)
  return {
    fetch: (params = {}) => async (input, init = {}) => {
      const url = new URL(input instanceof Request ? input.url : input)
      const body = withParams(init.body, params)
      const options: RequestOptions = {
        method: init.method ?? 'GET',
        headers: { ...finish(new Headers(init.headers)), ...traceHeaders(), ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) }
      }
      return exchange({ agent, settings, url, options, body, signal: init.signal ?? undefined })
    },
    close: () => agent.destroy()
  }
}

/** The library's own credential is a placeholder; ours, if there is one, and the user's headers take its place. */
function headersOf (settings: ProviderSettings, keyHeader: KeyHeader): (headers: Headers) => { [name: string]: string } {
  const { auth, authHeader } = settings.options
  const { name, prefix = '' } = auth === 'token' || auth === 'oauth' || authHeader === true ? bearer : keyHeader
  return headers => {
    for (const credential of [keyHeader.name, bearer.name]) headers.delete(credential)
    if (settings.apiKey) headers.set(name, `${prefix}${settings.apiKey}`)
    for (const [header, value] of Object.entries(settings.headers)) headers.set(header, value)
    return Object.fromEntries(headers)
  }
}

function withParams (body: RequestInit['body'], params: { readonly [name: string]: unknown }): string | undefined {
  if (body === undefined || body === null) return undefined
  if (typeof body !== 'string') throw new ProviderError('format', 'The request to the provider is not text.')
  return Object.keys(params).length === 0 ? body : JSON.stringify({ ...JSON.parse(body), ...params })
}

interface Exchange {
  readonly agent: Agent
  readonly settings: ProviderSettings
  readonly url: URL
  readonly options: RequestOptions
  readonly body: string | undefined
  readonly signal: AbortSignal | undefined
}

/** Ends the request with `reason`, which is what its reader then gets to see. */
type End = (reason: ProviderError) => void

async function exchange (call: Exchange): Promise<Response> {
  const { signal, settings } = call
  if (signal?.aborted) throw aborted()
  let end: End = () => {}
  const onAbort = (): void => end(aborted())
  signal?.addEventListener('abort', onAbort, { once: true })
  const watch = watchTime(settings, reason => end(reason))
  const done = (): void => {
    watch.stop()
    signal?.removeEventListener('abort', onAbort)
  }
  try {
    const answer = await send(call, ending => { end = ending })
    watch.heard()
    const status = answer.message.statusCode!
    const body = readable(answer, { heard: watch.heard, done, endBy: ending => { end = ending } })
    return new Response(bodyless.has(status) ? null : body, { status, headers: headersFrom(answer.message) })
  } catch (error) {
    done()
    throw error
  }
}

interface Answer { readonly request: ClientRequest, readonly message: IncomingMessage }

function send (call: Exchange, endBy: (end: End) => void, again = false): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { url, settings, agent } = call
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { ...call.options, agent })
    watchConnect(request, () => request.destroy(new Error('no connection in time')))
    let reason: ProviderError | undefined
    endBy(ending => {
      reason = ending
      request.destroy(ending)
    })
    request.on('response', message => resolve({ request, message }))
    request.on('error', (error: NodeJS.ErrnoException) => {
      // A kept connection may be closed by the other end just when it is used again: nobody has read this request.
      if (!reason && !again && request.reusedSocket && error.code === 'ECONNRESET') send(call, endBy, true).then(resolve, reject)
      else reject(reason ?? unreachable(settings, url, error))
    })
    request.end(call.body)
  })
}

interface Reading {
  readonly heard: () => void
  readonly done: () => void
  readonly endBy: (end: End) => void
}

function readable ({ request, message }: Answer, { heard, done, endBy }: Reading): ReadableStream<Uint8Array> {
  let bytes = 0
  let over = false
  return new ReadableStream<Uint8Array>({
    start (controller) {
      const fail = (reason: ProviderError): void => {
        if (over) return
        over = true
        done()
        request.destroy()
        controller.error(reason)
      }
      endBy(fail)
      message.on('data', (chunk: Buffer) => {
        heard()
        bytes += chunk.length
        if (bytes > maxAnswerBytes) fail(tooLarge())
        if (over) return
        controller.enqueue(chunk)
        if ((controller.desiredSize ?? 1) <= 0) message.pause()
      })
      message.on('end', () => {
        if (over) return
        over = true
        done()
        controller.close()
      })
      message.on('error', error => fail(brokenOff(error)))
      message.on('close', () => fail(brokenOff()))
    },
    pull: () => { message.resume() },
    cancel () {
      over = true
      done()
      request.destroy()
    }
  })
}

const aborted = (): ProviderError => new ProviderError('aborted', 'The step was aborted.')
const brokenOff = (cause?: Error): ProviderError => new ProviderError('network', 'The provider broke off its answer.', { cause })
const tooLarge = (): ProviderError => new ProviderError('server_error', `The provider's answer is larger than ${maxAnswerBytes} bytes.`)

function headersFrom (message: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values] of Object.entries(message.headersDistinct)) for (const value of values ?? []) headers.append(name, value)
  return headers
}
