/** From nothing to hello-ok, or to the reason why not. */
import { openSocket, type BenchSocket, type Ended, type Endpoint } from './socket.ts'
import { connectFrame, type Secret, type Signer } from './identity.ts'

export interface HandshakeOptions {
  readonly endpoint: Endpoint
  readonly signer?: Signer
  readonly secret?: Secret
  readonly headers?: { readonly [name: string]: string }
  readonly timeoutMs?: number
}

export interface Admitted {
  readonly ok: true
  readonly socket: BenchSocket
  /** The whole hello-ok frame. */
  readonly hello: Buffer
  readonly elapsedMs: number
}

export interface Refused {
  readonly ok: false
  /** An error code, `http <status>`, or what ended the socket. */
  readonly reason: string
  readonly elapsedMs: number
}

/** Enough to see what a frame is without parsing all of it: `{"type":"res","id":"…","ok":true`. */
const headBytes = 96

function refusalOf (payload: Buffer): string {
  const { error } = JSON.parse(payload.toString()) as { error?: { code?: string, details?: { code?: string } } }
  return error?.details?.code ?? error?.code ?? 'refused without a code'
}

const endedReason = (ended: Ended): string => ended.status === undefined
  ? `${ended.closeCode === undefined ? '' : `close ${ended.closeCode} `}${ended.reason}`.trim()
  : `http ${ended.status}`

export function handshake (options: HandshakeOptions): Promise<Admitted | Refused> {
  const startedAt = performance.now()
  const { promise, resolve } = Promise.withResolvers<Admitted | Refused>()
  const socket = openSocket(options.endpoint, options.headers)
  const refuse = (reason: string): void => {
    clearTimeout(deadline)
    resolve({ ok: false, reason, elapsedMs: performance.now() - startedAt })
    socket.onEnd = () => {}
    socket.close()
  }
  const deadline = setTimeout(() => {
    refuse('timeout')
    socket.destroy()
  }, options.timeoutMs ?? 20_000)
  socket.onEnd = ended => refuse(endedReason(ended))
  socket.onText = payload => {
    const head = payload.toString('latin1', 0, headBytes)
    if (head.includes('"event":"connect.challenge"')) {
      const { nonce, ts } = (JSON.parse(payload.toString()) as { payload: { nonce: string, ts: number } }).payload
      socket.send(connectFrame({ signer: options.signer, secret: options.secret, nonce, ts }))
    } else if (head.includes('"type":"res"')) {
      if (!head.includes('"ok":true')) return refuse(refusalOf(payload))
      clearTimeout(deadline)
      socket.onEnd = () => {}
      resolve({ ok: true, socket, hello: Buffer.from(payload), elapsedMs: performance.now() - startedAt })
    }
  }
  return promise
}

/** For places where a refusal means that the measurement makes no sense. */
export async function mustConnect (options: HandshakeOptions): Promise<Admitted> {
  const outcome = await handshake(options)
  if (!outcome.ok) throw new Error(`the gateway refused a client of the bench: ${outcome.reason}`)
  return outcome
}
