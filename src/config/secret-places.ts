/** Where credentials may stand, and what such places are called: `models.providers.apiKey` for every `models.providers.<id>.apiKey`. */
import { isCredentialName } from '../lib/redact.ts'
import type { PathStep } from './path-syntax.ts'
import { childOf, type Node } from './schema/node.ts'
import { configTree } from './schema.ts'

const isNames = (node: Node | undefined): boolean => node?.kind === 'map' || node?.kind === 'list'

const isSecretKey = (node: Node | undefined): boolean => node?.kind === 'key' && node.secret === true

/** A credential is expected there, or named so in a part that belongs to somebody else. */
export function isCredentialPlace (steps: readonly PathStep[]): boolean {
  let node: Node | undefined = configTree
  for (const [index, step] of steps.entries()) {
    node = node && childOf(node, step)
    if (isSecretKey(node)) return true
    if (node === undefined) return index > 0 && steps.slice(index).some(name => typeof name === 'string' && isCredentialName(name))
  }
  return false
}

/** The name of a place without the names that people chose. */
export function placeType (steps: readonly PathStep[]): string {
  const kept: string[] = []
  let node: Node | undefined = configTree
  for (const step of steps) {
    if (!isNames(node)) kept.push(String(step))
    node = node && childOf(node, step)
  }
  return kept.join('.')
}

/** Names that people chose may be left out, stand for all as `*`, or stand there as they are. */
function matches (node: Node | undefined, type: readonly string[], steps: readonly PathStep[]): boolean {
  const [step, ...deeper] = steps
  if (step === undefined) return type.length === 0
  const child = node && childOf(node, step)
  const [word, ...words] = type
  const isMeant = word === String(step) || (word === '*' && (isNames(node) || node === undefined))
  if (isMeant && matches(child, words, deeper)) return true
  return isNames(node) && matches(child, type, deeper)
}

export const isOfType = (type: string, steps: readonly PathStep[]): boolean => matches(configTree, type.split('.'), steps)

/** A place of this type could hold a credential. */
export function isPlaceType (type: string): boolean {
  const search = (node: Node | undefined, words: readonly string[], steps: readonly PathStep[]): boolean => {
    const [word, ...rest] = words
    if (word === undefined) return isCredentialPlace(steps)
    const named = search(node && childOf(node, word), rest, [...steps, word])
    return named || (isNames(node) && search(childOf(node!, '*'), words, [...steps, '*']))
  }
  return search(configTree, type.split('.'), [])
}
