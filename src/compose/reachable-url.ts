import type { LoadedConfig } from '../config/load.ts'
import type { BindTargets } from '../lib/bind-address.ts'
import { lanAddresses } from '../lib/own-addresses.ts'

export interface Reach {
  readonly bind: BindTargets
  readonly loaded: LoadedConfig
  readonly port: number
}

/** Where clients on other hosts reach this gateway, and why we think so. */
export function reachableUrl ({ bind, loaded, port }: Reach, publicUrl?: string): { url: string, source: string, alternatives: string[] } {
  const { publicOrigin, tls } = loaded.config.gateway
  const scheme = tls.enabled ? 'wss' : 'ws'
  const secure = (url: string): string => url.replace(/^http/, 'ws')
  if (publicUrl) return { url: secure(publicUrl), source: 'request', alternatives: [] }
  if (publicOrigin) return { url: secure(publicOrigin), source: 'gateway.publicOrigin', alternatives: [] }
  const [first = '127.0.0.1', ...others] = bind.beyondLoopback ? lanAddresses() : []
  return { url: `${scheme}://${first}:${port}`, source: bind.bind, alternatives: others.map(address => `${scheme}://${address}:${port}`) }
}
