/** Gets a command connected: which credential first, which one next, and how long to wait for a gateway that is starting. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectAuth } from '../protocol/connect.ts'
import { fullOperatorScopes } from '../protocol/scopes.ts'
import { loadOrCreateDeviceIdentity, type DeviceIdentity } from '../lib/device-identity.ts'
import { packageVersion } from '../lib/package-version.ts'
import { isClientError, type GatewayClientError } from './client-error.ts'
import { createDeviceTokens, type DeviceTokens, type StoredDeviceToken } from './device-tokens.ts'
import { connectGateway, type GatewayClient, type GatewayClientOptions } from './gateway-client.ts'
import type { GatewayTarget } from './target.ts'

export interface OpenOptions {
  readonly stateDir: string
  readonly timeoutMs: number
  /** For remarks that are no failure. */
  readonly note: (text: string) => void
  /**
   * `always` pairs like any client. `if-paired` is for looking at a gateway without asking to be paired with it. `never` is for
   * the administrator of this machine, who is no device.
   */
  readonly identity?: 'always' | 'if-paired' | 'never'
  readonly now: () => number
  /** Absent: whatever an operator may have. */
  readonly scopes?: readonly string[]
  readonly caps?: readonly string[]
}

interface Attempt {
  auth: ConnectAuth
  scopes: readonly string[]
}

const role = 'operator'
/** Between two tries against a gateway that is starting and names no time of its own. */
const startingDelayMs = 500

async function identityFor (options: OpenOptions): Promise<DeviceIdentity | undefined> {
  if (options.identity === 'never') return undefined
  try {
    return await loadOrCreateDeviceIdentity(join(options.stateDir, 'identity', 'device.json'), {
      onQuarantine: path => options.note(`The device identity could not be read; it was set aside as ${path} and a new one was made.`)
    })
  } catch (error) {
    options.note(`No device identity: ${(error as Error).message}. Continuing with the shared secret alone.`)
    return undefined
  }
}

const withToken = (stored: StoredDeviceToken): Attempt => ({ auth: { deviceToken: stored.token }, scopes: stored.scopes })

/** What to try after a refusal, if anything may help. */
function nextAttempt (error: GatewayClientError, attempt: Attempt, stored: StoredDeviceToken | undefined): Attempt | undefined {
  const { details, detailCode } = error
  const usedToken = attempt.auth.deviceToken !== undefined
  if (stored && !usedToken && (details['canRetryWithDeviceToken'] === true || detailCode === 'AUTH_RATE_LIMITED')) return withToken(stored)
  const approved = details['approvedScopes']
  if (detailCode === 'PAIRING_REQUIRED' && details['reason'] === 'scope-upgrade' && Array.isArray(approved) && approved.length > 0) {
    return { auth: attempt.auth, scopes: approved.map(String) }
  }
  return undefined
}

function explainNarrowed (error: GatewayClientError, note: OpenOptions['note']): void {
  if (error.detailCode !== 'PAIRING_REQUIRED') return
  const approved = (error.details['approvedScopes'] as unknown[]).join(', ')
  note(`This device is approved for ${approved} only. To allow more: openclaw devices approve ${String(error.details['requestId'])}`)
}

/** Connects, and keeps knocking while the gateway says that it is starting. */
async function knock (options: GatewayClientOptions, deadlineMs: number, now: () => number): Promise<GatewayClient> {
  for (;;) {
    try {
      return await connectGateway({ ...options, connectTimeoutMs: Math.max(1, deadlineMs - now()) })
    } catch (error) {
      const waitMs = isClientError(error) ? error.retryAfterMs ?? startingDelayMs : 0
      const starting = isClientError(error) && error.retryable && error.detailCode !== 'AUTH_RATE_LIMITED'
      if (!starting || now() + waitMs >= deadlineMs) throw error
      await delay(waitMs)
    }
  }
}

const tokensIn = (stateDir: string): DeviceTokens => createDeviceTokens(join(stateDir, 'identity', 'device-auth.json'))

/** Keeps a token that this device was handed over an open connection. */
export async function keepDeviceToken (
  stateDir: string, client: GatewayClient, issued: { token: string, scopes: string[] }
): Promise<void> {
  if (client.deviceId === undefined) return
  await tokensIn(stateDir).put(client.url, { ...issued, role, deviceId: client.deviceId, issuedAtMs: Date.now() })
}

async function remember (client: GatewayClient, tokens: DeviceTokens, identity: DeviceIdentity, now: () => number): Promise<void> {
  const { deviceToken, scopes, issuedAtMs } = client.hello.auth
  if (!deviceToken) return
  await tokens.put(client.url, { token: deviceToken, role, scopes, deviceId: identity.deviceId, issuedAtMs: issuedAtMs ?? now() })
}

interface Introduction {
  identity: DeviceIdentity | undefined
  stored: StoredDeviceToken | undefined
  client: GatewayClientOptions['client']
}

async function introduce (target: GatewayTarget, tokens: DeviceTokens, options: OpenOptions): Promise<Introduction> {
  const version = packageVersion()
  const identity = await identityFor(options)
  const stored = identity && target.mayUseStoredToken ? await tokens.get(target.url, role, identity.deviceId) : undefined
  if (options.identity !== 'if-paired' || stored || target.local) return { identity, stored, client: { id: 'cli', mode: 'cli', version } }
  return { identity: undefined, stored: undefined, client: { id: 'openclaw-probe', mode: 'probe', version } }
}

export async function openGateway (target: GatewayTarget, options: OpenOptions): Promise<GatewayClient> {
  const deadlineMs = options.now() + options.timeoutMs
  const tokens = tokensIn(options.stateDir)
  const { identity, stored, client } = await introduce(target, tokens, options)
  const base = {
    url: target.url,
    tls: target.tls,
    client,
    identity,
    role,
    connectTimeoutMs: 0,
    requestTimeoutMs: options.timeoutMs,
    ...(options.caps ? { caps: options.caps } : {})
  }
  const connect = (attempt: Attempt) => knock({ ...base, ...attempt }, deadlineMs, options.now)
  const hasSecret = Object.keys(target.auth).length > 0
  const first: Attempt = !hasSecret && stored ? withToken(stored) : { auth: target.auth, scopes: options.scopes ?? fullOperatorScopes }

  const opened = await connect(first).catch(async (error: unknown) => {
    if (!isClientError(error)) throw error
    const second = nextAttempt(error, first, stored)
    if (!second) {
      if (first.auth.deviceToken && error.detailCode === 'AUTH_DEVICE_TOKEN_MISMATCH') await tokens.remove(target.url, role)
      throw error
    }
    explainNarrowed(error, options.note)
    // What was wrong with the first credential is what the user can repair.
    return await connect(second).catch(() => { throw error })
  })
  if (identity) {
    await remember(opened, tokens, identity, options.now).catch(error => options.note(`The device token was not kept: ${error.message}`))
  }
  return opened
}
