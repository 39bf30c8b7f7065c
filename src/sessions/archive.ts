/** Transcripts of deleted sessions, as files for whoever misses them: JSON Lines, written whole or not at all. */
import { randomUUID } from 'node:crypto'
import { open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { ensurePrivateDirectory } from '../lib/private-file.ts'
import type { TranscriptLine } from '../protocol/transcript.ts'
import type { Lines } from '../store/store.ts'
import { checkSessionId } from './keys.ts'
import type { SessionRecord } from './record.ts'

const pageLines = 500
const marker = '.jsonl.deleted.'

async function writeLines (handle: FileHandle, record: SessionRecord, sessionId: string, lines: Lines): Promise<number> {
  await handle.writeFile(`${JSON.stringify({
    type: 'session', version: 4, id: sessionId, timestamp: new Date(record.createdAt).toISOString(), key: record.key
  })}\n`)
  let seq = 0
  let count = 0
  for (;;) {
    const page = await lines.after<TranscriptLine>(sessionId, { seq, limit: pageLines })
    if (page.length === 0) return count
    await handle.writeFile(page.map(({ value }) => `${JSON.stringify(value)}\n`).join(''))
    count += page.length
    seq = page.at(-1)!.seq
  }
}

async function archiveOne (
  directory: string, record: SessionRecord, sessionId: string, lines: Lines, now: number
): Promise<string | undefined> {
  const stamp = new Date(now).toISOString().replaceAll(':', '-')
  const file = join(directory, `${checkSessionId(sessionId)}${marker}${stamp}.${randomUUID().slice(0, 8)}`)
  const temporary = `${file}.tmp`
  const handle = await open(temporary, 'wx', 0o600)
  let count = 0
  try {
    await handle.chmod(0o600)
    count = await writeLines(handle, record, sessionId, lines)
    await handle.sync()
  } catch (error) {
    await handle.close()
    await unlink(temporary)
    throw error
  }
  await handle.close()
  if (count > 0) await rename(temporary, file)
  else await unlink(temporary)
  return count > 0 ? file : undefined
}

/** Every generation of the session that has a line; resolves to the names of the files. */
export async function archiveTranscripts (directory: string, record: SessionRecord, lines: Lines, now: number): Promise<string[]> {
  if (record.incognito) return []
  await ensurePrivateDirectory(directory)
  const files: string[] = []
  for (const sessionId of [...record.generations ?? [], record.sessionId]) {
    const file = await archiveOne(directory, record, sessionId, lines, now)
    if (file !== undefined) files.push(file)
  }
  return files
}

export interface ArchiveFile {
  readonly file: string
  readonly mtimeMs: number
  readonly size: number
}

export async function listArchives (directory: string): Promise<ArchiveFile[]> {
  let names: string[]
  try {
    names = await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const archives: ArchiveFile[] = []
  for (const name of names) {
    if (!name.includes(marker)) continue
    const file = join(directory, name)
    const { mtimeMs, size } = await stat(file)
    archives.push({ file, mtimeMs, size })
  }
  return archives
}

export async function removeArchives (files: readonly string[]): Promise<void> {
  for (const file of files) await unlink(file)
}

/** Removes archives that are older than wanted, at most `limit` at a time. */
export async function pruneArchives (directory: string, beforeMs: number, limit: number): Promise<number> {
  const old = (await listArchives(directory)).filter(({ mtimeMs }) => mtimeMs < beforeMs).slice(0, limit)
  await removeArchives(old.map(({ file }) => file))
  return old.length
}
