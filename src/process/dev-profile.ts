/** `--dev`: a gateway to try things with, apart from the real one, that can be thrown away and made anew. */
import { readdir, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { resolvePaths, type Paths } from '../config/paths.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import { createPrivateFile, ensurePrivateDirectory } from '../lib/private-file.ts'
import type { RunOptions } from './run-options.ts'
import { refuse } from './start-refused.ts'
import { lockState } from './state.ts'

/** What a gateway keeps in its state directory. Anything else there is somebody else's and stays. */
const kept = /^(openclaw\.json([._].*)?|state(\.snapshot)?\.sqlite.*|(gateway|admin)\.token|identity|credentials|agents|sessions|workspace|logs|\.env)$/

/** Nothing of the real installation may be thrown away, whatever the environment says about directories. */
function checkReset (paths: Paths, { env }: RunOptions): void {
  const real = resolvePaths({ env: { HOME: env.HOME, OPENCLAW_HOME: env.OPENCLAW_HOME } })
  if (paths.profile === 'dev' && resolve(paths.stateDir) !== resolve(real.stateDir) && dirname(paths.configPath) === paths.stateDir) return
  refuse(exitCodes.failed, `Gateway failed to start: --reset throws away the dev profile only, and ${paths.stateDir} with ${paths.configPath} is not it.`,
    'Use it without --profile, OPENCLAW_CONFIG_PATH and an OPENCLAW_STATE_DIR of the real gateway.')
}

async function reset (paths: Paths): Promise<void> {
  const lock = await lockState(paths, paths.basePort)
  try {
    const names = (await readdir(paths.stateDir)).filter(name => kept.test(name))
    for (const name of names) await rm(join(paths.stateDir, name), { recursive: true, force: true })
  } finally {
    lock.release()
  }
}

const devConfig = (paths: Paths): string => JSON.stringify({
  gateway: { mode: 'local', bind: 'loopback' },
  agents: { defaults: { workspace: paths.workspaceDir } }
}, null, 2)

/** Makes what is missing and changes nothing that is there. */
export async function prepareDevProfile (paths: Paths, options: RunOptions): Promise<void> {
  if (options.reset) checkReset(paths, options)
  await ensurePrivateDirectory(paths.stateDir)
  if (options.reset) await reset(paths)
  await ensurePrivateDirectory(paths.workspaceDir)
  await createPrivateFile(paths.configPath, `${devConfig(paths)}\n`)
}
