/** How many files and sockets this process may have open, and how many of them may be sockets of clients. */
import { readFileSync } from 'node:fs'

/** Only where the system tells. */
export function descriptorLimit (): number | undefined {
  try {
    const most = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
    return Number.isNaN(most) ? undefined : most
  } catch {
    return undefined
  }
}

/** Files of the gateway itself, its store, its programs, and code that is loaded at first use. */
const leastKept = 52
const mostKept = 512
const fewest = 8

/**
 * A crowd of clients must not take the last one: what is loaded for the first time while none is left can never be loaded again in
 * this process.
 */
export function mostClients (limit: number): number {
  const kept = Math.min(mostKept, Math.max(leastKept, Math.ceil(limit / 10)))
  return Math.max(fewest, limit - kept)
}
