/** Files of a plugin that are read before any of its code runs: only its own, of a sensible size, and nobody else's to change. */
import type { Stats } from 'node:fs'
import { open, realpath, stat } from 'node:fs/promises'
import { dirname, join, relative, isAbsolute, sep } from 'node:path'
import { PluginProblem } from './failure.ts'

const maxBytes = 256 * 1024

const othersMayWrite = 0o002
const sticky = 0o1000

/** Somebody else who could put other code there. Where files have no owners nothing can be said. */
function strangerProblem (path: string, facts: Stats): string | undefined {
  const uid = process.getuid?.()
  if (uid === undefined) return undefined
  if (facts.uid !== uid && facts.uid !== 0) return `${path} belongs to somebody else (user ${facts.uid}): chown it to the user of the gateway`
  const isShared = (facts.mode & othersMayWrite) !== 0 && !(facts.isDirectory() && (facts.mode & sticky) !== 0)
  return isShared ? `${path} may be changed by everybody: chmod o-w it` : undefined
}

async function checkOwner (path: string): Promise<Stats> {
  const facts = await stat(path)
  const problem = strangerProblem(path, facts)
  if (problem !== undefined) throw new PluginProblem(problem)
  return facts
}

/** The directory of a plugin, and every directory above it: whoever may rename one of these may put another plugin there. */
export async function checkPlace (root: string): Promise<void> {
  const { mode } = await checkOwner(root)
  if (process.getuid && (mode & othersMayWrite) !== 0) throw new PluginProblem(`${root} may be changed by everybody: chmod o-w it`)
  for (let at = root; at !== dirname(at);) {
    at = dirname(at)
    await checkOwner(at)
  }
}

export function isInside (root: string, path: string): boolean {
  const way = relative(root, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

/** Where the file really is: links may not lead out of the plugin. Undefined when there is none. */
export async function ownFile (root: string, name: string): Promise<string | undefined> {
  const path = await realpath(join(root, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw new PluginProblem(`${name} cannot be read (${error.code})`)
  })
  if (path === undefined) return undefined
  if (!isInside(root, path)) throw new PluginProblem(`${name} leads out of the directory of the plugin`)
  if (!(await checkOwner(path)).isFile()) throw new PluginProblem(`${name} is not a file`)
  return path
}

export async function readBounded (path: string): Promise<string> {
  const handle = await open(path)
  try {
    const content = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(content, length, content.length - length)
      length += bytesRead
      if (length > maxBytes) throw new PluginProblem(`${path} is larger than ${maxBytes / 1024} KiB`)
      if (bytesRead === 0) return content.toString('utf8', 0, length)
    }
  } finally {
    await handle.close()
  }
}
