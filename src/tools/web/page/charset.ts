/** Bytes of the web as text: what the mark at their beginning says, then the header, then the page itself, then UTF-8. */

const marks: ReadonlyArray<readonly [bytes: readonly number[], charset: string]> = [
  [[0xef, 0xbb, 0xbf], 'utf-8'], [[0xfe, 0xff], 'utf-16be'], [[0xff, 0xfe], 'utf-16le']
]

const declaredIn = (text: string): string | undefined => /charset\s*=\s*["']?\s*([\w:.-]{1,40})/i.exec(text)?.[1]

/** In a page it stands in the first kilobyte, or nobody finds it. */
const declaredInPage = (bytes: Uint8Array): string | undefined => {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1024)).toString('latin1')
  const charset = declaredIn(head.match(/<meta[^>]*>/gi)?.find(tag => /charset/i.test(tag)) ?? '')
  // Whoever can read the declaration does not read UTF-16.
  return charset !== undefined && /^utf-?16/i.test(charset) ? 'utf-8' : charset
}

type Decoder = InstanceType<typeof TextDecoder>

function decoderFor (charset: string | undefined): Decoder | undefined {
  try {
    return charset === undefined ? undefined : new TextDecoder(charset)
  } catch {
    return undefined
  }
}

export function decodeText (bytes: Uint8Array, contentType: string): string {
  const mark = marks.find(([start]) => start.every((byte, index) => bytes[index] === byte))?.[1]
  const decoder = decoderFor(mark) ?? decoderFor(declaredIn(contentType)) ?? decoderFor(declaredInPage(bytes)) ?? new TextDecoder()
  return decoder.decode(bytes)
}

/** A few control characters where text has none, or every other byte a zero. */
export function looksBinary (bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 1024)
  if (marks.some(([start]) => start.every((byte, index) => head[index] === byte))) return false
  return head.some(byte => byte < 9 || (byte > 13 && byte < 27))
}
