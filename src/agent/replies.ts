/** Replies that say nothing: an agent writes one of these words when there is nothing to tell. */
const silentWords = ['NO_REPLY', 'HEARTBEAT_OK']

/** What of a reply people see. While it goes on, the beginning of a silent word is held back. */
export function visibleReply (text: string, done: boolean): string {
  const said = text.trim()
  if (silentWords.includes(said)) return ''
  if (!done && said !== '' && silentWords.some(word => word.startsWith(said))) return ''
  return text
}
