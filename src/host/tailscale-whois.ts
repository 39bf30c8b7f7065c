/** Asks the tailscaled of this machine whose address one is, over its LocalAPI. */
import { request } from 'node:http'
import type { Whois } from '../auth/tailscale.ts'
import { createRecent } from '../lib/recent.ts'

export interface WhoisOptions {
  readonly socketPath: string
  readonly now: () => number
  readonly timeoutMs?: number
}

interface Known {
  readonly answer: Promise<string | undefined>
  untilMs: number
}

const defaultTimeoutMs = 3_000
/** Whoever leaves the tailnet is a stranger again after this time. */
const rememberedMs = 30_000
/** Long enough that a flood is answered from here, short enough that nobody waits for a tailscaled that has come back. */
const failureRememberedMs = 2_000
const mostRemembered = 256
const mostAtOnce = 16
const mostBytes = 256 * 1024

export const tailscaledSocket = (env: { readonly [name: string]: string | undefined }, platform: NodeJS.Platform): string =>
  env['OPENCLAW_TAILSCALE_SOCKET'] || (platform === 'darwin' ? '/var/run/tailscaled.socket' : '/var/run/tailscale/tailscaled.sock')

function loginIn (body: string): string | undefined {
  const answer = JSON.parse(body) as { UserProfile?: { LoginName?: unknown } | null } | null
  const login = answer?.UserProfile?.LoginName
  return typeof login === 'string' && login.trim() !== '' ? login.trim() : undefined
}

function ask (socketPath: string, address: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath,
      path: `/localapi/v0/whois?addr=${encodeURIComponent(address)}`,
      // tailscaled answers no other Host, so that a page in a browser cannot ask it.
      headers: { host: 'local-tailscaled.sock', 'sec-tailscale': 'localapi' },
      agent: false,
      signal: AbortSignal.timeout(timeoutMs)
    }, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        body += piece
        if (body.length > mostBytes) response.destroy(new Error('tailscaled answers at too great a length'))
      })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 404) return resolve(undefined)
        if (response.statusCode !== 200) return reject(new Error(`tailscaled answers ${response.statusCode}`))
        try {
          resolve(loginIn(body))
        } catch (error) {
          reject(error)
        }
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

export function createWhois ({ socketPath, now, timeoutMs = defaultTimeoutMs }: WhoisOptions): Whois {
  const remembered = createRecent<Known>(mostRemembered)
  let underWay = 0

  function begin (address: string): Promise<string | undefined> {
    underWay++
    const answer = ask(socketPath, address, timeoutMs).finally(() => { underWay-- })
    // Those who ask meanwhile wait for the same answer.
    const known: Known = { answer, untilMs: now() + timeoutMs }
    remembered.set(address, known)
    answer.then(
      login => { known.untilMs = now() + (login === undefined ? failureRememberedMs : rememberedMs) },
      () => { known.untilMs = now() + failureRememberedMs })
    return answer
  }

  return address => {
    const known = remembered.get(address)
    if (known && known.untilMs > now()) return known.answer
    remembered.delete(address)
    if (underWay >= mostAtOnce) return Promise.reject(new Error('tailscaled is being asked too much at once'))
    return begin(address)
  }
}
