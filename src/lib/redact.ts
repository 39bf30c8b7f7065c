/** Takes credentials out of everything that is written down: by their name, by their looks, and those in use by their value. */
import { defaultRules, parsePattern, structuralRules, suspicion } from './redact-patterns.ts'
import type { RedactRule } from './redact-patterns.ts'

export interface RedactorOptions {
  /** Regular expressions that take the place of the default list; the structural protections stay. */
  patterns?: readonly string[]
  /** The secrets in use at this moment. They are masked wherever they appear. */
  secrets?: () => Iterable<string>
}

export interface Redactor {
  redactText (text: string): string
  /** A copy that is plain data: credentials masked by field name, every string masked by its looks. */
  redactValue (value: unknown): unknown
  /** The patterns of the configuration that are not in use, because they do not compile or could hang the process. */
  readonly refusedPatterns: readonly string[]
}

const fullMask = '***'
const maxSecrets = 256
/** A shorter secret would blot out ordinary words. */
const minSecretLength = 6
/** Patterns of the configuration see long texts in windows, so that a slow one stays bounded. */
const windowLength = 4096
const windowOverlap = 512
const maxPieceLength = 1 << 20

export function maskSecret (value: string): string {
  if (value.length < 18) return value.length === 11 && value[6] === '…' ? value : fullMask
  return `${value.slice(0, 6)}…${value.slice(-4)}`
}

export function createRedactor ({ patterns, secrets }: RedactorOptions = {}): Redactor {
  const refusedPatterns: string[] = []
  const custom: RegExp[] = []
  for (const text of patterns ?? []) {
    const pattern = parsePattern(text)
    if (pattern) custom.push(pattern)
    else refusedPatterns.push(text)
  }
  const rules = patterns === undefined ? [...structuralRules, ...defaultRules] : structuralRules
  const known = createKnownSecrets(secrets ?? (() => []))

  const redactText = (text: string): string => {
    let out = known.mask(text)
    for (const pattern of custom) out = applyCustom(out, pattern)
    return suspicion.test(out) ? inPieces(maskPem(out), piece => applyRules(piece, rules)) : out
  }
  return { redactText, redactValue: value => copyRedacted(value, redactText), refusedPatterns }
}

/** The engine keeps a stack per character of a match, so a text beyond `maxPieceLength` is cut, at a blank if it has one. */
function inPieces (text: string, apply: (piece: string) => string): string {
  if (text.length <= maxPieceLength) return apply(text)
  let out = ''
  for (let start = 0; start < text.length;) {
    const limit = start + maxPieceLength
    const blank = limit < text.length ? Math.max(text.lastIndexOf(' ', limit), text.lastIndexOf('\n', limit)) : -1
    const stop = blank > limit - windowLength ? blank : limit
    out += apply(text.slice(start, stop))
    start = stop
  }
  return out
}

function applyRules (text: string, rules: readonly RedactRule[]): string {
  let out = text
  for (const { pattern, replace } of rules) {
    out = out.replace(pattern, (match: string, ...rest: unknown[]) => {
      return replace ? replace(match, groupsOf(rest), maskSecret) : maskSecret(match)
    })
  }
  return out
}

/** A replacer gets the groups, then the offset, then more. */
const groupsOf = (rest: unknown[]): (string | undefined)[] =>
  rest.slice(0, rest.findIndex(item => typeof item === 'number')) as (string | undefined)[]

/** Masks the last group that matched, else the whole match, as the patterns of existing configurations expect. */
function applyCustom (text: string, pattern: RegExp): string {
  if (text.length > windowLength) return applyInWindows(text, pattern)
  return text.replace(pattern, (match: string, ...rest: unknown[]) => {
    const value = groupsOf(rest).findLast(group => group !== undefined && group !== '')
    if (value === undefined) return maskSecret(match)
    const at = match.lastIndexOf(value)
    return match.slice(0, at) + maskSecret(value) + match.slice(at + value.length)
  })
}

