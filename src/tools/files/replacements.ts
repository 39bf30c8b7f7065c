/** Replaces what stands in a text exactly once. */
import { FileFailure } from './failure.ts'
import { withLineEnd, type TextFile } from './text-file.ts'

export interface Replacement { readonly oldText: string, readonly newText: string }

interface Found { readonly start: number, readonly end: number, readonly newText: string, readonly index: number }

const maxShownPlaces = 5

const lineAt = (text: string, offset: number): number => {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

/** Line ends are not what a model is asked to remember. */
const patternOf = (oldText: string): RegExp =>
  new RegExp(oldText.split(/\r?\n/).map(line => literal(line)).join('\\r?\\n'), 'g')

function placesOf (text: string, oldText: string): Array<{ start: number, end: number }> {
  const pattern = patternOf(oldText)
  const places: Array<{ start: number, end: number }> = []
  for (let match = pattern.exec(text); match && places.length <= maxShownPlaces; match = pattern.exec(text)) {
    places.push({ start: match.index, end: match.index + match[0].length })
    pattern.lastIndex = match.index + 1
  }
  return places
}

/** The place where the file says nearly the same. */
function hintFor (text: string, oldText: string): string {
  const first = oldText.split(/\r?\n/).map(line => line.trim()).find(line => line.length > 3)
  const line = first === undefined ? -1 : text.split('\n').findIndex(candidate => candidate.trim() === first)
  if (line >= 0) return ` Line ${line + 1} begins like it: spaces or the lines after it differ.`
  return ' Read the file again and copy the text as it stands there.'
}

function find (text: string, { oldText, newText }: Replacement, index: number, name: string, lineEnd: TextFile['lineEnd']): Found {
  const which = `edits[${index}].oldText`
  if (oldText === '') throw new FileFailure(`${which} is empty. Give the text that is to be replaced; write makes a new file.`)
  const places = placesOf(text, oldText)
  if (places.length === 0) throw new FileFailure(`${which} was not found in ${name}.${hintFor(text, oldText)}`)
  if (places.length > 1) {
    const lines = places.slice(0, maxShownPlaces).map(({ start }) => lineAt(text, start)).join(', ')
    const more = places.length > maxShownPlaces ? ' and more' : ''
    throw new FileFailure(`${which} is in ${name} more than once (lines ${lines}${more}). Add lines around it until there is only one place.`)
  }
  return { ...places[0]!, newText: withLineEnd(newText, lineEnd), index }
}

/** Every replacement is looked for in the text as it was, not in what the others make of it. */
export function replaceOnce ({ text, lineEnd }: TextFile, replacements: readonly Replacement[], name: string): string {
  const found = replacements.map((replacement, index) => find(text, replacement, index, name, lineEnd)).sort((a, b) => a.start - b.start)
  for (const [position, place] of found.entries()) {
    const next = found[position + 1]
    if (next && next.start < place.end) {
      throw new FileFailure(`edits[${place.index}] and edits[${next.index}] overlap in ${name}. Make one of the two.`)
    }
  }
  let [result, at] = ['', 0]
  for (const { start, end, newText } of found) {
    result += text.slice(at, start) + newText
    at = end
  }
  return result + text.slice(at)
}
