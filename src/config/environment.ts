/**
 * The variables that configuration sees: the process's own first, then `<state directory>/.env`, then `env.vars` of the file itself;
 * nothing replaces what is set already. A `.env` of the working directory is not read: a daemon does not take orders from wherever
 * it was started.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { isReservedKey } from './path-syntax.ts'

export interface Environment { readonly [name: string]: string | undefined }

const maxFileBytes = 256 * 1024

/** Reads `<state directory>/.env`; no file, no variables. */
async function readDotEnv (stateDir: string): Promise<Environment> {
  const handle = await open(join(stateDir, '.env'), 'r').catch(() => undefined)
  if (!handle) return {}
  try {
    const stat = await handle.stat()
    return stat.isFile() && stat.size <= maxFileBytes ? parseEnv(await handle.readFile('utf8')) : {}
  } catch {
    return {}
  } finally {
    await handle.close()
  }
}

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/

/** `env.vars` (or, in older files, names directly under `env`), as far as they are strings. */
function configuredVariables (source: unknown): Environment {
  const env = (source as { env?: { vars?: unknown } } | undefined)?.env
  if (typeof env !== 'object' || env === null) return {}
  const vars: { [name: string]: string } = {}
  for (const group of [env, env.vars]) {
    if (typeof group !== 'object' || group === null || Array.isArray(group)) continue
    for (const [name, value] of Object.entries(group)) {
      if (typeof value === 'string' && variableName.test(name) && !isReservedKey(name)) vars[name] = value
    }
  }
  return vars
}

const withoutEmpty = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))

export async function effectiveEnvironment (env: Environment, stateDir: string, source: unknown): Promise<Environment> {
  const file = await readDotEnv(stateDir)
  return { ...configuredVariables(source), ...withoutEmpty(file), ...withoutEmpty(env) }
}
