/** The work behind memory_get: some lines of a file of memory. */
import type { FileHandle } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import type { ToolResult } from '../tool.ts'
import { FileFailure, codeOf } from '../files/failure.ts'
import type { Files, Session } from '../files/files.ts'
import { openFile, openPlace } from '../files/place.ts'
import { readSlice } from '../files/slice.ts'
import { isBinary } from '../files/text-file.ts'
import { locate, type FileView } from '../files/view.ts'
import { isMemoryPath, longTerm } from './index/found-files.ts'
import type { GetRequest } from './memory.ts'
import { hidesLongTerm } from './scope.ts'

const defaultLines = 200
const maxBytes = 32 * 1024
const probeBytes = 8192

const answer = (details: object): ToolResult => ({ content: [{ type: 'text', text: JSON.stringify(details, null, 2) }], details })

/** Its name in memory. Refuses what is no part of it, and what is not for this conversation. */
function admitted (root: string, real: string, name: string, sessionKey: string): string {
  const path = relative(root, real).split(sep).join('/')
  if (!isMemoryPath(path)) throw new FileFailure(`${name} is no file of memory. Those are MEMORY.md and Markdown files below memory/; read shows others.`)
  if (path === longTerm && hidesLongTerm(sessionKey)) {
    throw new FileFailure(`${longTerm} stays out of groups, channels and background work.`)
  }
  return path
}

async function opened (view: FileView, root: string, name: string, sessionKey: string): Promise<{ path: string, handle: FileHandle }> {
  const place = await openPlace(view, name, { use: 'read' })
  try {
    // A link may have led elsewhere.
    const path = admitted(root, place.path, name, sessionKey)
    return { path, handle: (await openFile(place)).handle }
  } finally {
    await place.close()
  }
}

async function lines (view: FileView, root: string, request: GetRequest, sessionKey: string, signal: AbortSignal): Promise<ToolResult> {
  const { path: name, from = 1, lines: wanted = defaultLines } = request
  const { path, handle } = await opened(view, root, name, sessionKey)
  try {
    const head = Buffer.alloc(probeBytes)
    const { bytesRead } = await handle.read(head, 0, probeBytes, 0)
    if (isBinary(head.subarray(0, bytesRead))) throw new FileFailure(`${name} is not text.`)
    const { text, lines: count, nextLine } = await readSlice(handle, { fromLine: from, maxLines: wanted, maxBytes, name, signal })
    return answer({ status: 'ok', text, path, from, lines: count, ...nextLine === undefined ? {} : { truncated: true, nextFrom: nextLine } })
  } finally {
    await handle.close()
  }
}

export async function readMemory (files: Files, request: GetRequest, session: Session, signal: AbortSignal): Promise<ToolResult> {
  const [view, own] = [await files.view(session), await files.workspace(session.agentId)]
  const root = own.roots[0]!.source
  const { path: name } = request
  // A name alone must not tell what there is elsewhere.
  const path = admitted(root, locate(view, name), name, session.sessionKey)
  try {
    return await lines(view, root, request, session.sessionKey, signal)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return answer({ status: 'not_found', text: '', path })
    throw error
  }
}
