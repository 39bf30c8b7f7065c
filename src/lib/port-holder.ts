/**
 * Who listens on a port. Walks the process table synchronously (tens of milliseconds): for a start that has failed and for
 * commands, not for a gateway that serves.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { describeProcess, thisMachine, type ProcessSource } from './process-info.ts'

export interface PortHolder {
  /** Unknown when the process belongs to another user or lives in another container. */
  readonly pid?: number
  readonly command: string
  readonly user?: string
  /** As in `127.0.0.1:18789` or `[::1]:18789`. */
  readonly address: string
}

export async function findPortHolder (port: number, source: ProcessSource = thisMachine): Promise<PortHolder[]> {
  if (source.platform === 'linux') return holdersFromProc(port)
  return source.platform === 'win32' ? holdersFromNetstat(port, source) : holdersFromLsof(port, source)
}

/** `pid 4711 alice: node server.js (127.0.0.1:18789)` */
export const describeHolder = ({ pid, user, command, address }: PortHolder): string =>
  `pid ${pid ?? 'unknown'}${user === undefined ? '' : ` ${user}`}: ${command} (${address})`

const readText = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

const entries = (directory: string): string[] => {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

interface ListeningSocket {
  readonly address: string
  readonly uid: string
}

async function holdersFromProc (port: number): Promise<PortHolder[]> {
  const sockets = new Map([...listeningSockets('/proc/net/tcp', port), ...listeningSockets('/proc/net/tcp6', port)])
  if (sockets.size === 0) return []
  const owners = processesWith(sockets)
  const found = owners.map(async ([pid, inode]) => {
    const { address, uid } = sockets.get(inode)!
    return { pid, command: (await describeProcess(pid))?.command ?? 'unknown', user: userName(uid), address }
  })
  const seen = new Set(owners.map(([, inode]) => inode))
  const hidden = [...sockets].filter(([inode]) => !seen.has(inode))
    .map(([, { address, uid }]) => ({ command: 'a process that this user cannot see', user: userName(uid), address }))
  return [...await Promise.all(found), ...hidden]
}

const listenState = '0A'

/** Rows of /proc/net/tcp: `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …` */
function listeningSockets (table: string, port: number): Array<[inode: string, socket: ListeningSocket]> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readText(table).split('\n').map(line => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === listenState && local?.endsWith(wanted))
    .map(([, local, , , , , , uid, , inode]) => [inode!, { address: `${readableHost(local!.slice(0, -wanted.length))}:${port}`, uid: uid! }])
}

/** The kernel prints 32-bit words in host order, which is little-endian wherever Node runs. */
function readableHost (hex: string): string {
  const bytes = Buffer.from(hex, 'hex')
  bytes.swap32()
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname
}

function processesWith (sockets: ReadonlyMap<string, ListeningSocket>): Array<[pid: number, inode: string]> {
  const owners: Array<[number, string]> = []
  for (const pid of entries('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const held = new Set(entries(`/proc/${pid}/fd`).map(fd => socketInode(`/proc/${pid}/fd/${fd}`)))
    for (const inode of held) if (sockets.has(inode)) owners.push([Number(pid), inode])
  }
  return owners
}

function socketInode (link: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1] ?? ''
  } catch {
    return ''
  }
}

const userName = (uid: string): string =>
  readText('/etc/passwd').split('\n').map(line => line.split(':')).find(fields => fields[2] === uid)?.[0] ?? uid

/** `-F` prints one field a line: p(id), c(ommand), L(ogin), then n(ame) once for each socket. */
async function holdersFromLsof (port: number, source: ProcessSource): Promise<PortHolder[]> {
  const printed = await source.run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-FpcLn'])
  const holders: PortHolder[] = []
  let current = { pid: 0, command: '', user: '' }
  for (const line of printed.split('\n')) {
    const value = line.slice(1)
    if (line[0] === 'p') current = { pid: Number(value), command: '', user: '' }
    if (line[0] === 'c') current.command = (await describeProcess(current.pid, source))?.command ?? value
    if (line[0] === 'L') current.user = value
    if (line[0] === 'n') holders.push({ ...current, address: value })
  }
  return holders
}

/** `TCP  0.0.0.0:18789  0.0.0.0:0  LISTENING  4711`; the state is a translated word, the empty peer is not. */
async function holdersFromNetstat (port: number, source: ProcessSource): Promise<PortHolder[]> {
  const printed = await source.run('netstat', ['-ano', '-p', 'TCP']) + '\n' + await source.run('netstat', ['-ano', '-p', 'TCPv6'])
  const holders: PortHolder[] = []
  for (const line of printed.split('\n')) {
    const [, address, peer, , pid] = line.trim().split(/\s+/)
    if (pid === undefined || !address?.endsWith(`:${port}`) || !/^(0\.0\.0\.0|\[::\]):0$/.test(peer ?? '')) continue
    holders.push({ pid: Number(pid), command: (await describeProcess(Number(pid), source))?.command ?? 'unknown', address })
  }
  return holders
}
