/** The patch format that begins with "*** Begin Patch". */
import { ToolRefusal } from '../invocation.ts'

export interface Hunk {
  /** A line that stands before the place, however far. */
  readonly anchors: readonly string[]
  readonly lines: ReadonlyArray<{ readonly kind: ' ' | '-' | '+', readonly text: string }>
  /** The last lines of the file. */
  readonly isAtEnd: boolean
}

export type FilePatch =
  | { readonly kind: 'add', readonly path: string, readonly text: string }
  | { readonly kind: 'delete', readonly path: string }
  | { readonly kind: 'update', readonly path: string, readonly movedTo?: string, readonly hunks: readonly Hunk[] }

const maxFiles = 200

interface Lines {
  readonly all: readonly string[]
  at: number
}

const refuse = (line: number, expected: string): ToolRefusal => new ToolRefusal(`apply_patch: line ${line + 1} of the patch: ${expected}.`)
const headerOf = (line: string | undefined): RegExpExecArray | null => /^\*\*\* (Add|Delete|Update) File: (.+)$/.exec(line ?? '')
const isEnd = (line: string | undefined): boolean => line?.trim() === '*** End Patch'
/** Models wrap patches in what their tools are used to. */
const stripped = (input: string): string => input.trim().replace(/^(?:apply_patch\s+)?<<-?\s*['"]?(\w+)['"]?\n([\s\S]*)\n\1$/, '$2').trim()

function addedText (lines: Lines): string {
  const start = lines.at
  while (lines.all[lines.at]?.startsWith('+')) lines.at++
  return lines.all.slice(start, lines.at).map(line => `${line.slice(1)}\n`).join('')
}

function readHunk (lines: Lines, isFirst: boolean): Hunk {
  const anchors: string[] = []
  while (lines.all[lines.at] === '@@' || lines.all[lines.at]?.startsWith('@@ ')) {
    // What other formats write there: it names no line.
    const anchor = lines.all[lines.at]!.slice(3).replace(/^-\d+(,\d+)? \+\d+(,\d+)? @@ ?/, '')
    if (anchor !== '') anchors.push(anchor)
    lines.at++
  }
  const body: Array<Hunk['lines'][number]> = []
  const start = lines.at
  for (let line = lines.all[lines.at]; line !== undefined && (line === '' || /^[ +-]/.test(line)); line = lines.all[++lines.at]) {
    body.push({ kind: line === '' ? ' ' : line[0] as ' ' | '-' | '+', text: line.slice(1) })
  }
  if (body.length === 0) throw refuse(lines.at, `expected ${isFirst ? '"@@" or ' : ''}lines that start with " ", "+" or "-"`)
  if (body.every(({ kind }) => kind === ' ')) throw refuse(start, 'this hunk changes nothing; a "+" or "-" line is missing')
  const isAtEnd = lines.all[lines.at]?.trim() === '*** End of File'
  if (isAtEnd) lines.at++
  return { anchors, lines: body, isAtEnd }
}

function readUpdate (path: string, lines: Lines): FilePatch {
  const movedTo = /^\*\*\* Move to: (.+)$/.exec(lines.all[lines.at] ?? '')?.[1]?.trim()
  if (movedTo !== undefined) lines.at++
  const hunks: Hunk[] = []
  const isDone = (line: string | undefined): boolean => line === undefined || headerOf(line) !== null || isEnd(line)
  while (!isDone(lines.all[lines.at])) hunks.push(readHunk(lines, hunks.length === 0))
  if (hunks.length === 0 && movedTo === undefined) throw refuse(lines.at, `nothing is to be changed in ${path}`)
  return { kind: 'update', path, hunks, ...(movedTo === undefined ? {} : { movedTo }) }
}

export function parsePatch (input: string): FilePatch[] {
  const lines: Lines = { all: stripped(input).split(/\r?\n/), at: 1 }
  if (lines.all[0]?.trim() !== '*** Begin Patch') throw refuse(0, 'expected "*** Begin Patch"')
  if (!isEnd(lines.all.at(-1))) throw refuse(lines.all.length - 1, 'expected "*** End Patch"; the patch may have been cut off')
  const patches: FilePatch[] = []
  while (lines.at < lines.all.length - 1) {
    const header = headerOf(lines.all[lines.at])
    if (!header) throw refuse(lines.at, 'expected "*** Add File: …", "*** Update File: …", "*** Delete File: …" or "*** End Patch"')
    lines.at++
    const [, kind, name] = header
    const path = name!.trim()
    if (kind === 'Add') patches.push({ kind: 'add', path, text: addedText(lines) })
    else if (kind === 'Delete') patches.push({ kind: 'delete', path })
    else patches.push(readUpdate(path, lines))
    if (patches.length > maxFiles) throw refuse(lines.at, `a patch changes at most ${maxFiles} files; make two`)
  }
  if (patches.length === 0) throw new ToolRefusal('apply_patch: the patch is empty. Put "*** Add File: …", "*** Update File: …" or "*** Delete File: …" into it.')
  return patches
}
