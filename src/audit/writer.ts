/** Writes the log: entries in groups, each group durable before the next, files in turn, the oldest let go. */
import { open, stat, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { createOneAtATime } from '../lib/one-at-a-time.ts'
import { ensurePrivateDirectory } from '../lib/private-file.ts'
import type { AuditEntry } from './act.ts'
import { opened, sealed, type Link } from './chain.ts'
import { linesBackwards } from './lines.ts'
import { recoverAudit } from './recovery.ts'
import { firstSeqOf, segmentFor, segmentsOf, writeHead, type AuditPlaces } from './segments.ts'

export interface AuditLimits {
  readonly maxFileBytes: number
  readonly maxTotalBytes: number
  readonly maxAgeMs: number
}

/** An entry before it has its place in the chain. */
export type Draft = Omit<AuditEntry, 'seq' | 'prev' | 'hash'>

export interface AuditWriter {
  /** Resolves when the entries are on the disk and the head says so. */
  append (drafts: readonly Draft[]): Promise<void>
  /** Nothing is written meanwhile. */
  during<Result> (work: () => Promise<Result>): Promise<Result>
  close (): Promise<void>
}

export interface AuditWriterOptions {
  readonly places: AuditPlaces
  readonly limits: () => AuditLimits
  readonly now: () => number
}

interface State {
  link: Link
  base: Link
  file: string | undefined
  bytes: number
  handle: FileHandle | undefined
  damage: string | undefined
}

const own = (now: number, act: string, about: NonNullable<Draft['about']>, outcome: Draft['outcome'] = 'ok'): Draft =>
  ({ at: new Date(now).toISOString(), kind: 'audit', act, outcome, about })

/** The link that the entry behind this file hangs on, and when it was written. */
async function endOf (path: string): Promise<(Link & { atMs: number }) | undefined> {
  const lines = linesBackwards(path)
  const { value } = await lines.next()
  await lines.return(undefined)
  const entry = value ? opened(value) : 'none'
  return typeof entry === 'string' ? undefined : { seq: entry.seq, hash: entry.hash, atMs: Date.parse(entry.at) }
}

interface Leaving {
  readonly files: string[]
  readonly base: Link
}

/** Which of the oldest files go now. The one that is written to stays, and so does one whose end cannot be read: it is evidence. */
async function leaving ({ places, limits, now }: AuditWriterOptions, { base, file: current }: State): Promise<Leaving | undefined> {
  const { maxTotalBytes, maxAgeMs } = limits()
  const files = (await segmentsOf(places)).filter(file => firstSeqOf(file) > base.seq)
  const sizes = await Promise.all(files.map(async file => (await stat(join(places.directory, file))).size))
  let total = sizes.reduce((sum, size) => sum + size, 0)
  const gone: string[] = []
  let end: Link | undefined
  for (const [index, file] of files.entries()) {
    if (file === current) break
    const last = await endOf(join(places.directory, file))
    if (!last || (total <= maxTotalBytes && now() - last.atMs <= maxAgeMs)) break
    gone.push(file)
    end = { seq: last.seq, hash: last.hash }
    total -= sizes[index]!
  }
  return end && { files: gone, base: end }
}

async function writeAll (handle: FileHandle, data: Buffer, at: number): Promise<void> {
  for (let done = 0; done < data.length;) done += (await handle.write(data, done, data.length - done, at + done)).bytesWritten
}

async function begin ({ places }: AuditWriterOptions): Promise<State> {
  await ensurePrivateDirectory(places.directory)
  const { link, base, file, bytes, damage } = await recoverAudit(places)
  return { link, base, file, bytes, damage, handle: undefined }
}

/** The file for so many bytes more. */
async function fileFor (
  state: State, bytes: number, { places, limits }: AuditWriterOptions
): Promise<{ handle: FileHandle, isNew: boolean }> {
  const isNew = state.file === undefined || (state.bytes > 0 && state.bytes + bytes > limits().maxFileBytes)
  if (isNew) {
    await state.handle?.close()
    state.handle = undefined
    state.file = segmentFor(state.link.seq + 1)
    state.bytes = 0
  }
  state.handle ??= await open(join(places.directory, state.file!), isNew ? 'wx+' : 'r+', 0o600)
  return { handle: state.handle, isNew }
}

export function createAuditWriter (options: AuditWriterOptions): AuditWriter {
  const { places, now } = options
  const inTurn = createOneAtATime()
  let state: State | undefined
  /** Looked for when a file was begun, and with the first entries of a life. */
  let mayLeave = true

  async function write (current: State, drafts: readonly Draft[]): Promise<void> {
    const gone = mayLeave ? await leaving(options, current) : undefined
    const all = [
      ...current.damage === undefined ? [] : [own(now(), 'audit.damaged', { found: current.damage }, 'failed')],
      ...gone ? [own(now(), 'audit.pruned', { through: gone.base.seq, files: gone.files.length })] : [],
      ...drafts
    ]
    let { link } = current
    let text = ''
    for (const draft of all) {
      const next = sealed(draft, link)
      text += `${next.line}\n`
      link = next.link
    }
    const data = Buffer.from(text)
    const { handle, isNew } = await fileFor(current, data.length, options)
    await writeAll(handle, data, current.bytes)
    await handle.datasync()
    current.link = link
    current.bytes += data.length
    current.damage = undefined
    if (gone) current.base = gone.base
    mayLeave = isNew
    await writeHead(places, { head: link, base: current.base })
    for (const file of gone?.files ?? []) await unlink(join(places.directory, file))
  }

  /** What was not written to its end is taken back, so that trying again writes nothing twice. */
  async function giveUp (current: State): Promise<void> {
    state = undefined
    mayLeave = true
    await current.handle?.truncate(current.bytes).catch(() => {})
    await current.handle?.close().catch(() => {})
  }

  return {
    append: drafts => inTurn(async () => {
      const current = state ??= await begin(options)
      try {
        await write(current, drafts)
      } catch (error) {
        await giveUp(current)
        throw error
      }
    }),
    during: work => inTurn(work),
    close: () => inTurn(async () => {
      await state?.handle?.close()
      state = undefined
    })
  }
}
