/** Words of a page with their links and emphasis, as Markdown or as text without any marks. */
import { isElement, type PageElement, type PageNode } from './tree.ts'

export interface RenderingOptions {
  readonly mode: 'markdown' | 'text'
  /** What the links of the page are relative to. */
  readonly baseUrl: string
}

const blocks = new Set([
  'address', 'article', 'aside', 'blockquote', 'body', 'caption', 'center', 'dd', 'details', 'div', 'dl', 'dt', 'fieldset', 'figcaption',
  'figure', 'footer', 'form', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'header', 'hr', 'html', 'li', 'main', 'menu', 'nav', 'ol', 'p', 'pre', 'section',
  'summary', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'tr', 'ul'
])

const longestLink = 2048

export const isBlock = ({ name }: PageElement): boolean => blocks.has(name)

const collapse = (text: string): string => text.replace(/[ \t\n\r\f\u00a0]+/g, ' ')

/** No spaces at the ends of lines and never two together. */
export const tidy = (text: string): string => text.replace(/ {2,}/g, ' ').replace(/ *\n */g, '\n').trim()

export function plainText (node: PageNode): string {
  if (!isElement(node)) return node
  return node.name === 'br' ? '\n' : node.children.map(plainText).join('')
}

/** A mark goes around words, not around the spaces beside them. */
function marked (text: string, mark: string): string {
  const words = text.trim()
  if (words === '') return text
  const start = text.indexOf(words)
  return `${text.slice(0, start)}${mark}${words}${mark}${text.slice(start + words.length)}`
}

const marks: { readonly [name: string]: string } = {
  strong: '**', b: '**', em: '*', i: '*', cite: '*', code: '`', kbd: '`', samp: '`', tt: '`', del: '~~', s: '~~', strike: '~~'
}

export interface Inline {
  of (node: PageNode): string
  /** Of everything in it. */
  inside (element: PageElement): string
}

export function createInline ({ mode, baseUrl }: RenderingOptions): Inline {
  const isMarkdown = mode === 'markdown'

  /** Undefined for what is no address on the web. */
  function absolute (href: string | undefined): string | undefined {
    if (href === undefined || href.length > longestLink || href.startsWith('#')) return undefined
    const url = URL.parse(href, baseUrl)
    return url && /^(?:https?|mailto):$/.test(url.protocol) ? url.href.replaceAll('(', '%28').replaceAll(')', '%29') : undefined
  }

  function link (element: PageElement): string {
    const text = inside(element)
    const href = absolute(element.attributes.href)
    const words = tidy(text).replaceAll('\n', ' ')
    if (!isMarkdown || href === undefined || words === '') return text
    const [before, after] = [/^\s/.test(text) ? ' ' : '', /\s$/.test(text) ? ' ' : '']
    return `${before}[${words}](${href})${after}`
  }

  function image ({ alt = '', src }: PageElement['attributes']): string {
    const words = collapse(alt).trim()
    const href = absolute(src)
    return isMarkdown && words !== '' && href !== undefined ? `![${words}](${href})` : words
  }

  const inside = (element: PageElement): string => element.children.map(of).join('')

  function of (node: PageNode): string {
    if (!isElement(node)) return collapse(node)
    const { name, attributes } = node
    if (name === 'br') return '\n'
    if (name === 'img') return image(attributes)
    if (name === 'a') return link(node)
    const mark = marks[name]
    const text = mark === '`' ? collapse(plainText(node)) : inside(node)
    if (mark !== undefined) return isMarkdown ? marked(text, mark) : text
    return blocks.has(name) ? ` ${text} ` : text
  }

  return { of, inside }
}
