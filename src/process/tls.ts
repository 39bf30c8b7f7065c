/** The certificate of our own port: read, made when that is asked for, and read again when somebody has renewed it. */
import { X509Certificate } from 'node:crypto'
import { unwatchFile, watchFile } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { createSecureContext } from 'node:tls'
import { certificateFiles, fingerprintOf, type CertificateFiles, type TlsSettings } from '../lib/certificate-files.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import { lanAddresses } from '../lib/own-addresses.ts'
import { createPrivateFile, readIfPresent } from '../lib/private-file.ts'
import { selfSigned } from '../lib/self-signed.ts'
import type { Pem } from '../listeners.ts'
import { refuse } from './start-refused.ts'

export interface Certificate extends Pem {
  readonly files: CertificateFiles
  readonly fingerprint: string
}

/** As long as a pin is to hold; whoever wants another one removes the file. */
const validDays = 3650
const lookAgainMs = 2_000

async function readFiles (files: CertificateFiles): Promise<Certificate> {
  const [cert, key, chain = ''] = await Promise.all([files.cert, files.key, ...(files.chain ? [files.chain] : [])].map(file => readFile(file, 'utf8')))
  const pem = { key: key!, cert: chain === '' ? cert! : `${cert!.trimEnd()}\n${chain}` }
  // Says whether they belong together, before a port is taken or a context replaced.
  createSecureContext(pem)
  return { ...pem, files, fingerprint: fingerprintOf(cert!) }
}

const isOver = (pem: string): boolean => Date.parse(new X509Certificate(pem).validTo) <= Date.now()

async function makeOwn ({ cert: file }: CertificateFiles): Promise<void> {
  const present = await readIfPresent(file)
  if (present !== undefined) {
    if (!isOver(present)) return
    await rm(file)
  }
  const name = hostname()
  const names = [...new Set(['localhost', '127.0.0.1', '::1', name.toLowerCase(), ...lanAddresses()])]
  const made = selfSigned({ commonName: name, names, days: validDays, now: Date.now() })
  await createPrivateFile(file, made.cert + made.key)
}

export async function readCertificate (settings: TlsSettings, stateDir: string): Promise<Certificate> {
  const files = certificateFiles(settings, stateDir)
  if (!files) {
    return refuse(exitCodes.configuration, 'Gateway failed to start: gateway.tls.enabled is set without a whole certificate.',
      'Set gateway.tls.certPath and gateway.tls.keyPath together, or neither and gateway.tls.autoGenerate to true.')
  }
  try {
    if (files.own) await makeOwn(files)
    return await readFiles(files)
  } catch (error) {
    return refuse(exitCodes.configuration, `Gateway failed to start: the certificate of gateway.tls cannot be used: ${(error as Error).message}.`,
      `Correct ${[...new Set([files.cert, files.key, files.chain])].filter(Boolean).join(' and ')}: PEM, readable by this user, with the key that belongs to the certificate.`)
  }
}

/** Renewed files are taken over without a restart; a half-renewed pair is left until its other half is there. */
export function followCertificate (first: Certificate, renew: (next: Certificate) => void, say: (text: string) => void): () => void {
  const watched = [...new Set([first.files.cert, first.files.key])]
  let current = first
  let isBusy = false
  const look = async (): Promise<void> => {
    if (isBusy) return
    isBusy = true
    try {
      const next = await readFiles(current.files)
      if (next.cert === current.cert && next.key === current.key) return
      current = next
      renew(next)
      say(`the certificate was renewed (fingerprint sha256 ${next.fingerprint})`)
    } catch (error) {
      say(`the certificate has changed and cannot be used, the old one stays: ${(error as Error).message}`)
    } finally {
      isBusy = false
    }
  }
  const onChange = (): void => { look().catch(() => {}) }
  for (const file of watched) watchFile(file, { interval: lookAgainMs, persistent: false }, onChange)
  return () => { for (const file of watched) unwatchFile(file, onChange) }
}
