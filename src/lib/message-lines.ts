/** JSON-RPC messages, one a line. A line that is too long is left out, and whoever waits for it can be told. */

export interface LineSink {
  message (message: object): void
  /** Undefined: whose message it was could not be told. */
  tooLarge (id: number | string | undefined): void
  problem (text: string): void
}

export interface LineReader {
  add (chunk: Buffer): void
}

/** Where serializers put the id: first or last. */
const edgeBytes = 256

/** To which request a message answers of which only the edges are known. */
function answeredBy (head: string, tail: string): number | string | undefined {
  const found = /^\s*\{(?:\s*"jsonrpc"\s*:\s*"2\.0"\s*,)?\s*"id"\s*:\s*(\d+|"[^"\\]{0,64}")\s*,/.exec(head) ?? /"id"\s*:\s*(\d+|"[^"\\]{0,64}")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/.exec(tail)
  return found ? JSON.parse(found[1]!) as number | string : undefined
}

export function createLineReader (sink: LineSink, maxBytes: number): LineReader {
  let pieces: Buffer[] = []
  let length = 0
  /** The edges of a line that is being left out. */
  let skipped: { readonly head: string, tail: Buffer } | undefined

  function finishSkipped (): void {
    const id = answeredBy(skipped!.head, skipped!.tail.toString('latin1'))
    skipped = undefined
    sink.tooLarge(id)
  }

  function read (line: string): void {
    const text = line.trim()
    if (text === '') return
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return sink.problem('a line is no JSON')
    }
    if (typeof value !== 'object' || value === null || (value as { jsonrpc?: unknown }).jsonrpc !== '2.0') sink.problem('a line is no JSON-RPC message')
    else sink.message(value)
  }

  function take (piece: Buffer): void {
    if (skipped) {
      skipped.tail = Buffer.concat([skipped.tail, piece.subarray(-edgeBytes)]).subarray(-edgeBytes)
      return
    }
    pieces.push(piece)
    length += piece.length
    if (length <= maxBytes) return
    const whole = Buffer.concat(pieces)
    skipped = { head: whole.subarray(0, edgeBytes).toString('latin1'), tail: Buffer.from(whole.subarray(-edgeBytes)) }
    pieces = []
    length = 0
  }

  function finish (): void {
    if (skipped) return finishSkipped()
    const line = Buffer.concat(pieces).toString()
    pieces = []
    length = 0
    read(line)
  }

  return {
    add (chunk) {
      let start = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        take(chunk.subarray(start, end))
        finish()
        start = end + 1
      }
      if (start < chunk.length) take(chunk.subarray(start))
    }
  }
}
