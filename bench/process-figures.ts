/** What a process and its descendants cost, from /proc. Systems without /proc give NaN, which the table prints as a dash. */
import { readFileSync, readdirSync } from 'node:fs'

/** Linux gives CPU time to user space in hundredths of a second whatever the kernel's own tick is. */
const tickMs = 10

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined // the process ended between two looks, or there is no /proc
  }
}

export interface ProcessLine { pid: number, parent: number, cpuMs: number }

/** The name in a stat line may hold spaces and brackets, so the fields are counted from the last bracket. */
export function parseStat (line: string): ProcessLine {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
  return { pid: Number.parseInt(line, 10), parent: Number(fields[1]), cpuMs: ticks * tickMs }
}

/** The process and its descendants. */
export function processTree (root: number): ProcessLine[] {
  const all: ProcessLine[] = []
  let names: string[] = []
  try {
    names = readdirSync('/proc')
  } catch {
    return []
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    const line = read(`/proc/${name}/stat`)
    if (line !== undefined) all.push(parseStat(line))
  }
  const tree = all.filter(entry => entry.pid === root)
  for (const entry of tree) tree.push(...all.filter(other => other.parent === entry.pid))
  return tree
}

const kilobytes = (text: string | undefined, field: string): number =>
  Number(text?.match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'))?.[1] ?? NaN)

export interface Memory {
  readonly rssKb: number
  /** Pages shared with other processes counted once in all: the honest sum over several processes. */
  readonly pssKb: number
  readonly processes: number
}

export function memoryOf (root: number | undefined): Memory {
  const tree = root === undefined ? [] : processTree(root)
  const sum = (file: string, field: string): number =>
    tree.length === 0 ? NaN : tree.reduce((total, entry) => total + kilobytes(read(`/proc/${entry.pid}/${file}`), field), 0)
  return { rssKb: sum('status', 'VmRSS'), pssKb: sum('smaps_rollup', 'Pss'), processes: tree.length }
}

/** Open file descriptors of the process itself. */
export function descriptorsOf (pid: number | undefined): number {
  try {
    return pid === undefined ? NaN : readdirSync(`/proc/${pid}/fd`).length
  } catch {
    return NaN
  }
}

/** CPU time of the process, its living descendants and those it has already waited for. */
export function cpuMsOf (root: number | undefined): number {
  const tree = root === undefined ? [] : processTree(root)
  return tree.length === 0 ? NaN : tree.reduce((total, entry) => total + entry.cpuMs, 0)
}
