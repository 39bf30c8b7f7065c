/** What a message says, as people read it; and what is written for people, as Slack reads it. */
import { toFewMarks, type Marks } from '../../few-marks.ts'
import type { Directory } from './directory.ts'

const plainOf = (text: string): string => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** `<…>` in a message: a person, a channel, everybody, or an address, each perhaps with what is shown for it. */
function markOf (mark: string, names: ReadonlyMap<string, string | undefined>): string {
  const [what = '', ...shown] = mark.split('|')
  const label = shown.join('|')
  if (what.startsWith('@')) return `@${names.get(what.slice(1)) ?? (label || what.slice(1))}`
  if (what.startsWith('#')) return `#${label || what.slice(1)}`
  if (what.startsWith('!')) return label || `@${what.slice(1).split('^')[0]}`
  const address = what.replace(/^mailto:/, '')
  return label === '' || label === address || what.endsWith(`://${label}`) ? address : `[${label}](${address})`
}

const marks = /<((?:[@#!]|[a-z][a-z+.-]*:)[^<>\n]{1,2000})>/g
const mostNames = 10

export async function readText (text: string, directory: Pick<Directory, 'nameOf'>): Promise<string> {
  const ids = [...text.matchAll(/<@([UW][A-Z0-9]{2,30})(?:\|[^<>]*)?>/g)].map(([, id]) => id!)
  const names = new Map(await Promise.all([...new Set(ids)].slice(0, mostNames).map(async id => [id, await directory.nameOf(id)] as const)))
  return text.split(marks).map((part, index) => plainOf(index % 2 === 0 ? part : markOf(part, names))).join('')
}

const slackMarks: Marks = {
  bold: '*', italic: '_', strike: '~', code: '`', fence: '```', link: (label, address) => `<${address}|${label.replaceAll('**', '')}>`
}

/** People and channels may be named; everybody at once may not. */
export function toMrkdwn (markdown: string): string {
  const plain = escape(markdown.replace(/<(https?:\/\/[^\s<>]+)>/g, '$1'))
  return toFewMarks(plain, slackMarks).replace(/&lt;([@#][A-Z][A-Z0-9]{2,30})&gt;/g, '<$1>')
}
