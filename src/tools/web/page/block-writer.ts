/** Puts blocks of text below each other: one blank line between them, a prefix for what is quoted or listed. */
export interface BlockWriter {
  /** Words in the form they are to have; they may have several lines. */
  inline (text: string): void
  /** A line ends here. */
  line (): void
  /** A block ends here. */
  block (): void
  /** What `write` writes stands behind this prefix; its first line behind another one. */
  indented (own: string, following: string, write: () => void): void
  result (): string
}

export function createBlockWriter (): BlockWriter {
  const out: string[] = []
  const prefixes: string[] = []
  let first: string | undefined
  let isLineOpen = false
  let breaks = 0

  const rest = (): string => prefixes.join('')

  function begin (): void {
    if (isLineOpen) return
    if (out.length > 0) out.push(breaks > 1 ? `\n${rest().trimEnd()}\n` : '\n')
    out.push(first ?? rest())
    first = undefined
    isLineOpen = true
    breaks = 0
  }

  const end = (count: number): void => {
    isLineOpen = false
    // Behind the prefix of an item nothing is left free.
    if (first === undefined) breaks = Math.max(breaks, count)
  }

  return {
    inline (text) {
      if (text === '') return
      begin()
      out.push(text.replaceAll('\n', `\n${rest()}`))
    },
    line: () => end(1),
    block: () => end(2),
    indented (own, following, write) {
      if (isLineOpen) end(1)
      first = `${first ?? rest()}${own}`
      prefixes.push(following)
      write()
      prefixes.pop()
      first = undefined
      end(1)
    },
    result: () => out.join('').replace(/[ \t]+$/gm, '').trim()
  }
}
