/** Where this installation keeps its things. One place, so that the daemon, the command line and the service agree. */
import { homedir as osHomedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export interface Paths {
  /** `undefined` for the default installation. */
  profile: string | undefined
  homeDir: string
  stateDir: string
  configPath: string
  workspaceDir: string
  /** Directory of the default log file; the log room decides whether it can be trusted. */
  logDir: string
  /** The port when neither flag, environment nor configuration names one. */
  basePort: number
}

export interface PathInput {
  env: { readonly [name: string]: string | undefined }
  homedir?: string
  profile?: string
  dev?: boolean
}

const devPort = 19_001
const defaultPort = 18_789

/** An unset variable that a shell or a template wrote out as a word is still unset. */
function given (value: string | undefined): string | undefined {
  const trimmed = value?.trim()
  return trimmed === undefined || trimmed === '' || trimmed === 'undefined' || trimmed === 'null' ? undefined : trimmed
}

/** `~` and `~/…` belong to the home directory; anything else is taken from the working directory. */
export function expandPath (path: string, homeDir: string): string {
  if (path === '~') return homeDir
  return resolve(path.startsWith('~/') || path.startsWith('~\\') ? join(homeDir, path.slice(2)) : path)
}

/** Names become part of directory and service names, so only what is harmless in all of them is a name. */
export const isProfileName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)

function profileOf ({ env, profile, dev }: PathInput): string | undefined {
  const name = given(profile) ?? (dev ? 'dev' : given(env['OPENCLAW_PROFILE']))
  if (name === undefined || name === 'default') return undefined
  if (!isProfileName(name)) throw new RangeError(`invalid profile "${name}": use letters, digits, - and _ (at most 64)`)
  return name
}

export function resolvePaths (input: PathInput): Paths {
  const { env } = input
  const osHome = input.homedir ?? given(env['HOME']) ?? osHomedir()
  const override = given(env['OPENCLAW_HOME'])
  const homeDir = override ? expandPath(override, osHome) : osHome
  const profile = profileOf(input)
  const suffix = profile === undefined ? '' : `-${profile}`
  const stateOverride = given(env['OPENCLAW_STATE_DIR'])
  const stateDir = stateOverride ? expandPath(stateOverride, homeDir) : join(homeDir, `.openclaw${suffix}`)
  const configOverride = given(env['OPENCLAW_CONFIG_PATH'])
  return {
    profile,
    homeDir,
    stateDir,
    configPath: configOverride ? expandPath(configOverride, homeDir) : join(stateDir, 'openclaw.json'),
    workspaceDir: given(env['OPENCLAW_WORKSPACE_DIR']) ?? join(stateDir, 'workspace'),
    logDir: join(tmpdir(), 'openclaw'),
    basePort: profile === 'dev' ? devPort : defaultPort
  }
}
