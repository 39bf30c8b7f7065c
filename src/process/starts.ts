/** How often a gateway has been begun on this state directory, and how those before it ended. A small file beside the state. */
import { join } from 'node:path'
import type { UncleanStarts } from '../host/crash-loop.ts'
import { readIfPresent, writePrivateFile } from '../lib/private-file.ts'
import type { Paths } from '../config/paths.ts'

/** What came before a start: nothing at all, a stop, a restart within the process, or an end that nobody ordered. */
export const startKinds = ['first', 'stop', 'restart', 'crash'] as const
export type StartKind = typeof startKinds[number]
export type StartCounts = { readonly [kind in StartKind]: number }

export interface Starts {
  readonly counts: StartCounts
  /** Too many of the latest ended without a word. */
  readonly unclean?: UncleanStarts
  /** How often there were too many. */
  readonly trips: number
  /** This gateway has come to its end in good order. */
  ended (): Promise<void>
}

interface Written {
  readonly counts?: { readonly [kind: string]: unknown }
  /** A gateway has begun and not ended yet. */
  readonly isOpen?: unknown
  readonly beganAtMs?: unknown
  /** When those began that ended without a word, since the last that ended in good order. */
  readonly unclean?: unknown
  readonly trips?: unknown
}

export interface CountOptions {
  readonly isRestart: boolean
  readonly rules: { readonly maxUncleanStarts: number, readonly windowMinutes: number }
  readonly now: () => number
}

/** However long the window: more of them say nothing more. */
const mostKept = 50

const counted = (value: unknown): number => Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : 0

async function readWritten (file: string): Promise<Written | undefined> {
  try {
    const value: unknown = JSON.parse(await readIfPresent(file) ?? 'null')
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const momentsIn = (value: unknown): number[] => Array.isArray(value) ? value.filter(at => Number.isSafeInteger(at)) : []

/** A clock that was set back makes the past look like the future; nothing follows from that. */
function uncleanOf (moments: readonly number[], { rules, now }: CountOptions): UncleanStarts | undefined {
  const most = rules.maxUncleanStarts
  const windowMs = rules.windowMinutes * 60_000
  const recent = moments.filter(at => at <= now() && now() - at < windowMs)
  if (most === 0 || recent.length < most) return undefined
  return { count: recent.length, windowMs, liftsInMs: recent.at(-most)! + windowMs - now() }
}

/** The count must not keep a gateway from its work: a file that cannot be read begins anew, one that cannot be written stays. */
export async function countStart ({ stateDir }: Pick<Paths, 'stateDir'>, options: CountOptions): Promise<Starts> {
  const file = join(stateDir, 'starts.json')
  const written = await readWritten(file)
  const kind: StartKind = options.isRestart ? 'restart' : written === undefined ? 'first' : written.isOpen === true ? 'crash' : 'stop'
  const before = Object.fromEntries(startKinds.map(name => [name, counted(written?.counts?.[name])])) as StartCounts
  const counts = { ...before, [kind]: before[kind] + 1 }
  const moments = kind === 'crash' ? [...momentsIn(written?.unclean), ...momentsIn([written?.beganAtMs])].slice(-mostKept) : []
  const unclean = uncleanOf(moments, options)
  const trips = counted(written?.trips) + (unclean ? 1 : 0)
  const write = async (more: Written): Promise<void> =>
    await writePrivateFile(file, `${JSON.stringify({ counts, trips, ...more })}\n`).catch(() => {})
  await write({ isOpen: true, beganAtMs: options.now(), unclean: moments })
  return { counts, trips, ...(unclean ? { unclean } : {}), ended: () => write({ isOpen: false }) }
}
