/**
 * How near the gateway is to what its machine can give. Near: nothing new is begun, what runs goes on. Too near: it ends in good order
 * and its supervisor begins it anew, before the kernel or the engine ends it in the middle of a write.
 */
import { closeSync, openSync } from 'node:fs'
import { devNull, totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { GatewayError } from '../protocol/errors.ts'
import type { Incidents } from './incidents.ts'

export interface StrainLimits {
  /** Of the heap that the engine may have. */
  readonly softHeapPercent: number
  readonly hardHeapPercent: number
  /** Absent: a share of what a container may have, and no limit where nothing limits it. */
  readonly softRssMb?: number | undefined
  readonly hardRssMb?: number | undefined
  /** How late the loop may run its timers; 0: as late as it likes. */
  readonly maxDelayMs: number
}

export interface Readings {
  readonly rssBytes: number
  readonly heapBytes: number
  readonly heapLimitBytes: number
  /** What a container may have; undefined outside of one. */
  readonly containerBytes: number | undefined
  readonly lateMs: number
  readonly canOpenFiles: boolean
}

export interface StrainOptions {
  readonly limits: () => StrainLimits
  readonly incidents: Incidents
  readonly say: (level: 'info' | 'warn' | 'error', fields: object, message: string) => void
  /** Ends the gateway in good order; called once. */
  readonly leave: (reason: string) => void
  readonly read?: (lateMs: number) => Readings
}

export interface Strain {
  /** Every few seconds, with how late that is. */
  look (lateMs: number): void
  /** Throws BUSY while nothing new is begun. */
  expectRoom (): void
  /** Names of what keeps this gateway from being ready. */
  failing (): readonly string[]
}

const megabyte = 1024 * 1024
const softShare = 0.85
const hardShare = 0.95
/** Shedding ends somewhat below where it began, so that it does not begin again with the next run. */
const easedShare = 0.95
/** A heap is full of garbage right before it is collected: what is too much has to be so twice. */
const looksBeforeLeaving = 2
const comeBackMs = 5_000

type Kind = 'memory-pressure' | 'event-loop' | 'file-descriptors'
interface Trouble { readonly kind: Kind, readonly reason: string, readonly isHard: boolean }

function mayOpenFiles (): boolean {
  try {
    closeSync(openSync(devNull, 'r'))
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== 'EMFILE' && code !== 'ENFILE'
  }
}

let containerBytes: number | undefined
function readProcess (lateMs: number): Readings {
  containerBytes ??= process.constrainedMemory()
  const { used_heap_size: heapBytes, heap_size_limit: heapLimitBytes } = getHeapStatistics()
  return {
    rssBytes: process.memoryUsage.rss(),
    heapBytes,
    heapLimitBytes,
    containerBytes: containerBytes > 0 && containerBytes < totalmem() ? containerBytes : undefined,
    lateMs,
    canOpenFiles: mayOpenFiles()
  }
}

/** `ease`: below 1 while it sheds already. */
function troubleOf (readings: Readings, limits: StrainLimits, ease: number): Trouble | undefined {
  const { rssBytes, heapBytes, heapLimitBytes, containerBytes: most, lateMs, canOpenFiles } = readings
  const given = (mb: number | undefined, share: number): number => mb === undefined ? (most ?? Infinity) * share : mb * megabyte
  const inMb = (bytes: number): string => `${Math.round(bytes / megabyte)} MB`
  const measures = [
    { what: 'memory', bytes: rssBytes, soft: given(limits.softRssMb, softShare), hard: given(limits.hardRssMb, hardShare) },
    { what: 'heap', bytes: heapBytes, soft: heapLimitBytes * limits.softHeapPercent / 100, hard: heapLimitBytes * limits.hardHeapPercent / 100 }
  ]
  for (const isHard of [true, false]) {
    const over = measures.find(({ bytes, soft, hard }) => bytes >= (isHard ? hard : soft * ease))
    if (over) return { kind: 'memory-pressure', isHard, reason: `${over.what}: ${inMb(over.bytes)} of ${inMb(isHard ? over.hard : over.soft)}` }
  }
  if (!canOpenFiles) return { kind: 'file-descriptors', isHard: false, reason: 'every file descriptor that this process may have is in use' }
  if (limits.maxDelayMs > 0 && lateMs >= limits.maxDelayMs * ease) {
    return { kind: 'event-loop', isHard: false, reason: `the event loop is ${Math.round(lateMs)} ms late` }
  }
  return undefined
}

export function createStrain ({ limits, incidents, say, leave, read = readProcess }: StrainOptions): Strain {
  let trouble: Trouble | undefined
  let shed = 0
  let hardLooks = 0
  let hasLeft = false

  function changed (next: Trouble | undefined): void {
    if (next && next.kind !== trouble?.kind) {
      const type = next.kind === 'memory-pressure' ? 'diagnostic.memory.pressure' : 'diagnostic.liveness.warning'
      incidents.note(type, { reason: next.kind, detail: next.reason })
      say('warn', { reason: next.reason }, 'overloaded: nothing new is begun until there is room again')
    }
    if (trouble && !next) {
      incidents.note('diagnostic.overload.ended', { reason: trouble.kind, shed })
      say('info', { shed }, 'there is room again: everything is taken')
      shed = 0
    }
    trouble = next
  }

  return {
    look (lateMs) {
      if (hasLeft) return
      changed(troubleOf(read(lateMs), limits(), trouble ? easedShare : 1))
      hardLooks = trouble?.isHard ? hardLooks + 1 : 0
      if (hardLooks < looksBeforeLeaving || !trouble) return
      hasLeft = true
      incidents.note('diagnostic.overload.leaving', { reason: trouble.kind, detail: trouble.reason })
      say('error', { reason: trouble.reason }, 'overloaded beyond the hard limit: ending in good order, for the supervisor to begin anew')
      leave(trouble.reason)
    },
    expectRoom () {
      if (!trouble) return
      if (shed++ === 0) incidents.note('diagnostic.overload.shed', { reason: trouble.kind, detail: trouble.reason })
      throw new GatewayError('BUSY', { message: `gateway overloaded: ${trouble.reason}`, details: { overload: trouble.kind }, retryAfterMs: comeBackMs })
    },
    // A late loop is told of, and still serves.
    failing: () => trouble && trouble.kind !== 'event-loop' ? [trouble.kind] : []
  }
}
