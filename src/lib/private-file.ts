/** Small files that only their owner may read: written whole or not at all, set aside when they cannot be read. */
import { randomUUID } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes the directory (0700 whatever the umask) when it is missing. One that exists keeps its rights. */
export async function ensurePrivateDirectory (directory: string): Promise<void> {
  if (await mkdir(directory, { recursive: true, mode: 0o700 })) await chmod(directory, 0o700)
}

async function writeTemporary (file: string, text: string): Promise<string> {
  await ensurePrivateDirectory(dirname(file))
  const temporary = `${file}.${process.pid}.${randomUUID()}.tmp`
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.chmod(0o600)
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return temporary
}

/** Replaces the file: whoever reads it sees the old text or the new one. */
export async function writePrivateFile (file: string, text: string): Promise<void> {
  const temporary = await writeTemporary(file, text)
  try {
    await rename(temporary, file)
  } catch (error) {
    await unlink(temporary)
    throw error
  }
}

/** Creates the file with its whole text; false when somebody else was faster, and then theirs stays. */
export async function createPrivateFile (file: string, text: string): Promise<boolean> {
  const temporary = await writeTemporary(file, text)
  try {
    await link(temporary, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await unlink(temporary)
  }
}

export async function readIfPresent (file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Renames an unreadable file, so that nothing overwrites what may still be rescued from it. Resolves to its new name. */
export async function quarantineFile (file: string): Promise<string> {
  const aside = `${file}.unreadable-${randomUUID().slice(0, 8)}`
  await rename(file, aside)
  return aside
}
