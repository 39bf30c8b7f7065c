import type { CopierConfig, FromCopier } from './writer-messages.ts'

/**
 * Makes the last-good copy. Copying reads every page, so it also finds damage, and a damaged database never becomes the last-good copy.
 * Undefined: it could not be made, and that is no damage. The text stands alone, as that of the writer does: it also runs in a thread.
 */
export function copyDatabase ({ path, temporary, snapshotPath, atLeast }: CopierConfig): FromCopier | undefined {
  const fs = process.getBuiltinModule('node:fs')
  const { dirname } = process.getBuiltinModule('node:path')
  const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite')

  function sync (name: string): void {
    const file = fs.openSync(name, 'r')
    try {
      fs.fsyncSync(file)
    } finally {
      fs.closeSync(file)
    }
  }

  function copy (): void {
    const source = new Database(path, { readOnly: true, timeout: 5000 })
    try {
      source.prepare('VACUUM INTO ?').run(temporary)
    } finally {
      source.close()
    }
  }

  /** How far the copy goes. */
  function markOf (): number {
    const copied = new Database(temporary, { readOnly: true })
    try {
      return Number(copied.prepare('SELECT job FROM mark').get()?.job ?? 0)
    } finally {
      copied.close()
    }
  }

  function damageOf (error: unknown): string | undefined {
    const { errcode, message } = error as { errcode?: number, message: string }
    const damaged = errcode !== undefined && ([11, 26].includes(errcode & 0xff) || message.startsWith('no such table: mark'))
    return damaged ? message : undefined
  }

  try {
    copy()
    const upTo = markOf()
    if (upTo < atLeast) return { damaged: 'it lost what was written to it' }
    // Synced before it gets its name: a file of that name is always whole.
    sync(temporary)
    fs.renameSync(temporary, snapshotPath)
    sync(dirname(snapshotPath))
    return { upTo }
  } catch (error) {
    const damaged = damageOf(error)
    return damaged === undefined ? undefined : { damaged }
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}
