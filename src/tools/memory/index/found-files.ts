/** The files of an agent's memory: MEMORY.md and what lies below memory/, nothing that a link leads to. */
import { lstatSync, type Stats } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, failureOf } from '../../files/failure.ts'
import { openDirectory } from '../../files/place.ts'
import type { FileView } from '../../files/view.ts'

export interface FoundFile {
  /** Relative to the workspace, with slashes. */
  readonly path: string
  /** Another one when somebody wrote the file. */
  readonly signature: string
  readonly size: number
  readonly mtimeMs: number
}

export interface Skipped {
  readonly path: string
  readonly reason: string
}

export interface Findings {
  readonly files: FoundFile[]
  readonly skipped: Skipped[]
}

export const longTerm = 'MEMORY.md'
const notes = 'memory'

/** MEMORY.md, or a Markdown file below memory/. */
export const isMemoryPath = (path: string): boolean =>
  path === longTerm || (path.startsWith(`${notes}/`) && /\.md$/i.test(path) && !path.split('/').some(part => part === '..' || part === ''))

export const maxFileBytes = 4 * 1024 * 1024
const maxFiles = 5_000
const maxEntries = 20_000
const maxDepth = 8

export const signatureOf = ({ ino, size, mtimeMs, ctimeMs }: Stats): string => `${ino}:${size}:${mtimeMs}:${ctimeMs}`

interface Search extends Findings { entries: number }

/** Undefined: it is nothing that is read. */
function reasonAgainst (stat: Stats): string | undefined {
  if (stat.isSymbolicLink()) return 'is a link, and links are not followed'
  if (!stat.isFile()) return 'is no regular file'
  return stat.size > maxFileBytes ? `is larger than ${maxFileBytes / 1024 / 1024} MB` : undefined
}

function consider (found: Search, path: string, stat: Stats): void {
  const reason = reasonAgainst(stat) ?? (found.files.length >= maxFiles ? `is one of more than ${maxFiles} files` : undefined)
  if (reason) found.skipped.push({ path, reason })
  else found.files.push({ path, signature: signatureOf(stat), size: stat.size, mtimeMs: stat.mtimeMs })
}

const statAt = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false })

async function namesIn (way: string, found: Search): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of await opendir(way)) {
    if (++found.entries > maxEntries) break
    if (!name.startsWith('.')) names.push(name)
  }
  return names.sort()
}

async function walk (view: FileView, name: string, expected: string, found: Search, depth: number): Promise<void> {
  const { way, path: real, close } = await openDirectory(view, name)
  const inside: string[] = []
  try {
    // Somebody put a link in its place meanwhile.
    if (real !== expected) return
    for (const entry of await namesIn(way, found)) {
      const path = `${name}/${entry}`
      const stat = statAt(join(way, entry))
      if (stat?.isDirectory()) inside.push(entry)
      else if (stat && (/\.md$/i.test(entry) || stat.isSymbolicLink())) consider(found, path, stat)
    }
  } finally {
    await close()
  }
  for (const entry of inside) {
    const path = `${name}/${entry}`
    if (depth >= maxDepth) found.skipped.push({ path, reason: `lies deeper than ${maxDepth} directories` })
    else await attempt(path, found, async () => { await walk(view, path, join(expected, entry), found, depth + 1) })
  }
}

/** What cannot be read is told, and the rest is read all the same. */
async function attempt (path: string, found: Search, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    found.skipped.push({ path, reason: failureOf(error, path).message })
  }
}

export async function findFiles (view: FileView): Promise<Findings> {
  const found: Search = { files: [], skipped: [], entries: 0 }
  await attempt('.', found, async () => {
    const { way, path: root, close } = await openDirectory(view, '.')
    let directory: Stats | undefined
    try {
      const file = statAt(join(way, longTerm))
      if (file) consider(found, longTerm, file)
      directory = statAt(join(way, notes))
    } finally {
      await close()
    }
    if (directory?.isDirectory()) await attempt(notes, found, async () => { await walk(view, notes, join(root, notes), found, 1) })
    else if (directory) found.skipped.push({ path: notes, reason: directory.isSymbolicLink() ? 'is a link, and links are not followed' : 'is no directory' })
  })
  if (found.entries > maxEntries) found.skipped.push({ path: notes, reason: `has more than ${maxEntries} entries; the rest is left out` })
  return { files: found.files, skipped: found.skipped }
}
