/** The service: installed as it should be, running, alone, and there after a boot. */
import { lingerHint, lingers } from '../../service/systemd.ts'
import { ServiceError } from '../../service/names.ts'
import { otherServices } from '../../service/others.ts'
import { nonCanonical, openService, type ServiceSetup } from '../service-setup.ts'
import type { Check, Facts, Finding } from './finding.ts'

/** Somebody else looks after the service: it is looked at and not touched. */
const isExternal = ({ host }: ServiceSetup): boolean =>
  [host.env['OPENCLAW_SERVICE_REPAIR_POLICY'], host.env['OPENCLAW_SUPERVISOR_MODE']].includes('external')

async function drift (setup: ServiceSetup): Promise<Finding[]> {
  const { manager, installed } = setup
  const issues = await setup.issues()
  if (issues.length === 0) return []
  const found: Finding = {
    checkId: 'service.drift',
    severity: issues.some(({ code }) => /missing|embedded|port/.test(code)) ? 'error' : 'warning',
    path: installed!.path,
    message: `${manager.title} ${manager.label}: ${issues.map(({ message }) => message).join('; ')}`,
    fixHint: 'openclaw doctor --fix writes it anew and restarts it, or: openclaw gateway install --force'
  }
  if (isExternal(setup)) return [{ ...found, fixHint: 'OPENCLAW_SERVICE_REPAIR_POLICY=external: whoever looks after the service has to write it anew.' }]
  return [{
    ...found,
    async repair () {
      await manager.install(await setup.repairPlan())
      return `wrote ${installed!.path} anew (the old one is beside it as .bak) and restarted ${manager.label}`
    }
  }]
}

async function condition (setup: ServiceSetup): Promise<Finding[]> {
  const { manager } = setup
  const [loaded, { status, lastExitStatus, lastExitReason }] = await Promise.all([manager.isLoaded(), manager.runtime()])
  const why = [lastExitStatus ? `last exit ${lastExitStatus}` : undefined, lastExitReason].filter(Boolean).join(', ')
  return [
    ...(status === 'stopped'
      ? [{ checkId: 'service.stopped', severity: 'warning' as const, message: `the service is installed and does not run${why ? ` (${why})` : ''}`, fixHint: 'openclaw gateway start' }]
      : []),
    ...(loaded
      ? []
      : [{ checkId: 'service.disabled', severity: 'info' as const, message: 'the service does not start by itself', fixHint: 'openclaw gateway install --force' }])
  ]
}

async function linger ({ host, manager, installed }: ServiceSetup): Promise<Finding[]> {
  if (manager.kind !== 'systemd' || installed!.scope !== 'user' || await lingers(host) !== false) return []
  return [{
    checkId: 'service.linger',
    severity: 'warning',
    message: lingerHint(host),
    fixHint: `sudo loginctl enable-linger ${host.userName}`,
    async repair () {
      const { code, stderr } = await host.run('loginctl', ['enable-linger', host.userName])
      if (code !== 0) throw new ServiceError(`loginctl enable-linger ${host.userName} failed: ${stderr.trim()}`)
      return `the service of ${host.userName} runs without a login from now on`
    }
  }]
}

async function run ({ context }: Facts): Promise<Finding[]> {
  try {
    const setup = await openService(context)
    if (nonCanonical(setup.settings.paths, setup.host) !== undefined && setup.installed?.scope !== 'system') return []
    const others = (await otherServices(setup.host, setup.names, setup.installed?.path)).filter(({ label }) => !/^(openclaw-gateway-|ai\.openclaw\.)/.test(label))
    const beside = others.map(({ label, detail, removal }): Finding => ({
      checkId: 'service.extra',
      severity: 'warning',
      path: detail,
      message: `${label} looks like another gateway; two on one state directory or port keep each other from starting`,
      fixHint: `If it is not wanted: ${removal}`
    }))
    if (!setup.installed) return beside
    return [...await drift(setup), ...await condition(setup), ...await linger(setup), ...beside]
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    // A machine without a supervisor is no fault of the gateway; an installed service that cannot be asked is shown by its status.
    return []
  }
}

export const service: Check = { id: 'service', run }
