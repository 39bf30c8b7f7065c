/** Files below a directory that must not be left: neither by "..", nor by a link, nor by a pipe that never ends. */
import { constants } from 'node:fs'
import { lstat, open, realpath } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { GatewayError } from '../../protocol/errors.ts'

export interface ConfinedFile {
  readonly path: string
  readonly size: number
  readonly updatedAtMs: number
}

export const isWithin = (root: string, path: string): boolean => {
  const way = relative(root, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code
const unsafe = (name: string): GatewayError => new GatewayError('FILE_UNSAFE', { message: `unsafe workspace file "${name}"`, details: { name } })

/** The place that `name` really is; undefined when nothing is there. */
export async function resolveWithin (root: string, name: string): Promise<string | undefined> {
  if (name.includes('\0') || isAbsolute(name) || !isWithin(root, resolve(root, name))) throw unsafe(name)
  const path = resolve(root, name)
  try {
    const [realRoot, real] = [await realpath(root), await realpath(path)]
    if (!isWithin(realRoot, real)) throw unsafe(name)
    return real
  } catch (error) {
    if (error instanceof GatewayError) throw error
    const code = codeOf(error)
    if (code === 'ELOOP') throw unsafe(name)
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    // A link to nothing would be followed by whoever writes.
    if (await lstat(path).then(stat => stat.isSymbolicLink(), () => false)) throw unsafe(name)
    return undefined
  }
}

/** Facts and, up to `maxBytes`, content. Undefined when nothing is there. */
export async function readWithin (root: string, name: string, maxBytes: number): Promise<(ConfinedFile & { content: Buffer }) | undefined> {
  const real = await resolveWithin(root, name)
  if (real === undefined) return undefined
  const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (!handle) return undefined
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw unsafe(name)
    if (stat.size > maxBytes) {
      const details = { limitBytes: maxBytes, size: stat.size }
      throw new GatewayError('PAYLOAD_TOO_LARGE', { message: `"${name}" is larger than ${maxBytes} bytes`, details })
    }
    return { path: real, size: stat.size, updatedAtMs: Math.round(stat.mtimeMs), content: await handle.readFile() }
  } finally {
    await handle.close()
  }
}

/** Facts alone. */
export async function statWithin (root: string, name: string): Promise<ConfinedFile | undefined> {
  const real = await resolveWithin(root, name)
  const stat = real === undefined ? undefined : await lstat(real).catch(() => undefined)
  return stat?.isFile() ? { path: real!, size: stat.size, updatedAtMs: Math.round(stat.mtimeMs) } : undefined
}
