/** Lines on their way to the file, bounded in number and in bytes; the oldest make room for the newest. */

export interface Batch {
  readonly lines: readonly string[]
  /** How many lines found no room before these. */
  readonly missing: number
}

export interface LineQueue {
  push (line: string): void
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
  let lines: string[] = []
  let bytes = 0
  let missing = 0
  let dropped = 0

  const trim = (): void => {
    let surplus = Math.max(0, lines.length - maxLines)
    for (let at = 0; at < lines.length; at++) {
      if (at >= surplus && bytes <= maxBytes) break
      bytes -= Buffer.byteLength(lines[at] ?? '')
      surplus = Math.max(surplus, at + 1)
    }
    if (surplus === 0) return
    lines.splice(0, surplus)
    missing += surplus
    dropped += surplus
  }
  return {
    push (line) {
      lines.push(line)
      bytes += Buffer.byteLength(line)
      trim()
    },
    take (limit) {
      let taken = 0
      let takenBytes = 0
      for (const line of lines) {
        const size = Buffer.byteLength(line)
        if (taken > 0 && takenBytes + size > limit) break
        taken++
        takenBytes += size
      }
      const batch = { lines: lines.splice(0, taken), missing }
      bytes -= takenBytes
      missing = 0
      return batch
    },
    putBack (batch) {
      lines = [...batch.lines, ...lines]
      for (const line of batch.lines) bytes += Buffer.byteLength(line)
      missing += batch.missing
      trim()
    },
    length: () => lines.length,
    dropped: () => dropped
  }
}
