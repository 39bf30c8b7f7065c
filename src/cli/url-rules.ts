/** Which addresses a credential may be sent to. */
import { isIpLiteral, isLoopbackAddress, isLoopbackHostname, isPrivateAddress } from '../lib/net-address.ts'
import { CommandFailure } from './failure.ts'

const webSocketScheme: { readonly [scheme: string]: string } = { 'http:': 'ws:', 'https:': 'wss:', 'ws:': 'ws:', 'wss:': 'wss:' }

const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')

export const isLoopbackHost = (hostname: string): boolean =>
  isIpLiteral(hostname) ? isLoopbackAddress(bare(hostname)) : isLoopbackHostname(hostname)

const looksPrivate = (hostname: string): boolean =>
  !hostname.includes('.') || /\.(local|lan|internal|home\.arpa|ts\.net)$/i.test(hostname)

/** Without TLS everyone on the way reads the token. Names can be anywhere, so private ones need a word from the user. */
function plaintextProblem (url: URL, env: NodeJS.ProcessEnv): string | undefined {
  const { hostname } = url
  if (url.protocol === 'wss:' || isLoopbackHost(hostname)) return undefined
  if (isIpLiteral(hostname)) return isPrivateAddress(bare(hostname)) ? undefined : 'the address is public'
  if (!looksPrivate(hostname)) return 'the name may lead anywhere'
  return env['OPENCLAW_ALLOW_INSECURE_PRIVATE_WS'] === '1' ? undefined : 'set OPENCLAW_ALLOW_INSECURE_PRIVATE_WS=1 if this name stays in your own network'
}

/** A WebSocket URL without decoration, or a failure that says what is wrong with it. */
export function gatewayUrl (raw: string, env: NodeJS.ProcessEnv, from: string): URL {
  let url: URL
  try {
    url = new URL(raw.includes('://') ? raw : `ws://${raw}`)
  } catch {
    throw new CommandFailure(`Invalid ${from}: "${raw}" is not a URL (use ws://host:port or wss://host)`)
  }
  const scheme = webSocketScheme[url.protocol]
  if (!scheme) throw new CommandFailure(`Invalid ${from}: use ws:// or wss://, not ${url.protocol}//`)
  if (url.username || url.password) throw new CommandFailure(`Invalid ${from}: pass credentials with --token or --password, not in the URL`)
  url = new URL(`${scheme}//${url.host}${url.pathname}${url.search}`)
  const problem = plaintextProblem(url, env)
  if (problem) {
    throw new CommandFailure(
      `Refusing to send credentials over plain ws:// to ${url.host}: ${problem}.\n` +
      'Use wss://, or an SSH tunnel: ssh -N -L 18789:127.0.0.1:18789 user@host'
    )
  }
  return url
}

/** As people write it: without the slash that URL adds. */
export const urlText = (url: URL): string => url.href.replace(/\/$/, '')
