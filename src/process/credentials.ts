/** The secrets that the gateway starts with: given, configured, or made by itself. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkAuthRules } from '../auth/auth-rules.ts'
import { authModes, resolveGatewayAuth, type AuthMode, type GatewayAuth } from '../auth/gateway-auth.ts'
import { fingerprint } from '../lib/fingerprint.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Paths } from '../config/paths.ts'
import type { SecretInput } from '../config/schema.ts'
import { createSecretResolver } from '../config/secrets.ts'
import type { BindTargets } from '../lib/bind-address.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import { readIfPresent, writePrivateFile } from '../lib/private-file.ts'
import type { RunOptions } from './run-options.ts'
import { refuse } from './start-refused.ts'

export const tokenFile = (paths: Paths): string => join(paths.stateDir, 'gateway.token')

const generatedToken = /^[0-9a-f]{48}$/

/** A token of the gateway's own for starts without any credential. It stays the same from start to start, so that clients keep working. */
async function withGeneratedToken (auth: GatewayAuth, paths: Paths): Promise<GatewayAuth> {
  if (auth.mode !== 'token' || auth.token !== undefined || auth.problems.length > 0) return auth
  let token = (await readIfPresent(tokenFile(paths)))?.trim()
  if (token === undefined || !generatedToken.test(token)) {
    token = randomBytes(24).toString('hex')
    await writePrivateFile(tokenFile(paths), `${token}\n`)
  }
  return { ...auth, token, tokenSource: 'generated', tokenFingerprint: fingerprint(token) }
}

function authFlag ({ auth }: RunOptions): AuthMode | undefined {
  if (auth === undefined || (authModes as readonly string[]).includes(auth)) return auth as AuthMode | undefined
  return refuse(exitCodes.failed, `Invalid --auth (use ${authModes.map(mode => `"${mode}"`).join(', ')})`)
}

async function passwordFlag ({ password, passwordFile }: RunOptions): Promise<string | undefined> {
  if (passwordFile === undefined) return password
  const refuseFile = (why: string): never => refuse(exitCodes.failed, `Gateway failed to start: --password-file ${passwordFile} ${why}.`,
    'Give it a file that this user can read and that holds the password and nothing else.')
  const text = await readFile(passwordFile, 'utf8').catch(({ code }: NodeJS.ErrnoException) => refuseFile(`cannot be read (${code})`))
  return text.trim() || refuseFile('is empty')
}

/** Mode and secret in force, or a refusal that names what is missing. */
export async function resolveAuth (options: RunOptions, loaded: LoadedConfig, bind: BindTargets, paths: Paths): Promise<GatewayAuth> {
  const { env } = loaded
  const { gateway } = loaded.config
  const resolver = createSecretResolver(loaded)
  const flags = { auth: authFlag(options), token: options.token, password: await passwordFlag(options) }
  const config = options.tailscale === undefined ? gateway : { ...gateway, tailscale: { ...gateway.tailscale, mode: options.tailscale } }
  const resolveSecret = (value: unknown) => resolver.resolve(value as SecretInput | undefined)
  const resolved = await resolveGatewayAuth({ config, env, flags, resolveSecret })
  const auth = bind.beyondLoopback ? resolved : await withGeneratedToken(resolved, paths)
  // Without the origins: that the Control UI has none keeps browsers out, and nobody else.
  const [problem] = [...auth.problems, ...checkAuthRules({ auth, config, env, flags, bindHosts: bind.hosts, bind: bind.bind })]
  if (problem) refuse(exitCodes.configuration, problem.text, problem.next)
  return auth
}

/** A credential for the commands of this machine, so that they can always administer; new at every start. */
export async function writeLocalAdminToken (paths: Paths): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  await writePrivateFile(join(paths.stateDir, 'admin.token'), `${token}\n`)
  return token
}
