/** Processes of this machine by their command line. Linux only: elsewhere nothing is found, and nothing is claimed. */
import { readdir, readFile } from 'node:fs/promises'

export interface FoundProcess {
  readonly pid: number
  readonly command: string
}

export async function findProcesses (pattern: RegExp): Promise<FoundProcess[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter(name => /^\d+$/.test(name))
  const found = await Promise.all(pids.map(async pid => {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return { pid: Number(pid), command: text.replaceAll('\0', ' ').trim() }
  }))
  return found.filter(({ command }) => pattern.test(command))
}
