/** Where the gateway's own certificate is: the files that the configuration names, or the one that the gateway made for itself. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

export interface TlsSettings {
  readonly enabled: boolean
  readonly autoGenerate: boolean
  readonly certPath?: string | undefined
  readonly keyPath?: string | undefined
  readonly caPath?: string | undefined
}

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
  readonly chain?: string | undefined
  /** Certificate and key are one file of the gateway's own. */
  readonly own: boolean
}

const absolute = (path: string): string => resolve(path.replace(/^~(?=\/)/, homedir()))

/** Nothing when the configuration names half of what it takes. */
export function certificateFiles (tls: TlsSettings, stateDir: string): CertificateFiles | undefined {
  const { autoGenerate, certPath, keyPath, caPath } = tls
  const chain = caPath ? absolute(caPath) : undefined
  if (certPath && keyPath) return { cert: absolute(certPath), key: absolute(keyPath), chain, own: false }
  if (certPath || keyPath || !autoGenerate) return undefined
  const file = join(stateDir, 'tls', 'gateway.pem')
  return { cert: file, key: file, own: true }
}

/** SHA-256 as it is pinned: 64 hex digits. */
export const fingerprintOf = (pem: string): string => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()

/** What a client of this machine pins; undefined where nothing can be read. */
export async function ownFingerprint (settings: TlsSettings, stateDir: string): Promise<string | undefined> {
  const files = settings.enabled ? certificateFiles(settings, stateDir) : undefined
  try {
    return files && fingerprintOf(await readFile(files.cert, 'utf8'))
  } catch {
    return undefined
  }
}
