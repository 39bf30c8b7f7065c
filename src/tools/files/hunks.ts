/** Finds the places that the hunks of a patch mean, and changes them. */
import { FileFailure } from './failure.ts'
import { linesOf } from './line-changes.ts'
import type { Hunk } from './patch-text.ts'
import type { TextFile } from './text-file.ts'

const bare = (line: string): string => line.replace(/\r?\n$/, '')
/** Exact first; then without the spaces at line ends, which models lose. */
const readings: ReadonlyArray<(line: string) => string> = [line => line, line => line.trimEnd()]

function seek (lines: readonly string[], wanted: readonly string[], from: number, isAtEnd: boolean): number {
  if (wanted.length === 0) return isAtEnd ? lines.length : from
  for (const reading of readings) {
    const [have, want] = [lines.map(reading), wanted.map(reading)]
    const last = have.length - want.length
    const matches = (at: number): boolean => want.every((line, index) => have[at + index] === line)
    if (isAtEnd) {
      if (last >= from && matches(last)) return last
      continue
    }
    for (let at = from; at <= last; at++) if (matches(at)) return at
  }
  return -1
}

interface Spot { readonly at: number, readonly count: number }

function placeOf (lines: readonly string[], { anchors, lines: body, isAtEnd }: Hunk, from: number, label: string): Spot {
  let start = from
  for (const anchor of anchors) {
    const found = seek(lines, [anchor], start, false)
    if (found < 0) throw new FileFailure(`${label}: the line "${anchor.slice(0, 120)}" after @@ was not found. Read the file again.`)
    start = found + 1
  }
  const wanted = body.filter(({ kind }) => kind !== '+').map(({ text }) => text)
  if (wanted.length === 0 && anchors.length === 0) return { at: lines.length, count: 0 }
  const at = seek(lines, wanted, start, isAtEnd)
  if (at < 0) {
    const shown = wanted.slice(0, 3).join('\n').slice(0, 240)
    const where = start > 0 ? ` after line ${start}` : ''
    throw new FileFailure(`${label}: these lines were not found${where}:\n${shown}\nRead the file again and copy them as they are.`)
  }
  return { at, count: wanted.length }
}

/** The lines as they were where nothing changes, so that their ends and spaces stay. */
function changed (old: readonly string[], { lines: body }: Hunk, lineEnd: string): string[] {
  let at = 0
  return body.flatMap(({ kind, text }) => {
    if (kind === '+') return [text + lineEnd]
    const line = old[at++]!
    return kind === ' ' ? [line] : []
  })
}

export function applyHunks ({ text, lineEnd = '\n' }: TextFile, hunks: readonly Hunk[], name: string): string {
  const lines = linesOf(text)
  const plain = lines.map(bare)
  const result: string[] = []
  let done = 0
  for (const [index, hunk] of hunks.entries()) {
    const { at, count } = placeOf(plain, hunk, done, `${name}, hunk ${index + 1} of ${hunks.length}`)
    result.push(...lines.slice(done, at))
    // A last line without an end gets one before more is put behind it.
    const last = result.at(-1)
    if (last !== undefined && !last.endsWith('\n')) result[result.length - 1] = last + lineEnd
    const block = changed(lines.slice(at, at + count), hunk, lineEnd)
    result.push(...block.map((line, position) => position < block.length - 1 && !line.endsWith('\n') ? line + lineEnd : line))
    done = at + count
  }
  result.push(...lines.slice(done))
  return result.join('')
}
