/** Other services that look like gateways: left behind by an earlier name, another profile, or somebody's own unit. */
import { posix } from 'node:path'
import type { ServiceHost } from './host.ts'
import type { ServiceNames } from './names.ts'

export interface OtherService {
  readonly label: string
  readonly detail: string
}

const looksLikeGateway = /openclaw|clawdbot|moltbot/i
const isNode = /node/i

async function inDirectory ({ files }: ServiceHost, directory: string, ending: string, own: string): Promise<OtherService[]> {
  const named = (await files.list(directory)).filter(name => name.endsWith(ending) && name !== own)
  const found = named.filter(name => looksLikeGateway.test(name) && !isNode.test(name))
  return found.map(name => ({ label: name.slice(0, -ending.length), detail: posix.join(directory, name) }))
}

async function tasks (host: ServiceHost, own: string): Promise<OtherService[]> {
  const { stdout } = await host.run('schtasks', ['/Query', '/FO', 'CSV', '/NH'])
  const names = [...stdout.matchAll(/^"\\?([^"]+)"/gm)].map(([, name]) => name!)
  return [...new Set(names)].filter(name => looksLikeGateway.test(name) && !isNode.test(name) && name !== own)
    .map(label => ({ label, detail: 'Scheduled Task' }))
}

export async function otherServices (host: ServiceHost, { unit, label, task }: ServiceNames): Promise<OtherService[]> {
  if (host.platform === 'win32') return await tasks(host, task)
  if (host.platform === 'darwin') return await inDirectory(host, posix.join(host.homeDir, 'Library', 'LaunchAgents'), '.plist', `${label}.plist`)
  const own = posix.join(host.homeDir, '.config', 'systemd', 'user')
  const all = await Promise.all([inDirectory(host, own, '.service', unit), inDirectory(host, '/etc/systemd/system', '.service', unit)])
  return all.flat()
}
