/** One socket of Slack, from its first word to its last. */
import { parseJson } from '../../http/service.ts'
import { openSocket, type Socket } from '../../socket/socket.ts'
import type { EventCallback } from './wire.ts'

/** Why another socket is needed. */
export interface Leaving {
  readonly reason: string
  /** A person has switched it off. */
  readonly isForbidden?: boolean
  /** This one is still there for a while. */
  readonly isAnnounced?: boolean
}

export interface Link {
  /** Resolves when another socket is needed: this one is about to be closed, or is. */
  readonly leaving: Promise<Leaving>
  readonly closed: Promise<unknown>
  hold (isHeld: boolean): void
  close (): void
}

export interface LinkOptions {
  readonly url: string
  /** Silence for so long is the end. */
  readonly silentMs: number
  readonly signal: AbortSignal
  readonly heard: () => void
  /** Something was told; `acknowledge` says that we have it. */
  readonly told: (callback: EventCallback, acknowledge: () => void) => void
}

const maxFrameBytes = 16 * 1024 * 1024
const helloMs = 15_000
const asksWithinSilence = 3

interface Envelope {
  readonly type?: unknown
  readonly reason?: unknown
  readonly envelope_id?: unknown
  readonly payload?: unknown
  readonly accepts_response_payload?: unknown
}

const notHere = 'Write a message instead: commands are not read here.'

class SlackLink implements Link {
  readonly leaving: Promise<Leaving>
  readonly hello: Promise<void>
  readonly #options: LinkOptions
  readonly #leave: (why: Leaving) => void
  readonly #greet: () => void
  #socket: Socket | undefined
  #early: string[] = []
  /** How often in a row it was asked whether somebody is there, and nothing came. */
  #unanswered = 0
  #isHeld = false
  #timer: NodeJS.Timeout | undefined

  constructor (options: LinkOptions) {
    this.#options = options
    const { promise: leaving, resolve: leave } = Promise.withResolvers<Leaving>()
    const { promise: hello, resolve: greet } = Promise.withResolvers<void>()
    this.leaving = leaving
    this.hello = hello
    this.#leave = leave
    this.#greet = greet
  }

  get closed (): Promise<unknown> {
    return this.#socket!.closed
  }

  async open (): Promise<void> {
    const { url, signal, heard } = this.#options
    const socket = this.#socket = await openSocket({
      url,
      maxFrameBytes,
      signal,
      heard: () => {
        this.#unanswered = 0
        heard()
      },
      text: frame => this.#socket ? this.#read(frame) : this.#early.push(frame)
    })
    const leave = (): void => this.close()
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    this.#watch()
    for (const frame of this.#early.splice(0)) this.#read(frame)
    socket.closed.then(({ code, reason }) => {
      clearInterval(this.#timer)
      signal.removeEventListener('abort', leave)
      this.#leave({ reason: reason === '' ? `Slack closed the socket (${code})` : reason })
    }, () => {})
    const limit = setTimeout(() => this.#end(`Slack did not begin within ${helloMs / 1000} s`), helloMs).unref()
    await Promise.race([this.hello, socket.closed])
    clearTimeout(limit)
    if (!socket.isOpen) throw new Error((await this.leaving).reason)
  }

  hold (isHeld: boolean): void {
    this.#isHeld = isHeld
    this.#unanswered = 0
    this.#socket?.hold(isHeld)
  }

  close (): void {
    this.#socket?.close(1000)
  }

  #end (reason: string): void {
    this.#leave({ reason })
    this.#socket?.cut()
  }

  /** Asks whether somebody is there; whatever is said counts as an answer. Time in which we did not read ourselves is no silence. */
  #watch (): void {
    const { silentMs } = this.#options
    this.#timer = setInterval(() => {
      if (this.#isHeld) return
      if (this.#unanswered++ < asksWithinSilence) this.#socket?.ping()
      else this.#end(`Slack was silent for ${silentMs / 1000} s`)
    }, silentMs / asksWithinSilence).unref()
  }

  #read (text: string): void {
    const envelope: Envelope | undefined = parseJson(text)
    if (!envelope) return
    const { type, reason, envelope_id: id, payload } = envelope
    if (type === 'hello') return this.#greet()
    if (type === 'disconnect') {
      return this.#leave({ reason: `Slack asked for another socket (${String(reason).slice(0, 50)})`, isForbidden: reason === 'link_disabled', isAnnounced: true })
    }
    if (typeof id !== 'string') return
    if (type === 'events_api' && typeof payload === 'object' && payload !== null) this.#options.told(payload as EventCallback, () => this.#acknowledge(id))
    else this.#acknowledge(id, envelope.accepts_response_payload === true && type === 'slash_commands' ? { text: notHere } : undefined)
  }

  #acknowledge (id: string, payload?: object): void {
    this.#socket?.send(JSON.stringify({ envelope_id: id, ...(payload ? { payload } : {}) }))
  }
}

/** Resolves when Slack has taken us in. */
export async function openLink (options: LinkOptions): Promise<Link> {
  const link = new SlackLink(options)
  await link.open()
  return link
}
