/** Text as files hold it: with a mark at its start or not, with one kind of line end or another. */
import { FileFailure } from './failure.ts'

export interface TextFile {
  /** Without the mark. */
  readonly text: string
  readonly hasMark: boolean
  /** Of most lines; undefined when there is only one. */
  readonly lineEnd: '\n' | '\r\n' | undefined
}

const mark = '\uFEFF'
const probeBytes = 8192

export const isBinary = (content: Buffer): boolean => content.subarray(0, probeBytes).includes(0)

function lineEndOf (text: string): TextFile['lineEnd'] {
  let [all, windows] = [0, 0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    all++
    if (text[at - 1] === '\r') windows++
  }
  return all === 0 ? undefined : windows * 2 > all ? '\r\n' : '\n'
}

/** Refuses what would not be the same once it is written back. */
export function decodeText (content: Buffer, name: string): TextFile {
  try {
    if (isBinary(content)) throw new TypeError('binary')
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
    const hasMark = text.startsWith(mark)
    return { text: hasMark ? text.slice(1) : text, hasMark, lineEnd: lineEndOf(text) }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new FileFailure(`${name} is not UTF-8 text. Only text can be changed here.`)
  }
}

export const encodeText = (text: string, { hasMark }: Pick<TextFile, 'hasMark'>): Buffer => Buffer.from(hasMark ? mark + text : text, 'utf8')

/** What a model wrote, with the line ends that the file has. */
export function withLineEnd (text: string, lineEnd: TextFile['lineEnd']): string {
  return lineEnd === undefined ? text : text.replace(/\r?\n/g, lineEnd)
}
