/** The tokens that gateways issued to this device, kept beside its identity: one per gateway and role. */
import { quarantineFile, readIfPresent, writePrivateFile } from '../lib/private-file.ts'

export interface StoredDeviceToken {
  readonly token: string
  readonly role: string
  readonly scopes: readonly string[]
  /** The token belongs to this identity and is useless to another one. */
  readonly deviceId: string
  readonly issuedAtMs: number
}

interface TokenFile {
  version: 1
  tokens: { [gatewayAndRole: string]: StoredDeviceToken }
}

/** Gateways that one command line talks to. The ones with the oldest tokens give way. */
const maxEntries = 64

const keyOf = (url: string, role: string): string => `${new URL(url).protocol}//${new URL(url).host}|${role}`

function parse (text: string): TokenFile | undefined {
  try {
    const file = JSON.parse(text) as TokenFile | null
    return typeof file?.tokens === 'object' && file.tokens !== null ? { version: 1, tokens: { ...file.tokens } } : undefined
  } catch {
    return undefined
  }
}

const sameToken = (a: StoredDeviceToken | undefined, b: StoredDeviceToken): boolean =>
  a?.token === b.token && a.deviceId === b.deviceId && a.scopes.join() === b.scopes.join()

export function createDeviceTokens (file: string) {
  async function load (): Promise<TokenFile> {
    const text = await readIfPresent(file)
    const known = text === undefined ? undefined : parse(text)
    if (known) return known
    // Losing tokens costs one connect with the shared secret; losing the evidence could cost more.
    if (text !== undefined) await quarantineFile(file)
    return { version: 1, tokens: {} }
  }

  const save = (content: TokenFile): Promise<void> => writePrivateFile(file, `${JSON.stringify(content, null, 2)}\n`)

  return {
    async get (url: string, role: string, deviceId: string): Promise<StoredDeviceToken | undefined> {
      const entry = (await load()).tokens[keyOf(url, role)]
      return entry?.deviceId === deviceId ? entry : undefined
    },

    async put (url: string, entry: StoredDeviceToken): Promise<void> {
      const { tokens } = await load()
      const key = keyOf(url, entry.role)
      if (sameToken(tokens[key], entry)) return
      tokens[key] = entry
      const kept = Object.entries(tokens).sort(([, a], [, b]) => b.issuedAtMs - a.issuedAtMs).slice(0, maxEntries)
      await save({ version: 1, tokens: Object.fromEntries(kept) })
    },

    async remove (url: string, role: string): Promise<void> {
      const content = await load()
      if (!(keyOf(url, role) in content.tokens)) return
      delete content.tokens[keyOf(url, role)]
      await save(content)
    }
  }
}

export type DeviceTokens = ReturnType<typeof createDeviceTokens>
