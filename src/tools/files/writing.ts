/** The work behind write and edit. */
import type { ToolResult } from '../tool.ts'
import { FileFailure } from './failure.ts'
import type { Files } from './files.ts'
import { changesBetween } from './line-changes.ts'
import { openPlace, type Place } from './place.ts'
import { replaceOnce, type Replacement } from './replacements.ts'
import { decodeText, encodeText } from './text-file.ts'
import type { FileView } from './view.ts'
import { maxWholeBytes, readWhole, replaceWhole, type Known } from './whole-file.ts'

export interface WriteScene {
  readonly files: Pick<Files, 'inTurn'>
  readonly view: FileView
  readonly signal: AbortSignal
}

/** Longer texts are compared only by what people could never look through anyway. */
const maxComparedBytes = 1024 * 1024

function changes (before: string, after: string, shown: string): object {
  if (before.length + after.length > maxComparedBytes) return { changed: before !== after, diff: '', patch: '', diffOmitted: true }
  return { changed: before !== after, ...changesBetween(before, after, shown) }
}

/** What is no text has no lines to compare. */
function textOf (known: Known | undefined, name: string): string {
  if (!known) return ''
  try {
    return decodeText(known.content, name).text
  } catch (error) {
    if (error instanceof FileFailure) return ''
    throw error
  }
}

async function withPlace<R> (scene: WriteScene, name: string, makes: boolean, work: (place: Place) => Promise<R>): Promise<R> {
  const place = await openPlace(scene.view, name, { use: 'write', makes })
  try {
    return await scene.files.inTurn([place.path], async () => {
      scene.signal.throwIfAborted()
      return await work(place)
    })
  } finally {
    await place.close()
  }
}

export async function writeFile (scene: WriteScene, name: string, content: string): Promise<ToolResult> {
  const bytes = Buffer.from(content, 'utf8')
  if (bytes.length > maxWholeBytes) throw new FileFailure(`${name}: at most ${maxWholeBytes} bytes can be written at once. Write it in parts with exec.`)
  return await withPlace(scene, name, true, async place => {
    const known = await readWhole(place)
    const isSame = known?.content.equals(bytes) === true
    if (!isSame) await replaceWhole(place, bytes, known?.stat)
    const details = { created: !known, ...changes(textOf(known, name), content, place.shown) }
    const text = isSame ? `${name} has this content already` : `Successfully wrote ${bytes.length} bytes to ${name}`
    return { content: [{ type: 'text', text }], details: { ...details, changed: !isSame } }
  })
}

export async function editFile (scene: WriteScene, name: string, edits: readonly Replacement[]): Promise<ToolResult> {
  return await withPlace(scene, name, false, async place => {
    const known = await readWhole(place)
    if (!known) throw new FileFailure(`File not found: ${name}. write makes a new file.`)
    const file = decodeText(known.content, name)
    const text = replaceOnce(file, edits, name)
    const bytes = encodeText(text, file)
    if (bytes.length > maxWholeBytes) throw new FileFailure(`${name} would have more than ${maxWholeBytes} bytes; nothing was written.`)
    if (text === file.text) throw new FileFailure(`${name} would stay as it is: oldText and newText are the same.`)
    await replaceWhole(place, bytes, known.stat)
    const blocks = edits.length === 1 ? '1 place' : `${edits.length} places`
    return { content: [{ type: 'text', text: `Successfully replaced ${blocks} in ${name}` }], details: changes(file.text, text, place.shown) }
  })
}
