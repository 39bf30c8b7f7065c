/** Who else on this machine can read or change what the gateway believes. */
import { chmod, lstat, stat } from 'node:fs/promises'
import { currentLogFile } from '../log-file.ts'
import type { LocalSettings } from '../local-settings.ts'
import type { AuditFinding } from './finding.ts'

interface Place {
  /** The beginning of the ids. */
  readonly id: string
  readonly what: string
  readonly path: string
  readonly wanted: number
}

const syncedPlaces = /[\\/](Dropbox|OneDrive|Google Drive|iCloud Drive|Mobile Documents|Nextcloud|Syncthing)([\\/]|$)/i

const modeOf = async (path: string): Promise<number | undefined> => stat(path).then(({ mode }) => mode & 0o777, () => undefined)

const repairing = ({ path, wanted }: Place) => async (): Promise<string> => {
  await chmod(path, wanted)
  return `${path} has the rights ${wanted.toString(8)} now`
}

function finding (place: Place, mode: number, checkId: string, severity: AuditFinding['severity'], what: string): AuditFinding {
  const { path, wanted } = place
  return {
    checkId: `${place.id}.${checkId}`,
    severity,
    title: `${place.what} ${what}`,
    detail: `${path} has the rights ${mode.toString(8)}.`,
    remediation: `chmod ${wanted.toString(8)} ${path}`,
    repair: repairing(place)
  }
}

async function directory (place: Place): Promise<AuditFinding[]> {
  const mode = await modeOf(place.path)
  if (mode === undefined || process.platform === 'win32') return []
  if (mode & 0o002) return [finding(place, mode, 'perms_world_writable', 'critical', 'can be changed by every user of this machine')]
  if (mode & 0o020) return [finding(place, mode, 'perms_group_writable', 'warn', 'can be changed by its group')]
  return mode & 0o055 ? [finding(place, mode, 'perms_readable', 'warn', 'can be read by other users of this machine')] : []
}

async function file (place: Place): Promise<AuditFinding[]> {
  const mode = await modeOf(place.path)
  if (mode === undefined || process.platform === 'win32') return []
  if (mode & 0o022) return [finding(place, mode, 'perms_writable', 'critical', 'can be changed by other users of this machine')]
  if (mode & 0o004) return [finding(place, mode, 'perms_world_readable', 'critical', 'can be read by every user of this machine')]
  return mode & 0o040 ? [finding(place, mode, 'perms_group_readable', 'warn', 'can be read by its group')] : []
}

async function link (id: string, what: string, path: string): Promise<AuditFinding[]> {
  const isLink = await lstat(path).then(found => found.isSymbolicLink(), () => false)
  if (!isLink) return []
  return [{
    checkId: `${id}.symlink`,
    severity: 'warn',
    title: `${what} is a link`,
    detail: `Whoever can change what ${path} points to changes what the gateway believes.`,
    remediation: 'Put the thing itself there, or name its real place with OPENCLAW_STATE_DIR or OPENCLAW_CONFIG_PATH.'
  }]
}

async function log (settings: LocalSettings): Promise<AuditFinding[]> {
  const path = currentLogFile(settings)
  const mode = path === null ? undefined : await modeOf(path)
  if (mode === undefined || !(mode & 0o044) || process.platform === 'win32') return []
  const place = { id: 'fs.log_file', what: 'The log', path: path!, wanted: 0o600 }
  return [finding(place, mode, 'perms_readable', 'warn', 'can be read by other users of this machine')]
}

export async function auditFiles (settings: LocalSettings): Promise<AuditFinding[]> {
  const { paths, configPath, loaded } = settings
  const { stateDir } = paths
  const synced = [stateDir, configPath].find(path => syncedPlaces.test(path))
  const found = await Promise.all([
    directory({ id: 'fs.state_dir', what: 'The state directory', path: stateDir, wanted: 0o700 }),
    link('fs.state_dir', 'The state directory', stateDir),
    file({ id: 'fs.config', what: 'The configuration', path: configPath, wanted: 0o600 }),
    link('fs.config', 'The configuration', configPath),
    ...loaded.includedPaths.map(path => file({ id: 'fs.config_include', what: 'An included configuration', path, wanted: 0o600 })),
    log(settings)
  ])
  return [...found.flat(), ...(synced === undefined
    ? []
    : [{
        checkId: 'fs.synced_dir',
        severity: 'warn' as const,
        title: 'State lies in a directory that is synchronised elsewhere',
        detail: `${synced}: secrets and conversations go to other machines, and a database that two of them write to breaks.`,
        remediation: 'Move it out of there (OPENCLAW_STATE_DIR).'
      }])]
}
