/** What this machine is asked beside programs: where they lie, what a folder has in it, notifications. */
import { spawn } from 'node:child_process'
import { readdir, statfs } from 'node:fs/promises'
import { cpus, freemem, loadavg, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { findProgram } from '../lib/programs.ts'
import { realPlace } from '../tools/exec/places.ts'
import { CommandFailure, invalid, type Fields } from './command-failure.ts'

const maxBins = 64
const maxEntries = 2000

export async function whereAre ({ bins }: Fields, searchPath: string): Promise<Fields> {
  if (!Array.isArray(bins) || bins.length > maxBins || !bins.every(bin => typeof bin === 'string')) {
    throw invalid(`bins must be a list of at most ${maxBins} names`)
  }
  const found = await Promise.all((bins as string[]).filter(bin => /^[\w.+-]+$/.test(bin))
    .map(async bin => [bin, await findProgram(bin, searchPath)] as const))
  return { bins: Object.fromEntries(found.filter(([, path]) => path !== undefined)) }
}

/** Folders alone: whoever chooses a place needs no file names. */
export async function listFolder ({ path }: Fields, homeDir: string): Promise<Fields> {
  if (path !== undefined && typeof path !== 'string') throw invalid('path must be a text')
  const place = await realPlace(resolve(homeDir, path ?? '.'))
  const names = await readdir(place, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure('FS_LIST_FAILED', `${place} cannot be listed: ${error.code}`)
  })
  const entries = names.filter(entry => entry.isDirectory()).map(({ name }) => name).sort().slice(0, maxEntries)
    .map(name => ({ name, path: join(place, name), ...(name.startsWith('.') ? { hidden: true } : {}) }))
  const parent = dirname(place)
  return { path: place, ...(parent === place ? {} : { parent }), home: homeDir, entries }
}

const notifier = 'notify-send'
export const canNotify = async (searchPath: string): Promise<boolean> =>
  process.platform === 'linux' && await findProgram(notifier, searchPath) !== undefined

export async function notify ({ title, body, priority }: Fields): Promise<Fields> {
  const texts = [title, body].filter((text): text is string => typeof text === 'string' && text !== '').map(text => text.slice(0, 4000))
  if (texts.length === 0) throw invalid('title or body is needed')
  const urgency = priority === 'timeSensitive' ? 'critical' : priority === 'passive' ? 'low' : 'normal'
  const child = spawn(notifier, ['--app-name=OpenClaw', `--urgency=${urgency}`, '--', ...texts], { stdio: 'ignore', timeout: 10_000 })
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve))
  if (code !== 0) throw new CommandFailure('NOTIFY_FAILED', `${notifier} ended with code ${code}`)
  return { delivered: true }
}

/** How this machine is. */
export async function machineStats (homeDir: string): Promise<Fields> {
  const disk = await statfs(homeDir).catch(() => undefined)
  const load = loadavg()
  const volume = disk && { diskTotalBytes: disk.blocks * disk.bsize, diskAvailableBytes: Math.min(disk.blocks, disk.bavail) * disk.bsize }
  return {
    cpuCount: Math.max(1, cpus().length),
    ...(load.some(value => value > 0) ? { loadAverage: load } : {}),
    memoryTotalBytes: totalmem(),
    memoryFreeBytes: freemem(),
    ...volume
  }
}
