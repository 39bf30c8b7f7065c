/** Files of messages, kept where the agent can read them: below `uploads/` in its workspace, the same content once, within a bound. */
import { createHash } from 'node:crypto'
import { lstat, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { GatewayError } from '../../protocol/errors.ts'
import { FileFailure, failureOf } from '../../tools/files/failure.ts'
import type { Files } from '../../tools/files/files.ts'
import { openDirectory, openPlace, statPlace } from '../../tools/files/place.ts'
import { replaceWhole } from '../../tools/files/whole-file.ts'
import type { FileView } from '../../tools/files/view.ts'

export interface Upload {
  /** Names it in later messages of the conversation. */
  readonly fileId: string
  /** As the agent knows it. */
  readonly path: string
  readonly name: string
  readonly bytes: number
}

export interface Place { readonly agentId: string, readonly sessionKey: string }

const root = 'uploads'
const ours = /^[0-9a-f]{24}-[^/]+$/
const maxNameChars = 96
/** Room that is made at once, so that not every file has to make some. */
const roomLeft = 0.9

const hex = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex').slice(0, 24)

/** One directory for each conversation; two never share one by what their names become. */
function directoryOf ({ sessionKey }: Place): string {
  const words = sessionKey.replace(/^agent:[^:]*:/, '').replace(/[^a-z0-9]+/gi, '-').replace(/^-+|-+$/g, '').slice(0, 40)
  return `${root}/${words === '' ? '' : `${words}-`}${hex(sessionKey).slice(0, 12)}`
}

/** The name alone, without what shells, terminals and people could misread. */
export function safeName (name: string): string {
  const base = name.toWellFormed().replace(/\\/g, '/').split('/').at(-1) ?? ''
  const clean = base.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').replace(/\s+/g, ' ').trim()
  return [...clean].slice(0, maxNameChars).join('').replace(/^\.+|\.+$/g, '').trim() || 'attachment'
}

interface Stored { readonly path: string, readonly bytes: number, readonly atMs: number }

async function storedIn (directory: string): Promise<Stored[]> {
  const found: Stored[] = []
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isFile() || !ours.test(entry.name)) continue
    const path = join(directory, entry.name)
    const stat = await lstat(path).catch(() => undefined)
    if (stat) found.push({ path, bytes: stat.size, atMs: stat.mtimeMs })
  }
  return found
}

/** Visits each directory while it is held open: nobody can put another one in its place meanwhile. */
async function eachDirectory (view: FileView, visit: (way: string, name: string) => Promise<void>): Promise<void> {
  const top = await openDirectory(view, root)
  try {
    for (const entry of await readdir(top.way, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue
      const directory = await openDirectory(view, `${root}/${entry.name}`)
      await visit(directory.way, entry.name).finally(directory.close)
    }
  } finally {
    await top.close()
  }
}

/** Takes the oldest away until there is room again; the bytes that are left. */
async function makeRoom (view: FileView, most: number): Promise<number> {
  const all: Array<Stored & { directory: string }> = []
  await eachDirectory(view, async (way, directory) => {
    for (const stored of await storedIn(way)) all.push({ ...stored, path: stored.path.slice(way.length + 1), directory })
  })
  let bytes = all.reduce((sum, stored) => sum + stored.bytes, 0)
  if (bytes <= most) return bytes
  const leaving = new Map<string, string[]>()
  for (const { directory, path, bytes: size } of all.sort((a, b) => a.atMs - b.atMs)) {
    if (bytes <= most * roomLeft) break
    bytes -= size
    leaving.set(directory, [...leaving.get(directory) ?? [], path])
  }
  await eachDirectory(view, async (way, directory) => {
    for (const name of leaving.get(directory) ?? []) await unlink(join(way, name)).catch(() => undefined)
  })
  return bytes
}

export interface Uploads {
  keep (place: Place, name: string, bytes: Buffer): Promise<Upload>
  /** One that was kept for this conversation before. */
  find (place: Place, fileId: string): Promise<Upload | undefined>
}

/** What the agent may not write is no fault of the message. */
const unkept = (error: unknown, name: string): GatewayError => {
  const { message } = failureOf(error, name)
  return new GatewayError('UPLOAD_FAILED', { message: `the file cannot be kept for the agent: ${message}` })
}

export function createUploads ({ files, maxBytes }: { readonly files: Files, readonly maxBytes: () => number }): Uploads {
  /** By agent: bytes that its uploads take, as far as is known. */
  const taken = new Map<string, number>()

  async function account (view: FileView, agentId: string, bytes: number): Promise<void> {
    const before = taken.get(agentId)
    const now = before === undefined || before + bytes > maxBytes() ? await makeRoom(view, maxBytes()) : before + bytes
    taken.set(agentId, now)
  }

  return {
    async keep (place, given, content) {
      const name = safeName(given)
      const fileId = `${hex(content)}-${name}`
      const path = `${directoryOf(place)}/${fileId}`
      try {
        const view = await files.view(place)
        return await files.inTurn([join(view.cwd, path)], async () => {
          const held = await openPlace(view, path, { use: 'write', makes: true })
          try {
            const known = await statPlace(held)
            if (known?.size !== content.length) await replaceWhole(held, content, known)
            else return { fileId, path, name, bytes: content.length }
          } finally {
            await held.close()
          }
          await account(view, place.agentId, content.length)
          return { fileId, path, name, bytes: content.length }
        })
      } catch (error) {
        throw unkept(error, name)
      }
    },
    async find (place, fileId) {
      if (!ours.test(fileId) || fileId.length > 512) return undefined
      const path = `${directoryOf(place)}/${fileId}`
      try {
        const held = await openPlace(await files.view(place), path, { use: 'read' })
        const stat = await statPlace(held).finally(held.close)
        return stat && { fileId, path, name: fileId.slice(25), bytes: stat.size }
      } catch (error) {
        if (error instanceof FileFailure || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    }
  }
}
