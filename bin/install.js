/* Brings node_modules/ to what package-lock.json says. Runs on whatever Node the machine has; does nothing when nothing is missing. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

export function installMissing () {
  const missing = missingPackages()
  if (missing.length === 0) return
  const command = existsSync(join(root, 'node_modules')) ? ['install', '--no-save'] : ['ci']
  process.stderr.write(`Installing ${missing.length} packages (npm ${command[0]}), this once.\n`)
  const { status, error } = npm([...command, '--no-audit', '--no-fund', '--loglevel=error'])
  if (status === 0 && missingPackages().length === 0) return
  process.stderr.write(`openclaw: npm ${command[0]} failed${error ? `: ${error.message}` : ''}. Run it by hand in ${root} to see why.\n`)
  process.exit(1)
}

function npm (args) {
  const options = { cwd: root, stdio: ['ignore', 2, 2] }
  // npm names its own script to what it runs; without that we were started by hand and take the npm of the path.
  const script = process.env.npm_execpath
  return script && /npm-cli\.[cm]?js$/.test(script) && existsSync(process.execPath)
    ? spawnSync(process.execPath, [script, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
}

/** npm keeps a copy of the lock that says what it has really installed. Optional packages are for other machines as well as this one. */
function missingPackages () {
  const wanted = packagesIn('package-lock.json')
  const installed = packagesIn(join('node_modules', '.package-lock.json'))
  return Object.keys(wanted).filter(name => name !== '' && !wanted[name].optional && installed[name]?.version !== wanted[name].version)
}

function packagesIn (file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages
  } catch {
    return {}
  }
}
