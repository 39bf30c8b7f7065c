/** A page as a tree of what people see of it: without scripts, forms and what is hidden from them. */
import { Parser } from 'htmlparser2'
import { visible } from '../visible-text.ts'

export interface PageElement {
  readonly name: string
  readonly attributes: { readonly [name: string]: string }
  readonly parent: PageElement | undefined
  readonly children: PageNode[]
}

export type PageNode = PageElement | string

export interface PageTree {
  readonly title: string
  /** `<base href>`. */
  readonly base: string | undefined
  readonly root: PageElement
}

/** What stands deeper is put here: whoever walks the tree must not run out of stack. */
const maxDepth = 200

const dropped = new Set([
  'script', 'style', 'noscript', 'template', 'svg', 'math', 'iframe', 'object', 'embed', 'canvas', 'audio', 'video', 'map', 'select', 'datalist',
  'textarea', 'button', 'input', 'dialog', 'frame', 'frameset', 'applet', 'link', 'meta', 'progress', 'meter'
])

const hidingStyles = [/^display:none/, /^visibility:(?:hidden|collapse)/, /^opacity:0(?:\.0*)?(?:$|!)/, /^font-size:0(?:px|em|rem|pt|%)?(?:$|!)/]

/** Text that only machines read is where orders for machines are put. */
function isHidden ({ hidden, 'aria-hidden': ariaHidden, style }: PageElement['attributes']): boolean {
  if (hidden !== undefined || ariaHidden === 'true') return true
  if (style === undefined) return false
  const rules = style.slice(0, 2000).toLowerCase().replace(/\s+/g, '').split(';')
  return rules.some(rule => hidingStyles.some(pattern => pattern.test(rule)))
}

class TreeBuilder {
  readonly root: PageElement = { name: 'body', attributes: {}, parent: undefined, children: [] }
  title = ''
  base: string | undefined
  #current: PageElement = this.root
  /** What is open; undefined for an element that was not given a place of its own. */
  readonly #open: Array<PageElement | undefined> = []
  #depth = 0
  /** How many of the open elements have been dropped, from the first one on. */
  #droppedDepth = 0
  #isTitle = false

  open (name: string, attributes: PageElement['attributes']): void {
    if (name === 'base' && this.base === undefined) this.base = attributes.href
    if (this.#droppedDepth > 0 || dropped.has(name) || isHidden(attributes)) {
      this.#droppedDepth++
      return
    }
    this.#isTitle = name === 'title' && this.title === ''
    if (this.#depth >= maxDepth) {
      this.#open.push(undefined)
      return
    }
    const element: PageElement = { name, attributes, parent: this.#current, children: [] }
    this.#current.children.push(element)
    this.#current = element
    this.#open.push(element)
    this.#depth++
  }

  close (): void {
    this.#isTitle = false
    if (this.#droppedDepth > 0) {
      this.#droppedDepth--
      return
    }
    const element = this.#open.pop()
    if (!element) return
    this.#current = element.parent ?? this.root
    this.#depth--
  }

  text (text: string): void {
    if (this.#droppedDepth > 0) return
    if (this.#isTitle) this.title += text
    else if (this.#current.name !== 'head' && this.#current.name !== 'title') this.#current.children.push(visible(text))
  }
}

export function parsePage (html: string): PageTree {
  const builder = new TreeBuilder()
  const parser = new Parser({
    onopentag: (name, attributes) => builder.open(name, attributes),
    onclosetag: () => builder.close(),
    ontext: text => builder.text(text)
  })
  parser.end(html)
  return { title: visible(builder.title).replace(/\s+/g, ' ').trim(), base: builder.base, root: builder.root }
}

export const isElement = (node: PageNode): node is PageElement => typeof node !== 'string'
