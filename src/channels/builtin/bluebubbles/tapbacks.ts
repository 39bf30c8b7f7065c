/** iMessage's own reactions, by name, by number and as people see them. */

const rows: ReadonlyArray<readonly [name: string, emoji: string, ...others: string[]]> = [
  ['love', '❤️', '❤', '♥️', '🥰', '😍'],
  ['like', '👍', '✅', '👌'],
  ['dislike', '👎'],
  ['laugh', '😂', '😆', '🤣', '😄'],
  ['emphasize', '‼️', '‼', '❗', '❗️', '👀'],
  ['question', '❓', '❔', '🤔']
]

/** Of what has no tapback of its own. */
export const tapbackOf = (emoji: string): string | undefined => rows.find(([, ...emojis]) => emojis.includes(emoji))?.[0]

export interface Tapback {
  readonly emoji: string
  readonly isTakenBack: boolean
}

/** 2000 is the first one given, 3000 the same one taken back. */
export function readTapback (type: string | number, emoji: string | null | undefined): Tapback | undefined {
  const number = Number(type)
  if (Number.isInteger(number)) {
    if (number < 2000 || number > 3006) return undefined
    return { emoji: emoji ?? rows[number % 1000]?.[1] ?? '👍', isTakenBack: number >= 3000 }
  }
  const name = String(type)
  const known = rows.find(([own]) => own === name.replace(/^-/, ''))?.[1]
  const shown = emoji ?? known
  return shown === undefined ? undefined : { emoji: shown, isTakenBack: name.startsWith('-') }
}
