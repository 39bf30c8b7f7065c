/** The port, the clock and Node itself. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describeHolder, findPortHolder } from '../../lib/port-holder.ts'
import type { Check, Finding } from './finding.ts'

export const port: Check = {
  id: 'port',
  async run ({ settings, owner }) {
    const holders = await findPortHolder(settings.port)
    const strangers = holders.filter(({ pid }) => owner === undefined || pid !== owner.pid)
    if (strangers.length === 0 || holders.length > strangers.length) return []
    return [{
      checkId: 'port.taken',
      severity: owner === undefined ? 'error' : 'warning',
      message: `port ${settings.port} belongs to somebody else: ${strangers.slice(0, 3).map(describeHolder).join('; ')}`,
      fixHint: 'End that process, or choose another port: openclaw config set gateway.port N'
    }]
  }
}

const maxSkewMs = 5 * 60_000
/** Older than this program: what runs with such a clock distrusts every certificate and forgets what it just stored. */
const leastYear = 2025

export const clock: Check = {
  id: 'clock',
  async run ({ settings, context }) {
    const now = Date.now()
    const finding = (checkId: string, severity: Finding['severity'], message: string): Finding =>
      ({ checkId, severity, message, fixHint: 'Set the clock, and let it be kept right: timedatectl set-ntp true' })
    if (new Date(now).getFullYear() < leastYear) return [finding('clock.past', 'error', `the clock says ${new Date(now).toISOString()}`)]
    const newest = await stat(join(settings.paths.stateDir, 'state.sqlite')).then(({ mtimeMs }) => mtimeMs, () => 0)
    if (newest > now + maxSkewMs) {
      return [finding('clock.went-back', 'warning', `the database was written in the future (${new Date(newest).toISOString()}): the clock went back`)]
    }
    const host = context.io.serviceHost ?? (await import('../../service/host.ts')).thisHost(context.io.env)
    if (host.platform !== 'linux') return []
    const { code, stdout } = await host.run('timedatectl', ['show', '--property=NTP,NTPSynchronized'], 3_000)
    if (code !== 0 || !/^NTP=no$/m.test(stdout) || !/^NTPSynchronized=no$/m.test(stdout)) return []
    return [finding('clock.unsynchronized', 'info', 'nothing keeps the clock of this machine right')]
  }
}

export const node: Check = {
  id: 'node',
  async run () {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    const install = 'Install Node 24 (the LTS), then: openclaw gateway install --force'
    if (major < 22 || (major === 22 && minor < 19)) {
      return [{ checkId: 'node.old', severity: 'error', message: `Node ${process.versions.node} is too old: 22.19 is the oldest`, fixHint: install }]
    }
    if (major % 2 === 0) return []
    return [{ checkId: 'node.short-lived', severity: 'info', message: `Node ${major} gets no fixes for long: it is no LTS`, fixHint: install }]
  }
}
