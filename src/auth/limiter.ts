import { addressGroup, isLoopbackAddress } from '../lib/net-address.ts'
import { parseOrigin } from '../lib/web-origin.ts'
import { createAttemptLedger, type LedgerEntry } from './attempt-ledger.ts'
import type { Ingress } from './ingress.ts'

/** Failures of one scope neither count for nor are forgiven by another. */
export type AttemptScope = 'shared-secret' | 'device-token' | 'bootstrap-token' | 'node-pairing' | 'node-reapproval' | 'device-join' |
  'hook-auth' | 'plugin-auth' | 'channel-auth' | 'api-key' | 'default'

/** Who tries. */
export interface LimiterSubject {
  address: string
  /** Came over loopback without a proxy (`ingress.kind === 'direct-local'`). */
  loopback: boolean
  /** The Origin header, when there is one: pages get no exemption. */
  browserOrigin?: string | undefined
  /** Of a credential that is the caller's beyond doubt, never what a client merely claims: every new claim would be a fresh start. */
  credentialId?: string | undefined
}

export interface AttemptLimits {
  maxAttempts: number
  windowMs: number
  lockoutMs: number
  exemptLoopback: boolean
}

export type AttemptVerdict = { readonly allowed: true } | { readonly allowed: false, readonly retryAfterMs: number }

export interface AttemptFailure {
  /** Set while the subject is shut out, by this failure or an earlier one. */
  readonly lockedForMs?: number
  /** How long to wait before the answer goes out. */
  readonly delayMs: number
}

export interface AttemptRecord {
  readonly scope: string
  readonly subject: string
  readonly failures: number
  readonly lockedForMs?: number
}

export interface AttemptLimiter {
  check: (scope: AttemptScope, subject: LimiterSubject) => AttemptVerdict
  recordFailure: (scope: AttemptScope, subject: LimiterSubject) => AttemptFailure
  recordSuccess: (scope: AttemptScope, subject: LimiterSubject) => void
  list: () => AttemptRecord[]
  /** Forgets one subject in every scope, or everybody; returns how many records that were. */
  clear: (subject?: LimiterSubject) => number
  size: () => number
}

export interface AttemptLimiterOptions {
  /** Asked on every call, so that changed settings hold for what is already counted. */
  settings: () => AttemptLimits
  now: () => number
  maxKeys?: number
}

const firstDelayMs = 250
const longestDelayMs = 5_000
/** So many failures reach the longest delay. */
const delaySteps = 6
/** Bounds the history of one subject whatever the configuration says. */
const longestHistory = 1_000
const longestCredentialId = 128

const allowed: AttemptVerdict = Object.freeze({ allowed: true })

/** Stands for every loopback page whose origin cannot be read; from the range kept for benchmarks, so it is nobody's address. */
const unreadableOriginAddress = '198.18.0.1'

const isLoopback = (subject: LimiterSubject): boolean => subject.loopback && isLoopbackAddress(subject.address)

/** 127.0.0.0/8 and ::1 are one machine, however many of its addresses it tries from. */
function subjectKey (subject: LimiterSubject): string {
  if (subject.credentialId) return `credential:${subject.credentialId.slice(0, longestCredentialId)}`
  if (!isLoopback(subject)) return isLoopbackAddress(subject.address) ? '127.0.0.1' : addressGroup(subject.address)
  if (subject.browserOrigin === undefined) return 'loopback'
  const origin = parseOrigin(subject.browserOrigin)
  return origin ? `browser-origin:${origin.text}` : unreadableOriginAddress
}

/** A failure is known to its own device when one has proved itself, else to the place it came from: nobody pays for a neighbour. */
export const limiterSubject = (ingress: Ingress, deviceId?: string): LimiterSubject => ({
  address: ingress.clientAddress,
  loopback: ingress.kind === 'direct-local',
  ...(ingress.origin === undefined ? {} : { browserOrigin: ingress.origin }),
  ...(deviceId === undefined ? {} : { credentialId: `device:${deviceId}` })
})

const isExempt = (subject: LimiterSubject, limits: AttemptLimits): boolean =>
  limits.exemptLoopback && subject.browserOrigin === undefined && isLoopback(subject)

/** Counts wrong credentials, and only those: what was missing, malformed or from a wrong origin is not an attempt. */
export function createAttemptLimiter ({ settings, now, maxKeys = 10_000 }: AttemptLimiterOptions): AttemptLimiter {
  const ledger = createAttemptLedger({ now, maxKeys })

  const currentLimits = (): AttemptLimits => {
    const limits = settings()
    return limits.maxAttempts <= longestHistory ? limits : { ...limits, maxAttempts: longestHistory }
  }

  const count = (key: string, scope: AttemptScope, subject: LimiterSubject, limits: AttemptLimits): LedgerEntry | undefined =>
    ledger.count(key, { scope, subject: subjectKey(subject) }, Math.max(limits.maxAttempts, delaySteps), limits)

  /** Failures that arrive while one is being delayed are answered together with it. */
  const delayFor = (entry: LedgerEntry): number => {
    if (entry.delayUntilMs <= now()) {
      const doublings = Math.min(entry.failures.length, delaySteps) - 1
      entry.delayUntilMs = now() + Math.min(longestDelayMs, firstDelayMs * 2 ** doublings)
    }
    return entry.delayUntilMs - now()
  }

  /** Those with a credential of their own never wait for strangers. */
  const fullFor = (key: string, subject: LimiterSubject, limits: AttemptLimits): number =>
    subject.credentialId ? 0 : ledger.fullFor(key, limits)

  return {
    check (scope, subject) {
      if (ledger.isEmpty()) return allowed
      const limits = currentLimits()
      if (isExempt(subject, limits)) return allowed
      const key = `${scope}:${subjectKey(subject)}`
      const retryAfterMs = ledger.lockedFor(key, limits) || fullFor(key, subject, limits)
      return retryAfterMs > 0 ? { allowed: false, retryAfterMs } : allowed
    },

    recordFailure (scope, subject) {
      const limits = currentLimits()
      const key = `${scope}:${subjectKey(subject)}`
      const exempt = isExempt(subject, limits)
      // Knocking during a lockout neither lengthens it nor counts.
      const already = exempt ? 0 : ledger.lockedFor(key, limits) || fullFor(key, subject, limits)
      if (already > 0) return { lockedForMs: already, delayMs: 0 }
      const entry = count(key, scope, subject, limits)
      if (!entry) return { delayMs: longestDelayMs }
      if (exempt) return { delayMs: delayFor(entry) }
      if (entry.failures.length < limits.maxAttempts) return { delayMs: 0 }
      ledger.lock(key)
      return { lockedForMs: limits.lockoutMs, delayMs: 0 }
    },

    recordSuccess (scope, subject) {
      if (!ledger.isEmpty()) ledger.forget(`${scope}:${subjectKey(subject)}`)
    },

    list: () => ledger.entries(currentLimits()).map(({ scope, subject, failures, lockedForMs }) =>
      ({ scope, subject, failures: failures.length, ...(lockedForMs > 0 ? { lockedForMs } : {}) })),

    clear (subject) {
      const wanted = subject && subjectKey(subject)
      const gone = ledger.entries(currentLimits()).filter(entry => wanted === undefined || entry.subject === wanted)
      return gone.filter(entry => ledger.forget(`${entry.scope}:${entry.subject}`)).length
    },

    size: () => ledger.size(currentLimits())
  }
}