function applyInWindows (text: string, pattern: RegExp): string {
  let out = ''
  let done = 0
  for (let start = 0; start < text.length; start += windowLength) {
    for (const match of text.slice(start, start + windowLength + windowOverlap).matchAll(pattern)) {
      const from = start + match.index
      const to = from + match[0].length
      // What a window before has masked is not shown again; what it masked in part is masked to the end.
      if (to <= done || match[0] === '') continue
      out += text.slice(done, Math.max(done, from)) + fullMask
      done = to
    }
  }
  return out + text.slice(done)
}

const pemBegin = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/g
/** What cannot stand inside a key: a quote, the dashes of the last line, any other character. */
const pemStop = /[^A-Za-z0-9+/=\s\\:,.*-]|-----/g

/** A private key in PEM form, whole or cut off: everything behind the first line that can belong to it. */
function maskPem (text: string): string {
  if (!text.includes('-----BEGIN ')) return text
  let out = ''
  let done = 0
  pemBegin.lastIndex = 0
  for (let begin = pemBegin.exec(text); begin; begin = pemBegin.exec(text)) {
    const bodyStart = begin.index + begin[0].length
    pemStop.lastIndex = bodyStart
    out += text.slice(done, bodyStart) + fullMask
    done = pemStop.exec(text)?.index ?? text.length
    pemBegin.lastIndex = done
  }
  return out + text.slice(done)
}

/** Finds the secrets in use, also in the forms they take inside JSON and URLs. */
function createKnownSecrets (secrets: () => Iterable<string>): { mask (text: string): string } {
  const current: string[] = []
  let forms: string[] = []
  const refresh = (): void => {
    let changed = false
    let count = 0
    for (const secret of secrets()) {
      if (count >= maxSecrets) break
      if (current[count] !== secret) changed = true
      if (changed) current[count] = secret
      count++
    }
    if (!changed && count === current.length) return
    current.length = count
    const all = current.filter(secret => secret.length >= minSecretLength)
      .flatMap(secret => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed())])
    // The longest first: a secret that begins another one must not leave the rest of it standing.
    forms = [...new Set(all)].sort((a, b) => b.length - a.length)
  }
  return {
    mask (text) {
      refresh()
      let out = text
      for (const form of forms) if (out.includes(form)) out = out.replaceAll(form, fullMask)
      return out
    }
  }
}

const credentialName = new RegExp('(?:token|secret|password|passwd|passphrase|pwd|apikey|(?:private|secret|access|signing|encryption)key|authorization|cookie|' +
  'credentials?|setupcode|cardnumber|cvv2?|cvc2?|paymentcredential)$')
const maxDepth = 12
const maxNodes = 10_000

/** Whether a field of this name holds a credential: sessionKey and inputTokens do not, x-api-key and gateway.auth.token do. */
export const isCredentialName = (name: string): boolean =>
  name.length <= 256 && credentialName.test(name.toLowerCase().replace(/[-_.\s]/g, ''))

function copyRedacted (root: unknown, redactText: (text: string) => string): unknown {
  const ancestors = new Set<object>()
  let nodes = 0

  const object = (value: object): unknown => {
    if (ancestors.has(value)) return '[circular]'
    if (ancestors.size >= maxDepth) return '[…]'
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
    ancestors.add(value)
    const copied = Array.isArray(value) ? value.map(item => copy(item) ?? null) : fields(value)
    ancestors.delete(value)
    return copied
  }
  const fields = (value: object): object => {
    const entries: [string, unknown][] = Object.entries(value)
    if (value instanceof Error) entries.unshift(['name', value.name], ['message', value.message])
    const copied: [string, unknown][] = []
    for (const [name, item] of entries) {
      if (item === undefined || typeof item === 'function') continue
      copied.push([redactText(name), isCredentialName(name) && isSubstance(item) ? fullMask : copy(item)])
    }
    return Object.fromEntries(copied)
  }
  const copy = (value: unknown): unknown => {
    if (++nodes > maxNodes) return '[…]'
    if (typeof value === 'string') return redactText(value)
    if (typeof value === 'bigint') return value.toString()
    if (typeof value === 'symbol' || typeof value === 'function') return undefined
    return typeof value === 'object' && value !== null ? object(value) : value
  }
  return copy(root)
}

/** That a credential is there or not may be said; what it is may not. */
const isSubstance = (value: unknown): boolean => value !== null && value !== undefined && typeof value !== 'boolean' && value !== ''
