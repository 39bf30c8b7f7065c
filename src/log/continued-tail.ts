/**
 * Tails that go on across a rotation. A cursor is an offset, which says nothing about the file that it was in; so whoever hands cursors
 * out remembers, and what a file still had when it was moved away comes before what stands in the new one.
 */
import { stat } from 'node:fs/promises'
import { createRecent } from '../lib/recent.ts'
import { familyOf } from './log-files.ts'
import { identityOf, tailDefaults, tailLog, type LogsTailResult, type TailOptions } from './tail.ts'

export type Tail = (options: Omit<TailOptions, 'redact' | 'seen'>) => Promise<LogsTailResult>

/** As many readers as may follow at the same time; one that is forgotten goes on as before, by its offset alone. */
const maxCursors = 256

interface Place {
  readonly path: string
  readonly identity: string
}

async function identityAt (path: string): Promise<string | undefined> {
  const stats = await stat(path).catch(() => undefined)
  return stats && identityOf(stats)
}

async function lookFor ({ path, identity }: Place): Promise<string | undefined> {
  if (await identityAt(path) === identity) return path
  try {
    for (const { path: candidate } of familyOf(path)) {
      if (await identityAt(candidate) === identity) return candidate
    }
  } catch {
    // The directory is gone with everything in it.
  }
  return undefined
}

/** A rotation gives every file the next name, also while they are looked through. */
const fileOf = async (place: Place): Promise<string | undefined> => await lookFor(place) ?? await lookFor(place)

export function createTail (redact: TailOptions['redact']): Tail {
  const places = createRecent<Place, number>(maxCursors)

  async function read (options: Omit<TailOptions, 'redact' | 'seen'>, calledNow?: string): Promise<LogsTailResult> {
    let identity = ''
    const result = await tailLog({ ...options, redact, seen: found => { identity = found } })
    if (identity === '') return result
    places.set(result.cursor, { path: calledNow ?? result.file, identity })
    return result
  }

  return async options => {
    const { file, cursor, limit = tailDefaults.limit } = options
    const place = cursor === undefined ? undefined : places.get(cursor)
    if (file === null || cursor === undefined || !place) return await read(options)
    if (await identityAt(file) === place.identity) {
      const result = await read(options)
      // A log that was emptied in its place is told by its length; one that was moved away this very moment is looked for below.
      if (!result.reset || await identityAt(file) === place.identity) return result
    }
    const old = await fileOf(place)
    const current = await identityAt(file)
    // Moved away, and nothing was written since: there is no new file yet.
    if (current === undefined && old !== undefined) return { ...await read({ ...options, file: old }, place.path), file: place.path }
    if (current === undefined) return await read(options)
    const before = old === undefined ? undefined : await tailLog({ ...options, file: old, redact })
    const after = await read({ ...options, cursor: 0 })
    if (!before) return { ...after, reset: true }
    const lines = [...before.lines, ...after.lines]
    const isCut = lines.length > limit
    const skipped = (before.skippedBytes ?? 0) + (after.skippedBytes ?? 0)
    return {
      ...after,
      lines: isCut ? lines.slice(-limit) : lines,
      truncated: isCut || before.truncated || after.truncated,
      reset: before.reset || after.reset,
      ...(skipped > 0 ? { skippedBytes: skipped } : {})
    }
  }
}
