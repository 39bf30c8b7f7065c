/** LaunchAgents of macOS. A stop unloads the agent, because launchd would start again what merely ended. */
import { dirname, posix } from 'node:path'
import type { Ran } from './host.ts'
import { lastLine, writeFiles, type ManagerOptions, type ServiceManager } from './service.ts'
import { ServiceError } from './names.ts'
import { launchdLogs, plistText, readPlist } from './plist-text.ts'

const unloadTries = 60
const unloadIntervalMs = 500
const notThere = /Could not find (?:specified )?service|No such process|not find service/i
const pause = (ms: number): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms) })

export async function createLaunchd ({ host, names: { label }, scope }: ManagerOptions): Promise<ServiceManager> {
  if (scope === 'system') throw new ServiceError('--system is for systemd', ['Leave it out: on macOS the gateway is a LaunchAgent of its user.'])
  const domain = `gui/${host.uid}`
  const target = `${domain}/${label}`
  const path = posix.join(host.homeDir, 'Library', 'LaunchAgents', `${label}.plist`)
  const launchctl = (...args: string[]): Promise<Ran> => host.run('launchctl', args, 40_000)

  async function mustSucceed (...args: string[]): Promise<void> {
    const { code, stderr } = await launchctl(...args)
    if (code === 0) return
    throw new ServiceError(`launchctl ${args.join(' ')} failed: ${lastLine(stderr) || `exit code ${code ?? 'none'}`}`, [
      'A LaunchAgent needs a session of its user at the screen: log in there, or connect to it, and repeat.'
    ])
  }

  const isLoaded = async (): Promise<boolean> => (await launchctl('print', target)).code === 0

  /** The agent goes on for a while after bootout has returned, and a bootstrap in that time fails. */
  async function unload (): Promise<void> {
    const { code, stderr } = await launchctl('bootout', target)
    if (code !== 0 && !notThere.test(stderr) && await isLoaded()) throw new ServiceError(`launchctl bootout ${target} failed: ${lastLine(stderr)}`)
    for (let tries = 0; tries < unloadTries && await isLoaded(); tries++) await pause(unloadIntervalMs)
  }

  async function load (): Promise<void> {
    await mustSucceed('enable', target)
    await mustSucceed('bootstrap', domain, path)
  }

  const manager: ServiceManager = {
    kind: 'launchd',
    title: 'LaunchAgent',
    label,
    loadedText: 'loaded',
    notLoadedText: 'not loaded',
    files: plan => [{ path, text: plistText(plan), mode: 0o644 }],
    async find () {
      const text = (await host.files.read(path))?.toString('utf8')
      return text === undefined ? undefined : { path, scope: 'user', text, ...readPlist(text) }
    },
    isLoaded,
    async runtime () {
      const { code, stdout } = await launchctl('print', target)
      if (code !== 0) return { status: 'stopped', state: 'not loaded' }
      const state = /^\s*state = (.+)$/m.exec(stdout)?.[1]?.trim()
      const pid = Number(/^\s*pid = (\d+)$/m.exec(stdout)?.[1])
      const last = /^\s*last exit code = (\d+)/m.exec(stdout)?.[1]
      return {
        status: state === 'running' || pid > 0 ? 'running' : 'stopped',
        ...(state ? { state } : {}),
        ...(pid > 0 ? { pid } : {}),
        ...(last === undefined ? {} : { lastExitStatus: Number(last) })
      }
    },
    async install (plan) {
      const { out } = launchdLogs(host.homeDir, plan.environment['OPENCLAW_PROFILE'])
      // launchd does not make the directory of its log, and then starts nothing.
      await host.files.write(posix.join(dirname(out), '.keep'), '', 0o600)
      await unload()
      await writeFiles(host, manager.files(plan))
      await load()
      return []
    },
    async uninstall () {
      await unload()
      await host.files.remove(path)
    },
    async start () {
      if (!await isLoaded()) await load()
      await mustSucceed('kickstart', target)
    },
    async stop ({ disable }) {
      if (disable) await mustSucceed('disable', target)
      await unload()
    },
    async restart () {
      if (!await isLoaded()) return await load()
      // In one step: between a stop and a start nobody would be there to start.
      await mustSucceed('kickstart', '-k', target)
    }
  }
  return manager
}
