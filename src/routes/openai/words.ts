import { visibleReply } from '../../agent/replies.ts'
import type { RunEvent } from '../../agent/room.ts'

export interface WordsOptions {
  /** `isAnother`: the first words of a message after another one. */
  readonly tell: (delta: string, isAnother: boolean) => void
  /** A message of the agent is over, and something else comes. */
  readonly onEnd?: () => void
}

/** What people see of the words so far, each word once. What comes within one turn of the event loop is told together. */
export class Words {
  private readonly options: WordsOptions
  private item: unknown
  /** What the current message says, and what of it was told. */
  private said = ''
  private told = ''
  private hasTold = false
  private pending: NodeJS.Immediate | undefined

  constructor (options: WordsOptions) {
    this.options = options
  }

  hear ({ text, itemId }: RunEvent['data']): void {
    if (itemId !== this.item) {
      if (this.item !== undefined) this.endMessage()
      this.item = itemId
    }
    this.said = String(text)
    this.pending ??= setImmediate(() => this.flush())
  }

  /** Tells what may be told by now. */
  flush (): void {
    this.cancel()
    this.show(visibleReply(this.said, false))
  }

  endMessage (): void {
    this.end(visibleReply(this.said, true))
    this.said = this.told = ''
    this.options.onEnd?.()
  }

  /** The rest of what is there in the end. */
  end (text: string): void {
    this.cancel()
    this.show(text)
  }

  private cancel (): void {
    clearImmediate(this.pending)
    this.pending = undefined
  }

  private show (text: string): void {
    if (text.length <= this.told.length || !text.startsWith(this.told)) return
    const isAnother = this.told === '' && this.hasTold
    const delta = text.slice(this.told.length)
    this.told = text
    this.hasTold = true
    this.options.tell(delta, isAnother)
  }
}
