/** The plugins that the configuration names. Nothing else is ever one: no directory is searched, and no workspace of an agent. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expandPath } from '../config/paths.ts'
import { checkPlace, ownFile, readBounded } from './bounded-file.ts'
import { PluginProblem, reasonOf } from './failure.ts'
import { findEntry, manifestName, readManifest, type Manifest } from './manifest.ts'

export interface Candidate {
  /** As it stands in the configuration. */
  readonly path: string
  readonly root: string
  readonly entry: string
  readonly manifest: Manifest
  /** Another one whenever the manifest or the entry has changed. */
  readonly fingerprint: string
}

export interface Unusable {
  readonly path: string
  readonly reason: string
  /** When as much of it could be read. */
  readonly manifest?: Manifest
}

export interface Found {
  readonly candidates: readonly Candidate[]
  readonly unusable: readonly Unusable[]
}

const maxPaths = 64

export interface Places {
  /** Relative paths are seen from the configuration file. */
  readonly configPath: string
  readonly homeDir: string
}

async function rootOf (path: string): Promise<{ readonly root: string, readonly entry?: string }> {
  const real = await realpath(path).catch(() => { throw new PluginProblem(`there is nothing at ${path}`) })
  return (await stat(real)).isDirectory() ? { root: real } : { root: dirname(real), entry: real }
}

/** An entry may be a whole bundle. */
const maxEntryBytes = 64 * 1024 * 1024

async function fingerprintOf (manifest: string, entry: string): Promise<string> {
  if ((await stat(entry)).size > maxEntryBytes) throw new PluginProblem(`${entry} is larger than ${maxEntryBytes / 1024 / 1024} MiB`)
  const hash = createHash('sha256').update(manifest).update('\0').update(entry).update('\0')
  await pipeline(createReadStream(entry), hash)
  return hash.digest('base64url')
}

async function examine (path: string, { configPath, homeDir }: Places): Promise<Candidate | Unusable> {
  let manifest: Manifest | undefined
  try {
    const full = path.startsWith('~') ? expandPath(path, homeDir) : resolve(dirname(configPath), path)
    const place = await rootOf(full)
    const { root } = place
    await checkPlace(root)
    const file = await ownFile(root, manifestName)
    if (file === undefined) throw new PluginProblem(`${root} has no ${manifestName}`)
    const text = await readBounded(file)
    manifest = readManifest(text)
    const entry = place.entry === undefined ? await findEntry(root) : (await ownFile(root, place.entry.slice(root.length + 1)))!
    return { path, root, entry, manifest, fingerprint: await fingerprintOf(text, entry) }
  } catch (error) {
    return { path, reason: reasonOf(error), ...(manifest ? { manifest } : {}) }
  }
}

export async function discover (paths: readonly string[], places: Places): Promise<Found> {
  const candidates = new Map<string, Candidate>()
  const unusable: Unusable[] = []
  for (const found of await Promise.all(paths.slice(0, maxPaths).map(path => examine(path, places)))) {
    if ('reason' in found) {
      unusable.push(found)
      continue
    }
    const id = found.manifest.id.toLowerCase()
    const first = candidates.get(id)
    // The same folder under two names is one plugin.
    if (first?.entry === found.entry) continue
    if (first) unusable.push({ path: found.path, reason: `${first.path} has the id ${found.manifest.id} already`, manifest: found.manifest })
    else candidates.set(id, found)
  }
  if (paths.length > maxPaths) unusable.push({ path: paths[maxPaths]!, reason: `plugins.load.paths names more than ${maxPaths} places` })
  return { candidates: [...candidates.values()], unusable }
}
