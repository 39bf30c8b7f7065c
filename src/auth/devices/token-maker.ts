import { createHmac, createSecretKey, randomBytes, randomUUID, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { createPrivateFile, quarantineFile, readIfPresent } from '../../lib/private-file.ts'
import type { Role } from '../../protocol/client-info.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { hashToken } from '../secret.ts'
import type { DeviceToken } from './types.ts'

export interface MintedToken {
  id: string
  token: string
  tokenHash: string
}

/**
 * Makes device tokens out of a key of this gateway and the name of the token, so that a device gets the same token on every
 * reconnect although no token is kept anywhere: at rest there are names, hashes, and the key in a file of its own.
 */
export interface TokenMaker {
  /** Makes sure that there is a key. Needed before `mint`. */
  prepare (): Promise<void>
  mint (deviceId: string, role: Role): MintedToken
  /** The token of a record; undefined when it was made with a key that is no more. */
  remake (deviceId: string, record: DeviceToken): string | undefined
}

const keyBytes = 32
const consequence = 'devices get a new token when they connect again, and their old one works until then'

const parseKey = (text: string): Buffer | undefined => {
  const key = Buffer.from(text.trim(), 'base64url')
  return key.length === keyBytes && key.toString('base64url') === text.trim() ? key : undefined
}

export interface TokenMakerOptions {
  stateDir?: string
  notice: (text: string) => void
  /** There are tokens that an earlier key made. */
  keyExpected: boolean
}

export async function createTokenMaker ({ stateDir, notice, keyExpected }: TokenMakerOptions): Promise<TokenMaker> {
  const file = stateDir && join(stateDir, 'keys', 'device-tokens.key')
  // Every connect makes a token: a key that has to be read from bytes each time costs eight times as much as the hash itself.
  let key: KeyObject | undefined
  let making: Promise<Buffer> | undefined

  async function readKey (path: string): Promise<Buffer | undefined> {
    const text = await readIfPresent(path).catch((error: NodeJS.ErrnoException) => {
      notice(`${path} cannot be read (${error.code}); until it can, devices get no new tokens`)
    })
    if (text === undefined) {
      if (keyExpected) notice(`${path} is not there; ${consequence}`)
      return undefined
    }
    const found = parseKey(text)
    if (!found) notice(`${path} is damaged; it was set aside as ${await quarantineFile(path)}; ${consequence}`)
    return found
  }

  /** Whoever creates the file first decides; everybody reads what is there. */
  async function makeKey (path: string): Promise<Buffer> {
    const made = randomBytes(keyBytes)
    if (await createPrivateFile(path, `${made.toString('base64url')}\n`)) return made
    const theirs = parseKey(await readIfPresent(path) ?? '')
    if (!theirs) throw new Error('it is damaged')
    return theirs
  }

  const refused = (cause: Error): never => {
    throw new GatewayError('STORE_UNAVAILABLE', { message: `the key for device tokens cannot be kept: ${cause.message}`, cause })
  }

  const derive = (deviceId: string, role: Role, id: string): string =>
    createHmac('sha256', key!).update(['device-token', 'v1', deviceId, role, id].join('\0')).digest('base64url')

  const kept = file ? await readKey(file) : randomBytes(keyBytes)
  key = kept && createSecretKey(kept)

  return {
    async prepare () {
      if (key) return
      making ??= makeKey(file!).catch(refused).finally(() => { making = undefined })
      key = createSecretKey(await making)
    },

    mint (deviceId, role) {
      const id = randomUUID()
      const token = derive(deviceId, role, id)
      return { id, token, tokenHash: hashToken(token) }
    },

    remake (deviceId, record) {
      if (!key || record.id === '') return undefined
      const token = derive(deviceId, record.role, record.id)
      return hashToken(token) === record.tokenHash ? token : undefined
    }
  }
}
