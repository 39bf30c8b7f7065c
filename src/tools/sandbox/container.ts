/** One command as a container: what the engine is told about it. */
import { securityOptions } from './engine.ts'
import type { SandboxPlan } from './plan.ts'
import { SandboxUnavailable } from './refusal.ts'

export interface ContainerOptions {
  readonly plan: SandboxPlan
  readonly command: string
  readonly cwd: string
  readonly env: { readonly [name: string]: string }
  readonly hasInput: boolean
  readonly labels: { readonly [name: string]: string }
}

export const defaultImage = 'debian:bookworm-slim'
const units: { readonly [unit: string]: number } = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

export function bytesOf (size: unknown): number | undefined {
  if (typeof size === 'number') return size
  const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)b?$/i.exec(typeof size === 'string' ? size.trim() : '') ?? []
  return count === undefined ? undefined : Math.floor(Number(count) * units[unit!.toLowerCase()]!)
}

const texts = (value: unknown): string[] => Array.isArray(value) ? value.filter(entry => typeof entry === 'string') : []
const textOr = (value: unknown, otherwise: string): string => typeof value === 'string' && value !== '' ? value : otherwise

/** The container must not share what it is there to be kept from. */
function networkOf (docker: { readonly [name: string]: unknown }): string {
  const network = textOr(docker['network'], 'none')
  if (network === 'host' || network.startsWith('container:')) {
    throw new SandboxUnavailable(`sandbox.docker.network "${network}" would be that of somebody else`, 'Use "none", "bridge" or a network of its own.')
  }
  return network
}

function limitsOf (docker: { readonly [name: string]: unknown }): object {
  const { memory, memorySwap, cpus, pidsLimit } = docker
  const [bytes, swap] = [bytesOf(memory), bytesOf(memorySwap)]
  return {
    ...bytes === undefined ? {} : { Memory: bytes },
    ...swap === undefined ? {} : { MemorySwap: swap },
    ...typeof cpus === 'number' ? { NanoCpus: Math.floor(cpus * 1e9) } : {},
    PidsLimit: typeof pidsLimit === 'number' && pidsLimit > 0 ? pidsLimit : 256
  }
}

async function hostConfig ({ mounts, masks, settings: { docker } }: SandboxPlan): Promise<object> {
  const scratch = texts(docker['tmpfs']).length > 0 ? texts(docker['tmpfs']) : ['/tmp', '/var/tmp', '/run']
  const hidden = masks.filter(({ kind }) => kind === 'directory').map(({ target }) => [target, 'ro,size=4k'] as const)
  const files = masks.filter(({ kind }) => kind === 'file').map(({ target }) => ({ Type: 'bind', Source: '/dev/null', Target: target, ReadOnly: true }))
  return {
    Mounts: [...mounts.map(({ source, target, access }) => ({ Type: 'bind', Source: source, Target: target, ReadOnly: access === 'ro' })), ...files],
    Tmpfs: Object.fromEntries([...scratch.map(entry => [entry.split(':')[0]!, entry.split(':')[1] ?? 'rw,nosuid,nodev,size=512m'] as const), ...hidden]),
    NetworkMode: networkOf(docker),
    ReadonlyRootfs: docker['readOnlyRoot'] !== false,
    CapDrop: texts(docker['capDrop']).length > 0 ? texts(docker['capDrop']) : ['ALL'],
    SecurityOpt: await securityOptions(docker),
    Privileged: false,
    Init: true,
    IpcMode: 'private',
    AutoRemove: false,
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'none' },
    ...limitsOf(docker)
  }
}

function userOf (docker: { readonly [name: string]: unknown }): string {
  const [uid, gid] = [process.getuid?.() ?? 1000, process.getgid?.() ?? 1000]
  // Files of the workspace belong to the user of the gateway; as root nobody should work in there.
  return textOr(docker['user'], uid === 0 ? '1000:1000' : `${uid}:${gid}`)
}

export async function containerSpec ({ plan, command, cwd, env, hasInput, labels }: ContainerOptions): Promise<object> {
  const { docker } = plan.settings
  const given = docker['env'] !== null && typeof docker['env'] === 'object' ? docker['env'] as { [name: string]: unknown } : {}
  const { PATH: _, ...own } = env
  const variables = { HOME: '/tmp', ...own, ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)])) }
  return {
    Image: textOr(docker['image'], defaultImage),
    Cmd: ['/bin/sh', '-c', command],
    Entrypoint: [],
    WorkingDir: cwd,
    Env: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    User: userOf(docker),
    Hostname: 'sandbox',
    Tty: false,
    OpenStdin: hasInput,
    StdinOnce: hasInput,
    AttachStdin: hasInput,
    AttachStdout: true,
    AttachStderr: true,
    Labels: labels,
    HostConfig: await hostConfig(plan)
  }
}
