/** Words by which an agent says that it has nothing to say. They are for the gateway; people never see them. */

const words = ['NO_REPLY', 'HEARTBEAT_OK']

const word = `[*\`"]{0,3}(?:${words.join('|')})[*\`"]{0,3}`
/** Where a sentence could begin. A word within a sentence is spoken about, not said. */
const pause = '(?:^|\\n|(?<=[.!?…)\\]"*])[^\\S\\n])\\s*'
const leading = new RegExp(`^\\s*${word}\\.?[^\\S\\n]*(?:\\n\\s*|$)`, 'i')
const trailing = new RegExp(`${pause}${word}\\.?\\s*$`, 'i')
const unfinished = new RegExp(`${pause}[*\`"]{0,3}([A-Z_]{1,12})[*\`"]{0,3}\\.?$`, 'i')

/** What decides about the end of a text is not longer than this. */
const endCharacters = 40

const couldBecome = (begun: string): boolean => words.some(known => known.startsWith(begun.toUpperCase()))

/** Where the end of the text that matches begins; the length of the text when it does not match. */
function placeOf (text: string, pattern: RegExp, fits: (found: string) => boolean): number {
  const from = Math.max(0, text.length - endCharacters)
  // The cut is no beginning: a letter stands for what was before.
  const match = pattern.exec(from === 0 ? text : `x${text.slice(from)}`)
  return match && fits(match[1] ?? '') ? match.index + (from === 0 ? 0 : from - 1) : text.length
}

/**
 * The text without them: empty when it says nothing else. While it goes on (`done` is false), its end is held back as long as it may
 * still become one, and so is space, which would go with it.
 */
export function withoutSilentWords (text: string, done: boolean): string {
  const begun = text.replace(leading, '')
  const body = begun.trimEnd()
  const end = placeOf(body, trailing, () => true)
  if (end < body.length) return body.slice(0, end).trimEnd()
  return done ? begun : body.slice(0, placeOf(body, unfinished, couldBecome)).trimEnd()
}
