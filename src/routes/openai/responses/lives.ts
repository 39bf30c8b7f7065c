/** Responses under way, and those in the background that ended lately: who asks again finds the same events under the same numbers. */
import type { ResponseEvent, ResponseObject } from './shapes.ts'

export interface Live {
  /** As it stands now. */
  readonly response: () => ResponseObject
  isOver: boolean
  tell (event: ResponseEvent): void
  /** Nothing follows, also when it did not come to its end. */
  close (): void
  /** What was told after that number, then what follows. Undefined when it is not known any more what was told. */
  follow (after: number, listener: Listener): (() => void) | undefined
  /** Nobody will come who wants what was told before. */
  release (): void
}

export interface Listener {
  event (event: ResponseEvent): void
  closed (): void
}

export interface Lives {
  get (name: string): Live | undefined
  begin (name: string, response: () => ResponseObject): Live
  forget (name: string): void
}

/** Of one response; a longer one can be read, and no longer be followed from a place in the middle. */
const maxCharsOfOne = 2 * 1024 * 1024
/** Of those that are over. */
const maxPast = 64
const maxPastChars = 8 * 1024 * 1024

class Told implements Live {
  readonly response: () => ResponseObject
  isOver = false
  chars = 0
  private readonly events: ResponseEvent[] = []
  private isWhole = true
  private readonly listeners = new Set<Listener>()

  constructor (response: () => ResponseObject) {
    this.response = response
  }

  tell (event: ResponseEvent): void {
    if (this.isWhole) {
      this.events.push(event)
      this.chars += typeof event.delta === 'string' ? event.delta.length + 200 : JSON.stringify(event).length
      if (this.chars > maxCharsOfOne) this.release()
    }
    for (const { event: hear } of this.listeners) hear(event)
  }

  release (): void {
    this.isWhole = false
    this.events.length = 0
    this.chars = 0
  }

  close (): void {
    if (this.isOver) return
    this.isOver = true
    for (const { closed } of this.listeners) closed()
    this.listeners.clear()
  }

  follow (after: number, listener: Listener): (() => void) | undefined {
    if (!this.isWhole) return undefined
    for (const event of this.events) if (event.sequence_number > after) listener.event(event)
    if (this.isOver) {
      listener.closed()
      return () => {}
    }
    return this.listen(listener)
  }

  listen (listener: Listener): () => void {
    this.listeners.add(listener)
    return () => { this.listeners.delete(listener) }
  }
}

export function createLives (): Lives {
  const lives = new Map<string, Told>()
  let past: string[] = []
  let pastChars = 0

  function forget (name: string): void {
    if (!past.includes(name)) return
    past = past.filter(id => id !== name)
    pastChars -= lives.get(name)!.chars
    lives.delete(name)
  }

  return {
    get: name => lives.get(name),
    begin (name, response) {
      const live = new Told(response)
      lives.set(name, live)
      live.listen({
        event () {},
        closed () {
          past.push(name)
          pastChars += live.chars
          if (live.chars === 0) forget(name)
          while (past.length > maxPast || pastChars > maxPastChars) forget(past[0]!)
        }
      })
      return live
    },
    forget
  }
}
