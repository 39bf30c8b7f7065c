/** Where the log goes when nobody says: a dated file in a directory of the temp directory that only we can write to. */
import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync } from 'node:fs'
import { tmpdir as osTmpdir } from 'node:os'
import { join } from 'node:path'
import { localDate } from './local-time.ts'

export interface DefaultLogFileOptions {
  profile?: string
  now?: () => number
  tmpdir?: string
  /** -1 where users have no numbers (Windows). */
  uid?: number
}

const maxProfileCharacters = 220

/** Null when no directory can be trusted; the gateway then logs to the console only. */
export function defaultLogFile (options: DefaultLogFileOptions = {}): string | null {
  const { profile, now = Date.now, tmpdir = osTmpdir(), uid = process.getuid?.() ?? -1 } = options
  const segment = profileSegment(profile)
  const name = `openclaw${segment ? `-${segment}` : ''}-${localDate(now())}.log`
  const usual = join(tmpdir, 'openclaw')
  const own = join(tmpdir, `openclaw-${uid < 0 ? 'user' : uid}`)
  const directory = (uid < 0 ? [own] : [usual, own]).find(candidate => isOurs(candidate, uid))
  return directory === undefined ? null : join(directory, name)
}

/** Creates it first, so that nobody can between the look and the use. In a shared temp directory others may have been there before. */
function isOurs (directory: string, uid: number): boolean {
  try {
    mkdirSync(directory, { mode: 0o700 })
    chmodSync(directory, 0o700)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
  }
  try {
    const found = lstatSync(directory)
    return found.isDirectory() && (uid < 0 || (found.uid === uid && (found.mode & 0o022) === 0))
  } catch {
    return false
  }
}

/** Lower-case letters and digits stay; everything else is written so that no two profiles share a file, as existing tools expect. */
function profileSegment (profile: string | undefined): string {
  const name = profile?.trim() ?? ''
  if (name === '' || name.toLowerCase() === 'default') return ''
  const segment = Array.from(name, character => {
    if (/^[a-z0-9]$/.test(character)) return character
    if (character === '-') return '--'
    if (character === '_') return '-0'
    return /^[A-Z]$/.test(character) ? `-1${character.toLowerCase()}` : `-2${character.codePointAt(0)?.toString(16)}-`
  }).join('')
  return segment.length <= maxProfileCharacters ? segment : `-3${createHash('sha256').update(name).digest('hex')}`
}
