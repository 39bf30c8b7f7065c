/** A server with its credentials looked up. They are masked in whatever it says. */
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import type { LoadedConfig } from '../../config/load.ts'
import { createSecretResolver } from '../../config/secrets.ts'
import type { SecretInput } from '../../config/schema.ts'
import type { ServerSettings } from './settings.ts'

export interface ResolvedServer {
  readonly settings: ServerSettings
  readonly cwd: string
  readonly env: { readonly [name: string]: string }
  readonly headers: { readonly [name: string]: string }
  mask (text: string): string
}

type Given = { readonly [name: string]: unknown } | undefined

/** A shorter one would blot out ordinary words. */
const minSecretLength = 8
const soundsSecret = /token|key|secret|pass|auth|credential|cookie|session|dsn|_url$|_uri$/i

async function valuesOf (given: Given, at: string, loaded: LoadedConfig): Promise<{ [name: string]: string }> {
  const resolver = createSecretResolver(loaded)
  const pairs = await Promise.all(Object.entries(given ?? {}).map(async ([name, value]) => {
    const plain = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
    const { value: found, error } = await resolver.resolve(plain as SecretInput)
    if (found === undefined) throw new Error(`${at}.${name} has no value: ${error ?? 'it is empty'}`)
    return [name, found] as const
  }))
  return Object.fromEntries(pairs)
}

function maskOf (env: ResolvedServer['env'], headers: ResolvedServer['headers']): (text: string) => string {
  const values = [...Object.values(headers), ...Object.entries(env).filter(([name]) => soundsSecret.test(name)).map(([, value]) => value)]
  // The credential behind the word `Bearer` is one by itself.
  const secrets = [...new Set(values.flatMap(value => [value, value.replace(/^\w+ /, '')]))].filter(value => value.length >= minSecretLength)
  const longestFirst = secrets.sort((a, b) => b.length - a.length)
  return text => longestFirst.reduce((masked, secret) => masked.replaceAll(secret, '***'), text)
}

const expanded = (path: string): string => path === '~' || path.startsWith('~/') ? homedir() + path.slice(1) : path

/** Throws a sentence that names what is missing, never what is there. */
export async function resolveServer (settings: ServerSettings, loaded: LoadedConfig): Promise<ResolvedServer> {
  const at = `mcp.servers.${settings.name}`
  const { entry } = settings
  const [env, headers] = await Promise.all([valuesOf(entry.env, `${at}.env`, loaded), valuesOf(entry.headers, `${at}.headers`, loaded)])
  const cwd = entry.cwd ?? entry.workingDirectory
  return { settings, cwd: cwd === undefined ? process.cwd() : resolve(expanded(cwd)), env, headers, mask: maskOf(env, headers) }
}
