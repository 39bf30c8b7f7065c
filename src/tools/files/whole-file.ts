/** Files that are read and written whole: replaced at once or not at all, and never over what somebody else wrote meanwhile. */
import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { constants } from 'node:fs'
import { access, link, open, rename, unlink } from 'node:fs/promises'
import { FileFailure, codeOf } from './failure.ts'
import { isUnchanged, openFile, statPlace, type Place } from './place.ts'

export const maxWholeBytes = 10 * 1024 * 1024

export interface Known { readonly content: Buffer, readonly stat: Stats }

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`

/** Undefined when nothing is there. */
export async function readWhole (place: Place): Promise<Known | undefined> {
  if (await statPlace(place) === undefined) return undefined
  const { handle, stat } = await openFile(place)
  try {
    if (stat.size > maxWholeBytes) throw new FileFailure(`${place.name} has ${megabytes(stat.size)}; files over ${megabytes(maxWholeBytes)} are not changed here.`)
    // It may grow while it is read.
    const content = Buffer.allocUnsafe(stat.size)
    const { bytesRead } = stat.size === 0 ? { bytesRead: 0 } : await handle.read(content, 0, stat.size, 0)
    return { content: content.subarray(0, bytesRead), stat }
  } finally {
    await handle.close()
  }
}

/** A file beside the place, not yet in it, with the rights that another one has or had. */
export async function stage (place: Place, content: Buffer, like?: Stats): Promise<string> {
  // A rename would get around a file that its owner protected.
  await access(place.at, constants.W_OK).catch((error: unknown) => { if (codeOf(error) !== 'ENOENT') throw error })
  const staged = place.beside(`.${randomUUID()}.tmp`)
  const handle = await open(staged, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  try {
    await handle.writeFile(content)
    if (like && (like.uid !== process.getuid?.() || like.gid !== process.getgid?.())) {
      // Only root may give files away; whoever else replaces a file of another user becomes its owner.
      await handle.chown(like.uid, like.gid).catch(() => undefined)
    }
    await handle.chmod(like ? like.mode & 0o777 : 0o600)
    await handle.sync()
  } catch (error) {
    await discard(staged)
    throw error
  } finally {
    await handle.close()
  }
  return staged
}

export async function discard (staged: string): Promise<void> {
  await unlink(staged).catch((error: unknown) => { if (codeOf(error) !== 'ENOENT') throw error })
}

export const meanwhile = (name: string): FileFailure =>
  new FileFailure(`${name} was changed by somebody else meanwhile; nothing was written. Read it again and repeat.`)

/** Refuses when the place is not as it was known. */
export async function refuseChanged (place: Place, known: Stats | undefined): Promise<void> {
  const stat = await statPlace(place)
  if (known ? !stat || !isUnchanged(known, stat) : stat) throw meanwhile(place.name)
}

/** Puts a staged file into its place. */
export async function settle (place: Place, staged: string, known: Stats | undefined): Promise<void> {
  if (known) {
    await refuseChanged(place, known)
    return await rename(staged, place.at)
  }
  // Unlike a rename, a link never replaces.
  await link(staged, place.at).catch((error: unknown) => { throw codeOf(error) === 'EEXIST' ? meanwhile(place.name) : error })
  await discard(staged)
}

export async function replaceWhole (place: Place, content: Buffer, known: Stats | undefined): Promise<void> {
  const staged = await stage(place, content, known)
  try {
    await settle(place, staged, known)
  } catch (error) {
    await discard(staged)
    throw error
  }
}
