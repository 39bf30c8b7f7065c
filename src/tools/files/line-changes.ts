/** What was changed, as people and programs read it: numbered lines, and a unified diff. */

interface Step { readonly kind: ' ' | '-' | '+', readonly text: string, readonly oldLine: number, readonly newLine: number }

export interface Changes {
  readonly diff: string
  readonly patch: string
  /** In the new text, from 1. */
  readonly firstChangedLine?: number
}

/** More differences than this are shown as one block: finding the fewest would take too long. */
const maxEdits = 400
const maxShownChars = 64 * 1024
const contextLines = 4
/** Lines that are looked at to show them; the text ends sooner still. */
const maxShownSteps = 5000

/** Lines with their ends; the last one may have none. */
export function linesOf (text: string): string[] {
  const lines: string[] = []
  let at = 0
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
    lines.push(text.slice(at, end + 1))
    at = end + 1
  }
  return at < text.length ? [...lines, text.slice(at)] : lines
}

type Script = Array<Step['kind']>

const isInsertion = (d: number, k: number, row: Int32Array, mid: number): boolean =>
  k === -d || (k !== d && row[mid + k - 1]! < row[mid + k + 1]!)

/** Myers' greedy search between what is equal at both ends; undefined when the texts differ too much. */
function editScript (a: readonly string[], b: readonly string[]): Script | undefined {
  const most = Math.min(a.length + b.length, maxEdits)
  const reach = new Int32Array(2 * most + 3)
  const mid = most + 1
  const trail: Int32Array[] = []
  for (let d = 0; d <= most; d++) {
    trail.push(reach.slice())
    for (let k = -d; k <= d; k += 2) {
      let x = isInsertion(d, k, reach, mid) ? reach[mid + k + 1]! : reach[mid + k - 1]! + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      reach[mid + k] = x
      if (x >= a.length && x - k >= b.length) return walkBack(trail, a.length, b.length, d, mid)
    }
  }
  return undefined
}

function walkBack (trail: readonly Int32Array[], aLength: number, bLength: number, edits: number, mid: number): Script {
  const script: Script = []
  let [x, y] = [aLength, bLength]
  for (let d = edits; d > 0; d--) {
    const row = trail[d]!
    const k = x - y
    const isDown = isInsertion(d, k, row, mid)
    const from = isDown ? k + 1 : k - 1
    const fromX = row[mid + from]!
    const startX = isDown ? fromX : fromX + 1
    for (; x > startX; x--, y--) script.push(' ')
    script.push(isDown ? '+' : '-')
    x = fromX
    y = fromX - from
  }
  for (; x > 0; x--) script.push(' ')
  return script.reverse()
}

function stepsBetween (before: readonly string[], after: readonly string[]): Step[] {
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head++
  let tail = 0
  while (tail < before.length - head && tail < after.length - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++
  const [a, b] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)]
  const middle = editScript(a, b) ?? [...a.map(() => '-' as const), ...b.map(() => '+' as const)]
  const [lead, rest] = [Math.min(head, contextLines), Math.min(tail, contextLines)]
  const script = [...new Array<' '>(lead).fill(' '), ...middle, ...new Array<' '>(rest).fill(' ')].slice(0, maxShownSteps)
  let [oldLine, newLine] = [head - lead + 1, head - lead + 1]
  return script.map(kind => {
    const step = { kind, text: kind === '+' ? after[newLine - 1]! : before[oldLine - 1]!, oldLine, newLine }
    if (kind !== '+') oldLine++
    if (kind !== '-') newLine++
    return step
  })
}

/** The steps worth showing, in blocks with what surrounds them. */
function blocksOf (steps: readonly Step[]): Step[][] {
  const blocks: Step[][] = []
  let shownTo = -1
  for (const [index, { kind }] of steps.entries()) {
    if (kind === ' ') continue
    const from = Math.max(shownTo + 1, index - contextLines)
    const to = Math.min(steps.length - 1, index + contextLines)
    const slice = steps.slice(from, to + 1)
    if (blocks.length > 0 && from === shownTo + 1) blocks.at(-1)!.push(...slice)
    else if (slice.length > 0) blocks.push(slice)
    shownTo = Math.max(shownTo, to)
  }
  return blocks
}

const cut = (text: string): string => text.length <= maxShownChars ? text : `${text.slice(0, maxShownChars)}\n… cut after ${maxShownChars} characters`
const bare = (text: string): string => text.replace(/\r?\n$/, '')

function numbered (blocks: readonly Step[][], width: number): string {
  const lines = blocks.map(block => block.map(({ kind, text, oldLine, newLine }) =>
    `${kind}${String(kind === '-' ? oldLine : newLine).padStart(width)} ${bare(text)}`).join('\n'))
  return lines.join(`\n ${' '.repeat(width)} ...\n`)
}

function unified (blocks: readonly Step[][], path: string): string {
  const body = blocks.map(block => {
    const [first] = block as [Step]
    const [olds, news] = [block.filter(({ kind }) => kind !== '+').length, block.filter(({ kind }) => kind !== '-').length]
    const at = (line: number, count: number): string => `${count === 0 ? line - 1 : line},${count}`
    const lines = block.map(({ kind, text }) => text.endsWith('\n') ? `${kind}${text}` : `${kind}${text}\n\\ No newline at end of file\n`)
    return `@@ -${at(first.oldLine, olds)} +${at(first.newLine, news)} @@\n${lines.join('')}`
  })
  return `--- ${path}\n+++ ${path}\n${body.join('')}`
}

export function changesBetween (before: string, after: string, path: string): Changes {
  const [olds, news] = [linesOf(before), linesOf(after)]
  const steps = stepsBetween(olds, news)
  const blocks = blocksOf(steps)
  const first = steps.find(({ kind }) => kind !== ' ')
  if (!first) return { diff: '', patch: '' }
  const width = String(Math.max(olds.length, news.length)).length
  return { diff: cut(numbered(blocks, width)), patch: cut(unified(blocks, path)), firstChangedLine: first.newLine }
}
