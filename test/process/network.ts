/** Two machines and a cable between them, as network namespaces of this one: the gateway's and its clients'. */
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { RemoteOrder } from '../fixtures/remote-client.ts'

interface Test {
  teardown (fn: () => unknown): void
}

export const gatewayAddress = '10.77.0.1'
export const gatewayIpv6 = 'fd77:1::1'
export const gatewayIpv6InOtherNet = 'fd77:2::1'
export const clientAddresses = ['10.77.0.10', '10.77.0.11', '10.77.0.12', '10.77.0.20'] as const
/** Three addresses of one /64, and one of another. */
export const clientIpv6 = { same: ['fd77:1::a', 'fd77:1::b', 'fd77:1::c'], other: 'fd77:2::a' } as const

const ip = (...args: string[]): { ok: boolean, text: string } => {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  return { ok: status === 0, text: error?.message ?? stderr.trim() }
}

const must = (...args: string[]): void => {
  const { ok, text } = ip(...args)
  if (!ok) throw new Error(`ip ${args.join(' ')}: ${text}`)
}

/** Why there are no such machines here, or false. */
export function missingNetwork (): string | false {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root: run the tests as root on a disposable machine'
  if (!ip('-V').ok) return 'network namespaces need ip(8): apt-get install iproute2'
  const name = `oc-${process.pid}-t`
  const { ok, text } = ip('netns', 'add', name)
  if (!ok) return `network namespaces are not permitted here (${text}): run with CAP_SYS_ADMIN and CAP_NET_ADMIN`
  const cable = ip('-n', name, 'link', 'add', 'oc0', 'type', 'veth', 'peer', 'name', 'oc1')
  ip('netns', 'del', name)
  return cable.ok ? false : `a veth pair is not permitted here (${cable.text}): run with CAP_NET_ADMIN`
}

export interface Network {
  /** What runs a command on the gateway's machine. */
  readonly gateway: readonly string[]
  /** Does something on the clients' machine. */
  client (order: Omit<RemoteOrder, 'id'>): Promise<any>
}

function connectMachines (gateway: string, clients: string): void {
  for (const name of [gateway, clients]) must('netns', 'add', name)
  must('-n', gateway, 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', clients)
  const settle = (name: string, addresses: readonly string[]): void => {
    for (const address of addresses) must('-n', name, 'address', 'add', address, 'dev', 'cable', ...(address.includes(':') ? ['nodad'] : []))
    for (const device of ['lo', 'cable']) must('-n', name, 'link', 'set', device, 'up')
  }
  settle(gateway, [`${gatewayAddress}/24`, `${gatewayIpv6}/64`, `${gatewayIpv6InOtherNet}/64`])
  settle(clients, [...clientAddresses.map(address => `${address}/24`), ...[...clientIpv6.same, clientIpv6.other].map(address => `${address}/64`)])
}

let networks = 0

export function createNetwork (t: Test): Network {
  const [gateway, clients] = ['g', 'c'].map(letter => `oc-${process.pid}-${networks}${letter}`) as [string, string]
  networks++
  t.teardown(() => { for (const name of [gateway, clients]) ip('netns', 'del', name) })
  connectMachines(gateway, clients)
  return { gateway: ['ip', 'netns', 'exec', gateway], client: startClient(t, ['ip', 'netns', 'exec', clients]) }
}

/** A machine that has a loopback without IPv6 and nothing else. */
export function createLonelyMachine (t: Test): readonly string[] {
  const name = `oc-${process.pid}-${networks++}l`
  t.teardown(() => { ip('netns', 'del', name) })
  must('netns', 'add', name)
  must('-n', name, 'link', 'set', 'lo', 'up')
  must('-n', name, 'address', 'flush', 'dev', 'lo', 'scope', 'host')
  must('-n', name, 'address', 'add', '127.0.0.1/8', 'dev', 'lo')
  return ['ip', 'netns', 'exec', name]
}

function startClient (t: Test, within: readonly string[]): Network['client'] {
  const script = fileURLToPath(new URL('../fixtures/remote-client.ts', import.meta.url))
  const [command, ...before] = [...within, 'env', '-u', 'NODE_OPTIONS', process.execPath, '--disable-warning=ExperimentalWarning', script]
  const child = spawn(command!, before, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const waiting = new Map<number, (answer: unknown) => void>()
  createInterface(child.stdout).on('line', line => {
    const { id, answer } = JSON.parse(line) as { id: number, answer: unknown }
    waiting.get(id)?.(answer)
    waiting.delete(id)
  })
  let nextId = 0
  return order => new Promise(resolve => {
    const id = ++nextId
    waiting.set(id, resolve)
    child.stdin.write(`${JSON.stringify({ ...order, id })}\n`)
  })
}
