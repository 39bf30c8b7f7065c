/**
 * Reads server-sent events from text as it arrives. A reader of our own: `data` is all that is needed of them, each piece is looked
 * at once, what is kept is bounded, and the hot path needs no package.
 */

export interface EventReader {
  /** Text in pieces of any size. False: an event is longer than allowed, and nothing more is to be read. */
  feed (piece: string): boolean
  /** The last event may lack the empty line behind it. */
  end (): void
}

/** One event may carry an image or the arguments of a tool, not a film. */
export const maxEventCharacters = 16 * 1024 * 1024

const carriageReturn = 13
const space = 32
const colon = 58

export function createEventReader (onData: (data: string) => void): EventReader {
  let rest = ''
  let data: string | undefined

  /** Takes a line without its line feed. */
  const take = (text: string): void => {
    const end = text.charCodeAt(text.length - 1) === carriageReturn ? text.length - 1 : text.length
    if (end === 0) {
      if (data !== undefined) onData(data)
      data = undefined
      return
    }
    // Comments begin with a colon; other fields say nothing that is not in the data.
    if (!text.startsWith('data') || (end > 4 && text.charCodeAt(4) !== colon)) return
    const value = text.slice(text.charCodeAt(5) === space ? 6 : 5, end)
    data = data === undefined ? value : `${data}\n${value}`
  }

  return {
    feed (piece) {
      let at = 0
      for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', at)) {
        const line = piece.slice(at, end)
        take(rest === '' ? line : rest + line)
        rest = ''
        at = end + 1
      }
      rest += at === 0 ? piece : piece.slice(at)
      return rest.length + (data?.length ?? 0) <= maxEventCharacters
    },
    end () {
      if (rest !== '') take(rest)
      rest = ''
      take('')
    }
  }
}
