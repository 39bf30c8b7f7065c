/** Other services that look like gateways: left behind by an earlier name, another profile, or somebody's own unit. */
import { posix } from 'node:path'
import type { ServiceHost } from './host.ts'
import type { ServiceNames } from './names.ts'

export interface OtherService {
  readonly label: string
  readonly detail: string
  /** The command that takes it away. */
  readonly removal: string
}

const looksLikeGateway = /openclaw|clawdbot|moltbot/i
const isNode = /node/i

interface Place {
  readonly directory: string
  readonly ending: '.service' | '.plist'
  removal (label: string, path: string): string
}

async function inPlace ({ files }: ServiceHost, { directory, ending, removal }: Place, own: string | undefined): Promise<OtherService[]> {
  const named = (await files.list(directory)).filter(name => name.endsWith(ending) && looksLikeGateway.test(name) && !isNode.test(name))
  return named.map(name => posix.join(directory, name)).filter(path => path !== own).map(path => {
    const label = posix.basename(path, ending)
    return { label, detail: path, removal: removal(label, path) }
  })
}

async function tasks (host: ServiceHost, own: string): Promise<OtherService[]> {
  const { stdout } = await host.run('schtasks', ['/Query', '/FO', 'CSV', '/NH'])
  const names = [...stdout.matchAll(/^"\\?([^"]+)"/gm)].map(([, name]) => name!)
  return [...new Set(names)].filter(name => looksLikeGateway.test(name) && !isNode.test(name) && name !== own)
    .map(label => ({ label, detail: 'Scheduled Task', removal: `schtasks /Delete /F /TN "${label}"` }))
}

function macPlaces ({ homeDir, uid }: ServiceHost): Place[] {
  return [
    {
      directory: posix.join(homeDir, 'Library', 'LaunchAgents'),
      ending: '.plist',
      removal: (label, path) => `launchctl bootout gui/${uid}/${label}; rm '${path}'`
    },
    ...['/Library/LaunchAgents', '/Library/LaunchDaemons'].map((directory): Place => ({
      directory, ending: '.plist', removal: (label, path) => `sudo launchctl bootout system/${label}; sudo rm '${path}'`
    }))
  ]
}

function unitPlaces ({ env, homeDir }: ServiceHost): Place[] {
  const ofUser = posix.join(env['XDG_CONFIG_HOME'] || posix.join(homeDir, '.config'), 'systemd', 'user')
  return [
    { directory: ofUser, ending: '.service', removal: (label, path) => `systemctl --user disable --now ${label}; rm '${path}'` },
    ...['/etc/systemd/system', '/usr/local/lib/systemd/system', '/usr/lib/systemd/system'].map((directory): Place => ({
      directory, ending: '.service', removal: (label, path) => `sudo systemctl disable --now ${label}; sudo rm '${path}'`
    }))
  ]
}

/** `own` is the file of the installed service: one of the same name elsewhere is another one. */
export async function otherServices (host: ServiceHost, { task }: ServiceNames, own: string | undefined): Promise<OtherService[]> {
  if (host.platform === 'win32') return await tasks(host, task)
  const places = host.platform === 'darwin' ? macPlaces(host) : unitPlaces(host)
  return (await Promise.all(places.map(place => inPlace(host, place, own)))).flat()
}
