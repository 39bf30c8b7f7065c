/** Markdown for services that show a few marks of their own, or none. */

export interface Marks {
  readonly bold: string
  readonly italic: string
  readonly strike: string
  readonly code: string
  /** Around blocks of code, on a line of its own. */
  readonly fence: string
  /** An address behind a text; absent: both are written. */
  readonly link?: (label: string, address: string) => string
}

export const noMarks: Marks = { bold: '', italic: '', strike: '', code: '', fence: '' }

/** Stand for what is done, so that it is not read again. Text of people has no such characters. */
const strong = '\uE000'
const hidden = '\uE001'
const reserved = /[\uE000\uE001]/g

function links (line: string, { link = (label, address) => `${label} (${address})` }: Marks): string {
  return line.replace(/!?\[([^\]\n]*)\]\(<?([^()\s>]+)>?(?:\s+"[^"]*")?\)/g, (_all, label: string, address: string) =>
    label === '' || label === address ? address : link(label, address))
}

function inline (line: string, marks: Marks): string {
  const { bold, italic, strike, code } = marks
  const kept: string[] = []
  const hide = (text: string): string => `${hidden}${kept.push(text) - 1}${hidden}`
  return links(line.replace(/(`+)(.+?)\1/g, (_all, _ticks: string, inner: string) => hide(`${code}${inner}${code}`)), marks)
    // What an address contains is no markup.
    .replace(/https?:\/\/[^\s<>()[\]\uE001]+/g, address => hide(address))
    .replace(/\*\*\*(?=\S)(.+?)(?<=\S)\*\*\*/g, `${strong}${italic}$1${italic}${strong}`)
    .replace(/\*\*(?=\S)(.+?)(?<=\S)\*\*/g, `${strong}$1${strong}`)
    .replace(/(?<![\w_])__(?=\S)(.+?)(?<=\S)__(?![\w_])/g, `${strong}$1${strong}`)
    .replace(/(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![\w*])/g, `${italic}$1${italic}`)
    .replace(/(?<![\w_])_(?=[^\s_])([^_\n]+?)(?<=\S)_(?![\w_])/g, `${italic}$1${italic}`)
    .replace(/~~(?=\S)(.+?)(?<=\S)~~/g, `${strike}$1${strike}`)
    .replace(/^(\s*)[*+]\s+/, '$1- ')
    .replaceAll(strong, bold)
    .replace(/\uE001(\d+)\uE001/g, (_all, index: string) => kept[Number(index)] ?? '')
}

function lineOf (line: string, marks: Marks): string {
  const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1]
  if (heading === undefined) return inline(line, marks)
  const plain = heading.replaceAll('**', '')
  return plain === '' ? '' : inline(`**${plain}**`, marks)
}

export function toFewMarks (markdown: string, marks: Marks): string {
  let isCode = false
  return markdown.replace(reserved, '').split('\n').flatMap(line => {
    if (/^\s*(?:```|~~~)/.test(line)) {
      isCode = !isCode
      return marks.fence === '' ? [] : [marks.fence]
    }
    return [isCode ? line : lineOf(line, marks)]
  }).join('\n')
}
