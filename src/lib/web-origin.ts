import { parseHostHeader } from './net-address.ts'

export interface WebOrigin {
  readonly scheme: string
  readonly hostname: string
  /** The port in force: the scheme's own when none is written. */
  readonly port: number | undefined
  /** The one spelling of this origin: lower case, without the scheme's own port. */
  readonly text: string
}

const schemePorts: { readonly [scheme: string]: number | undefined } = { http: 80, https: 443, ws: 80, wss: 443 }
const longestOrigin = 320

export const defaultPort = (scheme: string): number | undefined => schemePorts[scheme]

/** Reads an `Origin` header or a configured origin. `null`, lists, paths and user names are not origins. */
export function parseOrigin (raw: string | undefined): WebOrigin | undefined {
  if (raw === undefined || raw.length > longestOrigin) return undefined
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#@\\\s]+)\/?$/.exec(raw.trim().toLowerCase())
  const scheme = match?.[1]
  const host = parseHostHeader(match?.[2])
  if (!scheme || !host) return undefined
  const standard = defaultPort(scheme)
  const port = host.port ?? standard
  const name = host.hostname.includes(':') ? `[${host.hostname}]` : host.hostname
  return { scheme, hostname: host.hostname, port, text: `${scheme}://${name}${port === standard ? '' : `:${port}`}` }
}
