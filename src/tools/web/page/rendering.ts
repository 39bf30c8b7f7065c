/** A part of a page as Markdown, or as text without any marks. */
import { createBlockWriter, type BlockWriter } from './block-writer.ts'
import { createInline, isBlock, plainText, tidy, type Inline, type RenderingOptions } from './inline.ts'
import { isElement, type PageElement, type PageNode } from './tree.ts'

interface Desk {
  readonly writer: BlockWriter
  readonly inline: Inline
  readonly isMarkdown: boolean
}

/** Tables with longer cells place things side by side and are no tables. */
const longestCell = 500
const fence = '```'

const elementsOf = ({ children }: PageElement, ...names: string[]): PageElement[] =>
  children.filter(isElement).filter(({ name }) => names.includes(name))

const contains = (element: PageElement, wanted: (inner: PageElement) => boolean): boolean =>
  element.children.some(child => isElement(child) && (wanted(child) || contains(child, wanted)))

function heading (desk: Desk, element: PageElement): void {
  const words = tidy(desk.inline.inside(element)).replaceAll('\n', ' ')
  if (words !== '') desk.writer.inline(desk.isMarkdown ? `${'#'.repeat(Number(element.name[1]))} ${words}` : words)
}

function verbatim ({ writer, isMarkdown }: Desk, element: PageElement): void {
  const text = plainText(element).replace(/^\n/, '').trimEnd()
  if (text === '') return
  const mark = text.includes(fence) ? `${fence}\`` : fence
  for (const line of isMarkdown ? [mark, ...text.split('\n'), mark] : text.split('\n')) {
    writer.inline(line === '' ? ' ' : line)
    writer.line()
  }
}

function list (desk: Desk, element: PageElement): void {
  let number = Number.parseInt(element.attributes.start ?? '1', 10) || 1
  for (const child of element.children) {
    if (!isElement(child)) continue
    if (child.name !== 'li') {
      node(desk, child)
      continue
    }
    const mark = element.name === 'ol' ? `${number++}. ` : '- '
    desk.writer.indented(mark, ' '.repeat(mark.length), () => flow(desk, child))
  }
}

function table (desk: Desk, element: PageElement): void {
  const { writer, inline, isMarkdown } = desk
  const rows = [element, ...elementsOf(element, 'thead', 'tbody', 'tfoot')].flatMap(part => elementsOf(part, 'tr'))
    .map(row => elementsOf(row, 'td', 'th')).filter(cells => cells.length > 0)
  const texts = rows.map(cells => cells.map(cell => tidy(inline.inside(cell)).replaceAll('\n', ' ')))
  const columns = texts.reduce((most, cells) => Math.max(most, cells.length), 0)
  if (columns < 2 || texts.flat().some(text => text.length > longestCell) || contains(element, ({ name }) => name === 'table')) {
    return flow(desk, element)
  }
  for (const caption of elementsOf(element, 'caption')) node(desk, caption)
  for (const [index, cells] of texts.entries()) {
    const row = Array.from({ length: columns }, (_, column) => cells[column] ?? '')
    writer.inline(isMarkdown ? `| ${row.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |` : row.join('\t'))
    writer.line()
    if (index > 0 || !isMarkdown) continue
    writer.inline(`|${' --- |'.repeat(columns)}`)
    writer.line()
  }
}

function quote (desk: Desk, element: PageElement): void {
  const mark = desk.isMarkdown ? '> ' : ''
  desk.writer.indented(mark, mark, () => flow(desk, element))
}

const renderers: { readonly [name: string]: (desk: Desk, element: PageElement) => void } = {
  h1: heading,
  h2: heading,
  h3: heading,
  h4: heading,
  h5: heading,
  h6: heading,
  hr: ({ writer, isMarkdown }) => writer.inline(isMarkdown ? '---' : ''),
  pre: verbatim,
  blockquote: quote,
  ul: list,
  ol: list,
  menu: list,
  table
}

/** An element among other blocks. */
function node (desk: Desk, element: PageElement): void {
  const isTight = ['tr', 'dt', 'dd'].includes(element.name) || (element.parent?.name === 'li' && ['ul', 'ol'].includes(element.name))
  const end = (): void => isTight ? desk.writer.line() : desk.writer.block()
  end()
  const render = renderers[element.name] ?? flow
  render(desk, element)
  end()
}

/** A link around blocks stays a link: its words are what counts. */
const standsAlone = (child: PageNode): child is PageElement =>
  isElement(child) && (isBlock(child) || (child.name !== 'a' && contains(child, isBlock)))

/** Words and blocks as they follow each other. */
function flow (desk: Desk, element: PageElement): void {
  let words = ''
  const end = (): void => {
    const text = tidy(words)
    words = ''
    if (text === '') return
    desk.writer.inline(text)
    desk.writer.line()
  }
  for (const child of element.children) {
    if (!standsAlone(child)) {
      words += desk.inline.of(child)
      continue
    }
    end()
    node(desk, child)
  }
  end()
}

export function renderPage (root: PageElement, options: RenderingOptions): string {
  const desk = { writer: createBlockWriter(), inline: createInline(options), isMarkdown: options.mode === 'markdown' }
  flow(desk, root)
  return desk.writer.result()
}
