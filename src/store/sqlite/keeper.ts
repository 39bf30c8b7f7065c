import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../../protocol/errors.ts'
import { inspect, restoreSnapshot, setAside, type StorePaths } from './files.ts'

export interface KeeperOptions {
  paths: StorePaths
  readOnly: boolean
  now: () => number
  notice: (text: string) => void
  /** How many steps of the schema this version knows. */
  knownVersion: number
}

/** Decides which file is the database, and never lets a sound one be replaced by an empty one. */
export interface Keeper {
  open (): void
  /** Makes sure that there may be written; true when the database must already be there. */
  claim (): boolean
  written (): void
  recover (reason: string, journalComplete: boolean): void
  /** The schema on the disk is older than this version. */
  readonly outdated: boolean
  readonly readFrom: string
}

export function createKeeper ({ paths, readOnly, now, notice, knownVersion }: KeeperOptions): Keeper {
  let present = false
  let outdated = false
  /** Why the database can be neither used nor put aside. */
  let blocked: string | undefined
  let readFrom = paths.database

  function accept (version: number): void {
    if (version > knownVersion) {
      const copy = join(paths.directory, `state.v${knownVersion}.sqlite`)
      const way = existsSync(copy) ? `take the copy that was kept before the change: openclaw restore ${copy}` : 'restore an older copy'
      throw new GatewayError('STORE_UNAVAILABLE', {
        message: `${paths.database} was written by a newer version (schema ${version}, this one knows ${knownVersion}): start that version, or ${way}`
      })
    }
    present = true
    outdated = version < knownVersion
    readFrom = paths.database
  }

  /** A copy that is of no use is put aside too: the next one must not overwrite it. */
  function hasSnapshot (): boolean {
    const found = inspect(paths.snapshot)
    if (found.state === 'missing') return false
    if (found.state === 'sound' && found.version <= knownVersion) return true
    const reason = found.state === 'unreadable' ? found.reason : 'it was written by a newer version'
    notice(`${paths.snapshot}: ${reason}; it was set aside as ${setAside(paths.snapshot, now())}`)
    return false
  }

  function bringBack (what: string): void {
    if (!hasSnapshot()) {
      present = false
      notice(`${what}; there is no last-good copy, so the state begins anew`)
      return
    }
    restoreSnapshot(paths)
    const restored = inspect(paths.database)
    if (restored.state === 'sound') accept(restored.version)
    notice(`${what}; the last-good copy ${paths.snapshot} took its place`)
  }

  function replaceDamaged (reason: string): void {
    const kept = setAside(paths.database, now())
    blocked = undefined
    bringBack(`${paths.database}: ${reason}${existsSync(kept) ? `; it was set aside as ${kept}` : ''}`)
  }

  /** Started without being able to change anything: read what can be read, and try again with the next change. */
  function block (reason: string, cause: unknown): void {
    blocked = `${paths.database}: ${reason}, and it cannot be set aside: ${(cause as Error).message}`
    readFrom = paths.snapshot
    notice(blocked)
  }

  function takeStock (): void {
    const found = inspect(paths.database)
    if (found.state === 'sound') {
      blocked = undefined
      return accept(found.version)
    }
    if (found.state === 'missing') {
      const traces = existsSync(`${paths.database}-wal`) || existsSync(paths.snapshot)
      return traces ? replaceMissing() : undefined
    }
    if (readOnly) {
      readFrom = paths.snapshot
      return notice(`${paths.database}: ${found.reason}; reading the last-good copy`)
    }
    try {
      replaceDamaged(found.reason)
    } catch (error) {
      block(found.reason, error)
    }
  }

  function replaceMissing (): void {
    if (readOnly) {
      readFrom = paths.snapshot
      return
    }
    try {
      if (existsSync(`${paths.database}-wal`)) return replaceDamaged('it is gone, its log is left')
      bringBack(`${paths.database}: it is gone`)
    } catch (error) {
      block('it is gone', error)
    }
  }

  return {
    open: takeStock,
    claim () {
      if (blocked !== undefined) takeStock()
      if (blocked !== undefined) throw new GatewayError('STORE_UNAVAILABLE', { message: blocked })
      return present
    },
    written () {
      present = true
      outdated = false
    },
    recover (reason, journalComplete) {
      replaceDamaged(reason)
      if (!journalComplete) notice(`${paths.database}: some of the latest changes could not be brought back`)
    },
    get outdated () { return outdated },
    get readFrom () { return readFrom }
  }
}
