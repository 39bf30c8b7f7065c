/** Times as the configuration writes them: "30m", "24h", "7d". A bare number is milliseconds. */
const units: { readonly [unit: string]: number } = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** The last moment that a date can name. */
export const furthestMs = 8_640_000_000_000_000

export function parseDuration (text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?$/.exec(text)
  if (!match) throw new Error(`not a duration: ${text}`)
  return Number(match[1]) * units[match[2] ?? 'ms']!
}

/** "20m", "+2h" and "in 3d" as the moment that they mean; undefined for anything else. A number alone may be meant in many ways. */
export function momentIn (text: string, nowMs: number): number | undefined {
  const [, span] = /^(?:in\s+|\+\s*)?(\d+(?:\.\d+)?\s*(?:ms|[smhdw]))$/i.exec(text.trim()) ?? []
  const atMs = span === undefined ? undefined : nowMs + parseDuration(span.toLowerCase())
  return atMs !== undefined && atMs <= furthestMs ? atMs : undefined
}
