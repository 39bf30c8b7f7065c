/** What the operating system knows about a process: enough to tell a living owner from a reused pid. */
import { readFile } from 'node:fs/promises'

export interface ProcessDescription {
  readonly pid: number
  readonly parentPid: number
  /** In a unit of the operating system's (Linux: clock ticks since boot): only good for comparing. */
  readonly startTime: number
  readonly command: string
}

/** Where answers come from. Tests pass another platform to take its road on this machine. */
export interface ProcessSource {
  readonly platform: NodeJS.Platform
  /** What the program printed, or '' when it failed or is not there. */
  run (file: string, args: readonly string[]): Promise<string>
}

const runTimeoutMs = 3000

export const thisMachine: ProcessSource = {
  platform: process.platform,
  // Only systems without /proc get here, so only they pay for loading it.
  run: async (file, args) => {
    const { execFile } = await import('node:child_process')
    const options = { encoding: 'utf8', timeout: runTimeoutMs, windowsHide: true, env: { ...process.env, LC_ALL: 'C' } } as const
    return new Promise(resolve => { execFile(file, args, options, (_error, stdout) => { resolve(stdout) }) })
  }
}

const readText = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')

/** Nothing for a process that is gone, and nothing for a zombie: it has let go of everything it held. */
export async function describeProcess (pid: number, source: ProcessSource = thisMachine): Promise<ProcessDescription | undefined> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  if (source.platform === 'linux') return describeFromProc(pid)
  return source.platform === 'win32' ? describeFromCim(pid, source) : describeFromPs(pid, source)
}

export const processStartTime = async (pid: number, source?: ProcessSource): Promise<number | undefined> =>
  (await describeProcess(pid, source))?.startTime

/** Changes with every boot. Only Linux needs it: elsewhere start times are points in time and not counted from the boot. */
export async function bootId (source: ProcessSource = thisMachine): Promise<string | undefined> {
  if (source.platform !== 'linux') return undefined
  return (await readText('/proc/sys/kernel/random/boot_id')).trim() || undefined
}

/** A process and everything it descends from, nearest first. */
export async function ancestry (pid: number, source?: ProcessSource): Promise<number[]> {
  const line: number[] = []
  let current = await describeProcess(pid, source)
  while (current !== undefined && !line.includes(current.pid)) {
    line.push(current.pid)
    current = await describeProcess(current.parentPid, source)
  }
  return line
}

async function describeFromProc (pid: number): Promise<ProcessDescription | undefined> {
  const [stat, cmdline] = await Promise.all([readText(`/proc/${pid}/stat`), readText(`/proc/${pid}/cmdline`)])
  // "pid (name) state ppid …": the name may hold spaces and brackets, so the fields are counted from its last bracket.
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields.length < 20 || fields[0] === 'Z' || fields[0] === 'X') return undefined
  return { pid, parentPid: Number(fields[1]), startTime: Number(fields[19]), command: cmdline.replaceAll('\0', ' ').trim() || name }
}

async function describeFromPs (pid: number, { run }: ProcessSource): Promise<ProcessDescription | undefined> {
  const printed = await run('ps', ['-o', 'ppid=,stat=,lstart=,command=', '-p', String(pid)])
  const found = /^\s*(\d+)\s+(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/m.exec(printed)
  if (found === null || found[2]!.startsWith('Z')) return undefined
  return { pid, parentPid: Number(found[1]), startTime: Date.parse(found[3]!), command: found[4]!.trim() }
}

async function describeFromCim (pid: number, { run }: ProcessSource): Promise<ProcessDescription | undefined> {
  const query = `Get-CimInstance Win32_Process -Filter 'ProcessId=${pid}' | ForEach-Object { ` +
    "'{0} {1} {2}' -f $_.ParentProcessId, $_.CreationDate.ToFileTimeUtc(), ($_.CommandLine, $_.Name -ne $null)[0] }"
  const found = /^(\d+) (\d+) (.*)$/m.exec(await run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', query]))
  return found === null
    ? undefined
    : { pid, parentPid: Number(found[1]), startTime: Number(found[2]), command: found[3]!.trim() }
}
