/** Whether HEARTBEAT.md of a workspace asks for anything: a model that would be told nothing is not asked. */
import { readHead } from '../../agent/prompt/file-head.ts'

const maxBytes = 16 * 1024

/** Headings, comments and empty list items are no work. */
const asksNothing = (text: string): boolean => text
  .replace(/<!--[\s\S]*?(?:-->|$)/g, '')
  .split('\n')
  .every(line => /^\s*(?:#.*|[-*+]?\s*(?:\[[ xX]?\])?\s*|`{3}.*|-{3,})$/.test(line))

/** Without the file it is left to the prompt. */
export async function hasWork (workspace: string): Promise<boolean> {
  const head = await readHead(workspace, 'HEARTBEAT.md', maxBytes).catch(() => undefined)
  return head === undefined || head.isCut || !asksNothing(head.text)
}
