/** Marks in a reply that are meant for the gateway or left over from a model, not for people. */

const tags = ['tool_call', 'function_call', 'tool_calls', 'function_calls']
const directives = ['reply_to_current', 'reply_to', 'audio_as_voice']

/** Code is shown as it was written, so it is matched first and kept. */
const code = '```[\\s\\S]*?(?:```|$)|`[^`\\n]*`'
const directive = '\\[\\[[^\\S\\n]*(?:reply_to_current|audio_as_voice|reply_to[^\\S\\n]*:[^\\]\\n]{1,256})[^\\S\\n]*\\]\\][^\\S\\n]?'
/** A block that was cut off goes on to the end. */
const block = `<(${tags.join('|')})\\b[^>]*>[\\s\\S]*?(?:</\\1\\s*>|$)`
const control = '<[|｜][^<>|｜\\n]{1,64}[|｜]>'

const marks = new RegExp(`(${code})|${directive}|${block.replace('\\1', '\\2')}|(${control})`, 'gi')

/** The longest beginning of a mark that is held back while a reply goes on. */
const window = 300
const open = /(?:\[\[?[^\]\n]*\]?|<[a-z_]*|<[|｜][^<>\n]*)$/i

const couldBegin = (names: readonly string[], text: string): boolean => names.some(name => name.startsWith(text) || text.startsWith(name))

function isMark (text: string): boolean {
  if (text.startsWith('<')) return /^<[|｜]/.test(text) || couldBegin(tags, text.slice(1).toLowerCase())
  return text === '[' || (text.startsWith('[[') && couldBegin(directives, text.slice(2).trimStart().toLowerCase()))
}

/** Where a mark begins whose end has not come yet. */
function openMark (text: string): number {
  const from = Math.max(0, text.length - window)
  const match = open.exec(from === 0 ? text : text.slice(from))
  return match && isMark(match[0]) ? from + match.index : text.length
}

/** The text without them. While it goes on (`done` is false), what may become one is held back. */
export function withoutMarks (text: string, done: boolean): string {
  if (!text.includes('[') && !text.includes('<')) return text
  const settled = done ? text : text.slice(0, openMark(text))
  let changed = false
  const shown = settled.replace(marks, (all: string, kept: string | undefined, _tag: unknown, token: string | undefined, at: number) => {
    if (kept !== undefined) return kept
    changed = true
    // Words that only a token held apart stay apart.
    return token !== undefined && /\S/.test(settled[at - 1] ?? ' ') && /\w/.test(settled[at + all.length] ?? ' ') ? ' ' : ''
  })
  if (!changed) return shown
  return done ? shown.trim() : shown.trimStart()
}
