/** The work behind read and ls. */
import { readdir } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { ToolResult } from '../tool.ts'
import { FileFailure } from './failure.ts'
import { imageType } from './image-type.ts'
import { openDirectory, openFile, openPlace } from './place.ts'
import { readSlice } from './slice.ts'
import { isBinary } from './text-file.ts'
import type { FileView } from './view.ts'

export const maxLines = 2000
const maxBytes = 50 * 1024
const maxImageBytes = 5 * 1024 * 1024
const headBytes = 8192

async function imageResult (handle: FileHandle, size: number, mimeType: string, name: string): Promise<ToolResult> {
  if (size > maxImageBytes) throw new FileFailure(`${name} is a picture of more than ${maxImageBytes / 1024 / 1024} MB. Make it smaller first.`)
  const content = Buffer.allocUnsafe(size)
  const { bytesRead } = await handle.read(content, 0, size, 0)
  return {
    content: [
      { type: 'text', text: `Picture ${name} (${mimeType}, ${bytesRead} bytes)` },
      { type: 'image', data: content.toString('base64', 0, bytesRead), mimeType }
    ],
    details: { kind: 'image', mimeType, bytes: bytesRead }
  }
}

export interface ReadRequest { readonly path: string, readonly offset?: number, readonly limit?: number }

export async function readFile (view: FileView, request: ReadRequest, signal: AbortSignal): Promise<ToolResult> {
  const { path: name, offset = 1, limit = maxLines } = request
  const place = await openPlace(view, name, { use: 'read' })
  const { handle, stat } = await openFile(place).finally(place.close)
  try {
    const head = Buffer.alloc(Math.min(headBytes, Math.max(stat.size, 1)))
    const { bytesRead } = await handle.read(head, 0, head.length, 0)
    const mimeType = imageType(head)
    if (mimeType) return await imageResult(handle, stat.size, mimeType, name)
    if (isBinary(head.subarray(0, bytesRead))) {
      throw new FileFailure(`${name} is not text (${stat.size} bytes). Use exec with a program that understands it.`)
    }
    const slice = await readSlice(handle, { fromLine: offset, maxLines: Math.min(limit, maxLines), maxBytes, name, signal })
    const { text, lines, nextLine, isLineCut } = slice
    const cut = isLineCut ? `Line ${offset} is longer than ${maxBytes} bytes and was cut. ` : ''
    const notice = nextLine === undefined ? '' : `\n\n[${cut}Lines ${offset} to ${offset + lines - 1}; the file goes on: offset ${nextLine}.]`
    const more = nextLine === undefined ? {} : { truncated: true, nextOffset: nextLine }
    return { content: [{ type: 'text', text: text + notice }], details: { kind: 'text', content: text, ...more } }
  } finally {
    await handle.close()
  }
}

export const maxEntries = 500

export async function listDirectory (view: FileView, name: string, limit: number): Promise<ToolResult> {
  const { way, close } = await openDirectory(view, name)
  try {
    const entries = await readdir(way, { withFileTypes: true })
    const names = entries.map(entry => entry.isDirectory() ? `${entry.name}/` : entry.name).sort((a, b) => a.localeCompare(b, 'en'))
    // A name may have line ends and anything else in it.
    const content = names.slice(0, limit).map(entry => JSON.stringify(entry)).join('\n')
    const rest = names.length - limit
    const notice = rest > 0 ? `\n\n[${rest} more entries; a limit up to ${maxEntries} shows more of them.]` : ''
    const text = names.length === 0 ? '(empty directory)' : content + notice
    return { content: [{ type: 'text', text }], details: { content, entries: names.length, ...(rest > 0 ? { truncated: true } : {}) } }
  } finally {
    await close()
  }
}
