/** Where the programs of this machine lie. */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

export const isProgram = async (path: string): Promise<boolean> =>
  await access(path, constants.X_OK).then(() => stat(path)).then(found => found.isFile(), () => false)

/** The first of this name on a search path. What such a path has that is relative would mean another place to everybody who looks. */
export async function findProgram (name: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(delimiter).filter(isAbsolute)) {
    const path = join(directory, name)
    if (await isProgram(path)) return path
  }
  return undefined
}
