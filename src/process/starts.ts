/** How often a gateway has been begun on this state directory, and how the one before it ended. A small file beside the state. */
import { join } from 'node:path'
import { readIfPresent, writePrivateFile } from '../lib/private-file.ts'
import type { Paths } from '../config/paths.ts'

/** What came before a start: nothing at all, a stop, a restart within the process, or an end that nobody ordered. */
export const startKinds = ['first', 'stop', 'restart', 'crash'] as const
export type StartKind = typeof startKinds[number]
export type StartCounts = { readonly [kind in StartKind]: number }

export interface Starts {
  readonly counts: StartCounts
  /** This gateway has come to its end in good order. */
  ended (): Promise<void>
}

interface Written {
  readonly counts?: { readonly [kind: string]: unknown }
  /** A gateway has begun and not ended yet. */
  readonly isOpen?: unknown
}

const counted = (value: unknown): number => Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : 0

async function readWritten (file: string): Promise<Written | undefined> {
  try {
    const value: unknown = JSON.parse(await readIfPresent(file) ?? 'null')
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** The count must not keep a gateway from its work: a file that cannot be read begins anew, one that cannot be written stays. */
export async function countStart ({ stateDir }: Pick<Paths, 'stateDir'>, isRestart: boolean): Promise<Starts> {
  const file = join(stateDir, 'starts.json')
  const written = await readWritten(file)
  const kind: StartKind = isRestart ? 'restart' : written === undefined ? 'first' : written.isOpen === true ? 'crash' : 'stop'
  const before = Object.fromEntries(startKinds.map(name => [name, counted(written?.counts?.[name])])) as StartCounts
  const counts = { ...before, [kind]: before[kind] + 1 }
  const write = async (isOpen: boolean): Promise<void> => await writePrivateFile(file, `${JSON.stringify({ counts, isOpen })}\n`).catch(() => {})
  await write(true)
  return { counts, ended: () => write(false) }
}
