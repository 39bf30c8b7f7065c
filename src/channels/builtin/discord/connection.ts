/** One socket of Discord's gateway, from its first word to its last. */
import { parseJson } from '../../http/service.ts'
import { openSocket, type Closed, type Socket } from '../../socket/socket.ts'
import { intents, op, type Frame } from './wire.ts'

/** What a socket after this one goes on with. */
export interface Session {
  readonly id: string
  readonly resumeUrl: string
  /** The last thing that was told to us. */
  seq: number
}

export type End =
  /** Another socket goes on where this one ended. */
  | { readonly kind: 'again', readonly reason: string }
  /** The service has forgotten the session. */
  | { readonly kind: 'anew', readonly reason: string }
  /** A person has to do something. */
  | { readonly kind: 'fatal', readonly reason: string, readonly terminal: 'logged-out' | 'misconfigured' }

export interface ConnectionOptions {
  readonly url: string
  readonly token: string
  /** Gone on with; without it one is begun. */
  readonly session: Session | undefined
  readonly signal: AbortSignal
  readonly heard: () => void
  /** Everything that the service tells, in its order. */
  readonly told: (event: string, data: unknown, seq: number) => void
  /** How reading is interrupted: what is not read waits with the service. */
  readonly opened: (hold: (isHeld: boolean) => void) => void
}

const maxFrameBytes = 32 * 1024 * 1024
const helloMs = 15_000
/** From the first word to being ready; a session that is resumed brings everything that was missed before that. */
const readyMs = 60_000
/** Closing with 1000 or 1001 would end the session. */
const resumableClose = 4900
const shortestBeatMs = 1000

const fatal: { readonly [code: number]: readonly [terminal: 'logged-out' | 'misconfigured', reason: string] } = {
  4004: ['logged-out', 'Discord does not know the token (4004); reset it at https://discord.com/developers/applications, under Bot, and put the new one into channels.discord.token'],
  4010: ['misconfigured', 'Discord refuses the shard (4010)'],
  4011: ['misconfigured', 'the bot is in too many servers for one connection (4011): this gateway does not divide them; give it a bot of its own'],
  4012: ['misconfigured', 'Discord does not speak version 10 of its gateway any more (4012); update this gateway'],
  4013: ['misconfigured', 'Discord does not know an intent that was asked for (4013); update this gateway'],
  4014: ['misconfigured', 'the bot may not read messages (4014); switch on "Message Content Intent" at https://discord.com/developers/applications, under Bot']
}

function endOf ({ code, reason }: Closed): End {
  const known = fatal[code]
  if (known) return { kind: 'fatal', terminal: known[0], reason: known[1] }
  const said = reason === '' ? `Discord closed the socket (${code})` : code >= 4000 ? `Discord closed the socket (${code}): ${reason}` : reason
  // A sequence that makes no sense, and a session that has timed out.
  return { kind: code === 4007 || code === 4009 || code === 4003 ? 'anew' : 'again', reason: said }
}

function frameOf (text: string): Frame | undefined {
  const frame = parseJson(text)
  return typeof frame?.op === 'number' ? frame as unknown as Frame : undefined
}

class Connection {
  readonly #options: ConnectionOptions
  readonly #timers = new Set<NodeJS.Timeout>()
  #socket: Socket | undefined
  #early: string[] = []
  #end: End | undefined
  #seq: number | undefined
  #isAnswered = true
  #isHeld = false
  #limit: NodeJS.Timeout | undefined

  constructor (options: ConnectionOptions) {
    this.#options = options
    this.#seq = options.session?.seq
  }

  async run (): Promise<End> {
    const { url, signal, heard, opened } = this.#options
    const socket = await openSocket({
      url, maxFrameBytes, signal, heard, text: frame => this.#socket ? this.#read(frame) : this.#early.push(frame)
    })
    this.#socket = socket
    opened(isHeld => this.#hold(isHeld))
    this.#expect(helloMs, 'Discord did not begin')
    for (const frame of this.#early.splice(0)) this.#read(frame)
    const leave = (): void => socket.close(resumableClose)
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    try {
      const closed = await socket.closed
      return this.#end ?? endOf(closed)
    } finally {
      signal.removeEventListener('abort', leave)
      for (const timer of this.#timers) clearTimeout(timer)
      clearTimeout(this.#limit)
    }
  }

  /** Whoever reads nothing hears no answers either. */
  #hold (isHeld: boolean): void {
    this.#isHeld = isHeld
    this.#isAnswered = true
    this.#socket?.hold(isHeld)
  }

  #expect (ms: number, what: string): void {
    clearTimeout(this.#limit)
    this.#limit = setTimeout(() => {
      if (!this.#isHeld) this.#finish({ kind: 'again', reason: `${what} within ${ms / 1000} s` }, true)
    }, ms).unref()
  }

  #finish (end: End, isCut = false): void {
    this.#end ??= end
    if (isCut) this.#socket?.cut()
    else this.#socket?.close(resumableClose)
  }

  #send (code: number, d: unknown): void {
    this.#socket?.send(JSON.stringify({ op: code, d }))
  }

  #read (text: string): void {
    const frame = frameOf(text)
    if (!frame || this.#end) return
    const { op: code, d } = frame
    if (code === op.hello) this.#greet(d)
    else if (code === op.heartbeat) this.#send(op.heartbeat, this.#seq ?? null)
    else if (code === op.heartbeatAck) this.#isAnswered = true
    else if (code === op.reconnect) this.#finish({ kind: 'again', reason: 'Discord asked for another socket' })
    else if (code === op.invalidSession) this.#finish({ kind: d === true ? 'again' : 'anew', reason: 'Discord does not know the session any more' })
    else if (code === op.dispatch) this.#hear(frame)
  }

  #hear ({ t, s, d }: Frame): void {
    if (typeof t !== 'string') return
    if (typeof s === 'number') this.#seq = s
    if (t === 'READY' || t === 'RESUMED') clearTimeout(this.#limit)
    try {
      this.#options.told(t, d, this.#seq ?? 0)
    } catch (error) {
      this.#finish({ kind: 'anew', reason: error instanceof Error ? error.message : String(error) })
    }
  }

  #greet (d: unknown): void {
    const { token, session } = this.#options
    const everyMs = Math.max(shortestBeatMs, Number((d as { heartbeat_interval?: unknown } | null)?.heartbeat_interval) || 41_250)
    this.#expect(readyMs, 'Discord did not take us in')
    this.#beat(everyMs)
    if (session) return this.#send(op.resume, { token, session_id: session.id, seq: session.seq })
    this.#send(op.identify, { token, intents, large_threshold: 50, properties: { os: process.platform, browser: 'openclaw-gateway', device: 'openclaw-gateway' } })
  }

  /** The first one at any time, so that not everybody beats at the same moment. */
  #beat (everyMs: number): void {
    const first = setTimeout(() => {
      this.#timers.delete(first)
      this.#beatOnce()
      this.#timers.add(setInterval(() => this.#beatOnce(), everyMs).unref())
    }, everyMs * Math.random()).unref()
    this.#timers.add(first)
  }

  #beatOnce (): void {
    if (!this.#isAnswered && !this.#isHeld) return this.#finish({ kind: 'again', reason: 'Discord left a heartbeat without an answer' }, true)
    this.#isAnswered = false
    this.#send(op.heartbeat, this.#seq ?? null)
  }
}

/** Resolves when the socket is closed; rejects when it could not be opened. */
export const connect = async (options: ConnectionOptions): Promise<End> => await new Connection(options).run()
