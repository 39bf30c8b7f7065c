/** The files of a workspace as clients see them: the bootstrap files by name, everything else to look at. */
import { createHash } from 'node:crypto'
import { opendir } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { ensurePrivateDirectory, writePrivateFile } from '../../lib/private-file.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { bootstrapFiles, isBootstrapFile, isSeldomThere } from './bootstrap-files.ts'
import { readWithin, resolveWithin, statWithin } from './confined-file.ts'

export interface FileEntry {
  readonly name: string
  readonly path: string
  readonly missing: boolean
  readonly expectedAbsent?: boolean
  readonly size?: number
  readonly updatedAtMs?: number
  readonly content?: string
  /** SHA-256 of the content: what `expectedHash` is compared with. */
  readonly hash?: string
}

const maxBytes = 1024 * 1024
const largeBytes = 64 * maxBytes
const maxDirectoryEntries = 10_000
const defaultPage = 200
const largestPage = 1_000

const hashOf = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex')

function checkName (name: string): void {
  const shown = name.slice(0, 256)
  if (!isBootstrapFile(name)) throw new GatewayError('FILE_UNSUPPORTED', { message: `unsupported file "${shown}"`, details: { name: shown } })
}

const missing = (workspace: string, name: string): FileEntry =>
  ({ name, path: join(workspace, name), missing: true, ...(isSeldomThere(name) ? { expectedAbsent: true } : {}) })

export async function listFiles (workspace: string): Promise<FileEntry[]> {
  return await Promise.all(bootstrapFiles.map(async name => {
    // One that leads out of the workspace is none.
    const file = await statWithin(workspace, name).catch(() => undefined)
    if (!file) return missing(workspace, name)
    return { name, path: join(workspace, name), missing: false, size: file.size, updatedAtMs: file.updatedAtMs }
  }))
}

export async function getFile (workspace: string, name: string): Promise<FileEntry> {
  checkName(name)
  const file = await readWithin(workspace, name, maxBytes)
  if (!file) return missing(workspace, name)
  const { size, updatedAtMs, content } = file
  const path = join(workspace, name)
  return { name, path, missing: false, size, updatedAtMs, content: content.toString('utf8'), hash: hashOf(content) }
}

export interface FileChange {
  readonly name: string
  readonly content: string
  /** That of the text which the change was made from; an empty one: there was no file. Absent: whatever is there is replaced. */
  readonly expectedHash?: string
}

export async function setFile (workspace: string, { name, content, expectedHash }: FileChange): Promise<FileEntry> {
  checkName(name)
  const size = Buffer.byteLength(content)
  if (size > maxBytes) {
    const details = { limitBytes: maxBytes, size }
    throw new GatewayError('PAYLOAD_TOO_LARGE', { message: `"${name}" would be larger than ${maxBytes} bytes`, details })
  }
  await ensurePrivateDirectory(workspace)
  if (expectedHash !== undefined) {
    const current = await readWithin(workspace, name, largeBytes)
    const hash = current ? hashOf(current.content) : ''
    if (hash !== expectedHash) throw new GatewayError('FILE_CHANGED', { message: `"${name}" changed meanwhile`, details: { name, hash } })
  }
  await writePrivateFile(await resolveWithin(workspace, name) ?? join(workspace, name), content)
  return await getFile(workspace, name)
}

export interface Page { readonly path?: string, readonly offset?: number, readonly limit?: number }

interface Entry { path: string, name: string, kind: 'file' | 'directory', size?: number, updatedAtMs?: number }

const notThere = (path: string): GatewayError => new GatewayError('NOT_FOUND', { message: `not found in the workspace: ${path}`, details: { path } })

/** Files and directories; links are left out, wherever they lead. */
async function entriesOf (directory: string, path: string): Promise<Entry[]> {
  const found: Entry[] = []
  for await (const entry of await opendir(directory)) {
    const kind = entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : undefined
    if (kind) found.push({ path: path === '' ? entry.name : `${path}/${entry.name}`, name: entry.name, kind })
    if (found.length >= maxDirectoryEntries) break
  }
  return found.sort((a, b) => a.kind === b.kind ? (a.name < b.name ? -1 : 1) : a.kind === 'directory' ? -1 : 1)
}

const plain = (path: string): string => path.replace(/\\/g, '/').replace(/^(?:\.?\/)+|\/+$/g, '').replace(/^\.$/, '')

export async function listWorkspace (workspace: string, { path = '', offset = 0, limit = defaultPage }: Page) {
  const place = plain(path)
  const directory = await resolveWithin(workspace, place)
  if (directory === undefined && place !== '') throw notThere(place)
  const all = directory === undefined
    ? []
    : await entriesOf(directory, place).catch(error => { throw error.code === 'ENOTDIR' ? notThere(place) : error })
  const page = all.slice(offset, offset + Math.min(limit, largestPage))
  const entries = await Promise.all(page.map(async entry => {
    if (entry.kind === 'directory') return entry
    const file = await statWithin(workspace, entry.path).catch(() => undefined)
    return file ? { ...entry, size: file.size, updatedAtMs: file.updatedAtMs } : entry
  }))
  const parent = dirname(place)
  return { path: place, ...(place === '' ? {} : { parentPath: parent === '.' ? '' : parent }), entries, totalEntries: all.length, offset }
}

const types: { readonly [extension: string]: string } = {
  '.md': 'text/markdown',
  '.json': 'application/json',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
  '.pdf': 'application/pdf',
  '.html': 'text/html',
  '.csv': 'text/csv'
}

const isText = (content: Buffer): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(content)
    return !content.includes(0)
  } catch {
    return false
  }
}

export async function getWorkspaceFile (workspace: string, path: string) {
  const place = plain(path)
  const file = await readWithin(workspace, place, maxBytes)
  if (!file) throw notThere(place)
  const { size, updatedAtMs, content } = file
  const encoding = isText(content) ? 'utf8' as const : 'base64' as const
  const mimeType = types[extname(place).toLowerCase()] ?? (encoding === 'utf8' ? 'text/plain' : 'application/octet-stream')
  return { path: place, name: basename(place), size, updatedAtMs, mimeType, encoding, content: content.toString(encoding) }
}
