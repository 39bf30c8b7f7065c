import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'

export interface Files { [name: string]: string }

/** Puts files into a directory. */
export function put (dir: string, files: Files): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
}

/** Loads `openclaw.json` of a directory. */
export const load = (dir: string, env: { [name: string]: string } = {}): Promise<LoadedConfig> =>
  loadConfig({ paths: resolvePaths({ env: { OPENCLAW_STATE_DIR: dir }, homedir: dir }), env })

/** Loads a text as the configuration of a directory. */
export const loadText = (dir: string, text: string, env: { [name: string]: string } = {}): Promise<LoadedConfig> => {
  put(dir, { 'openclaw.json': text })
  return load(dir, env)
}
