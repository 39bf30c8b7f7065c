/** Finds what a page is about among what surrounds it on every page. */
import { isElement, type PageElement } from './tree.ts'

const boilerplateTags = new Set(['nav', 'footer', 'aside'])
const boilerplateRoles = new Set([
  'navigation', 'banner', 'contentinfo', 'complementary', 'search', 'dialog', 'alertdialog', 'menu', 'menubar', 'toolbar'
])
const boilerplateWords = new Set([
  'nav', 'navbar', 'navigation', 'menu', 'sidebar', 'breadcrumb', 'breadcrumbs', 'footer', 'cookie', 'cookies', 'consent', 'gdpr', 'advert',
  'advertisement', 'ad', 'ads', 'sponsored', 'promo', 'share', 'sharing', 'social', 'related', 'recommended', 'newsletter', 'subscribe', 'popup',
  'modal', 'pagination', 'pager', 'masthead'
])
/** May be called what they like: the article is in there. */
const containers = new Set(['body', 'html', 'main', 'article'])
const paragraphs = new Set(['p', 'pre', 'li', 'blockquote', 'td', 'dd', 'h2', 'h3'])
const candidates = new Set(['article', 'main', 'section', 'div', 'td', 'body', 'html'])

const wordsOf = ({ class: className = '', id = '' }: PageElement['attributes']): string[] => `${className} ${id}`.toLowerCase().split(/[^a-z]+/)

function isBoilerplate ({ name, attributes }: PageElement, insideArticle: boolean): boolean {
  if (containers.has(name)) return false
  if (boilerplateTags.has(name) || boilerplateRoles.has(attributes.role ?? '')) return true
  if (name === 'header' && !insideArticle) return true
  return wordsOf(attributes).some(word => boilerplateWords.has(word))
}

/** A copy without what surrounds the content. */
function stripped (element: PageElement, parent: PageElement | undefined, insideArticle: boolean): PageElement {
  const copy: PageElement = { ...element, parent, children: [] }
  const inside = insideArticle || element.name === 'article' || element.name === 'main'
  for (const child of element.children) {
    if (!isElement(child)) copy.children.push(child)
    else if (!isBoilerplate(child, inside)) copy.children.push(stripped(child, copy, inside))
  }
  return copy
}

interface Weight {
  /** Characters below it, and how many of them are links. */
  text: number
  links: number
  /** What its paragraphs are worth. */
  score: number
}

type Weights = Map<PageElement, Weight>

/** A paragraph speaks for what it stands in, and half as much for what that stands in. */
function reward (weights: Weights, paragraph: PageElement, { text, links }: Weight): void {
  const points = 1 + Math.min(3, text / 100) - 2 * links / text
  let ancestor = paragraph.parent
  for (let share = 1; ancestor && share >= 0.25; share /= 2, ancestor = ancestor.parent) {
    const weight = weights.get(ancestor)
    if (weight) weight.score += points * share
  }
}

function weigh (element: PageElement, weights: Weights): Weight {
  const weight: Weight = { text: 0, links: 0, score: 0 }
  weights.set(element, weight)
  for (const child of element.children) {
    if (!isElement(child)) {
      weight.text += child.trim().length
      continue
    }
    const inner = weigh(child, weights)
    weight.text += inner.text
    weight.links += child.name === 'a' ? inner.text : inner.links
  }
  if (paragraphs.has(element.name) && weight.text >= 25) reward(weights, element, weight)
  return weight
}

const shareOfLinks = ({ text, links }: Weight): number => text === 0 ? 1 : links / text

function best (root: PageElement, weights: Weights): PageElement {
  let [found, most] = [root, 0]
  for (const [element, weight] of weights) {
    if (!candidates.has(element.name)) continue
    const bonus = element.name === 'article' || element.name === 'main' || element.attributes.role === 'main' ? 1.5 : 1
    const score = weight.score * bonus * (1 - shareOfLinks(weight))
    if (score > most) [found, most] = [element, score]
  }
  return found
}

/** Where the choice would lose too much, it chooses less: rather a menu too many than half an article. */
export function mainContent (root: PageElement): PageElement {
  const whole = weigh(root, new Map()).text
  const plain = stripped(root, undefined, false)
  const weights: Weights = new Map()
  const { text: plainText } = weigh(plain, weights)
  if (plainText < whole * 0.1 || plainText < 50) return root
  const chosen = best(plain, weights)
  const { text } = weights.get(chosen)!
  return text < 200 || text < plainText * 0.3 ? plain : chosen
}
