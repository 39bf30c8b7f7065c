/** Lines on their way to the file, bounded in number and in bytes; the oldest make room for the newest. */

export interface Batch {
  readonly lines: readonly Line[]
  /** How many lines found no room before these. */
  readonly missing: number
}
export interface Line { readonly text: string, readonly bytes: number }

export interface LineQueue {
  push (line: Line): void
  /** Takes as many lines as fit `maxBytes`, at least one. */
  take (maxBytes: number): Batch
  /** Returns what could not be written to where it came from. */
  putBack (batch: Batch): void
  length (): number
  dropped (): number
}

const maxLines = 4096
const maxBytes = 8_388_608

export function createLineQueue (): LineQueue {
  let lines: Line[] = []
  // What stands before this is gone. Moving the rest down for every line would cost more than writing it.
  let head = 0
  let bytes = 0
  let missing = 0
  let dropped = 0

  const length = (): number => lines.length - head
  const shift = (): Line | undefined => {
    const line = lines[head]
    if (!line) return undefined
    head++
    bytes -= line.bytes
    if (head > maxLines) {
      lines = lines.slice(head)
      head = 0
    }
    return line
  }
  const isOver = (): boolean => length() > maxLines || (bytes > maxBytes && length() > 1)
  const trim = (): void => {
    while (isOver()) {
      shift()
      missing++
      dropped++
    }
  }
  return {
    push (line) {
      lines.push(line)
      bytes += line.bytes
      trim()
    },
    take (limit) {
      const taken: Line[] = []
      let room = limit
      for (let next = lines[head]; next && (taken.length === 0 || next.bytes <= room); next = lines[head]) {
        room -= next.bytes
        taken.push(next)
        shift()
      }
      const batch = { lines: taken, missing }
      missing = 0
      return batch
    },
    putBack (batch) {
      lines = [...batch.lines, ...lines.slice(head)]
      head = 0
      for (const line of batch.lines) bytes += line.bytes
      missing += batch.missing
      trim()
    },
    length,
    dropped: () => dropped
  }
}
