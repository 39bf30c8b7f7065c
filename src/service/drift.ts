/** Where an installed service differs from what an installation would write now. */
import type { ServiceHost } from './host.ts'
import type { InstalledService, ServiceManager } from './service.ts'
import type { ServicePlan } from './plan.ts'

export interface ServiceIssue {
  readonly code: string
  readonly message: string
}

export const secretName = /(TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY|PRIVATE_?KEY)$/i

const portOf = (words: readonly string[]): string | undefined => words[words.indexOf('--port') + 1]

function commandIssues (installed: InstalledService, plan: ServicePlan): ServiceIssue[] {
  const there = installed.programArguments
  if (!there.includes('gateway')) return [{ code: 'gateway-command-missing', message: 'it does not run `gateway`' }]
  const [port, wanted] = [portOf(there), portOf(plan.programArguments)]
  return [
    ...(port === wanted ? [] : [{ code: 'gateway-port-mismatch', message: `it runs on port ${port ?? 'unknown'}, and the configuration says ${wanted}` }]),
    ...(there[0] === plan.programArguments[0] ? [] : [{ code: 'gateway-runtime-path', message: `it runs ${there[0]}, and this is ${plan.programArguments[0]}` }]),
    ...(there.slice(1).filter(word => word !== port).join('\0') === plan.programArguments.slice(1).filter(word => word !== wanted).join('\0')
      ? []
      : [{ code: 'gateway-entrypoint-mismatch', message: `it runs ${there.slice(1).join(' ')}, and this is ${plan.programArguments.slice(1).join(' ')}` }])
  ]
}

function environmentIssues (installed: InstalledService, plan: ServicePlan): ServiceIssue[] {
  const embedded = Object.keys(installed.environment).filter(name => secretName.test(name))
  const names = new Set([...Object.keys(plan.environment), ...Object.keys(installed.environment)])
  const differing = [...names].filter(name => !embedded.includes(name) && name !== 'OPENCLAW_GATEWAY_PORT' &&
    plan.environment[name] !== installed.environment[name])
  return [
    ...embedded.map(name => ({ code: 'gateway-token-embedded', message: `it holds the secret ${name}, which everybody who may list services can read` })),
    ...differing.map(name => ({ code: 'gateway-environment-mismatch', message: `${name} differs from what an installation would set` }))
  ]
}

/** The settings of a unit by name; a line more or less matters as much as another value. */
function settingsIssues (text: string, wanted: string): ServiceIssue[] {
  const known = /^(ExecStart|Environment)=/
  const linesOf = (unit: string): string[] => unit.split(/\r?\n/).map(line => line.trim()).filter(line => /^\w+=/.test(line) && !known.test(line))
  const [there, expected] = [linesOf(text), linesOf(wanted)]
  const differing = [...there.filter(line => !expected.includes(line)), ...expected.filter(line => !there.includes(line))]
  const names = new Set(differing.map(line => line.split('=')[0]!))
  return [...names].map(name => ({ code: 'service-setting-mismatch', message: `${name} differs from what an installation would write` }))
}

async function programIssues ({ files }: ServiceHost, { programArguments }: InstalledService): Promise<ServiceIssue[]> {
  const missing: ServiceIssue[] = []
  for (const path of programArguments.slice(0, 2).filter(word => /[\\/]/.test(word))) {
    if (!await files.exists(path)) missing.push({ code: 'gateway-program-missing', message: `${path}, which it runs, is not there any more` })
  }
  return missing
}

export async function serviceIssues (
  host: ServiceHost, manager: ServiceManager, installed: InstalledService, plan: ServicePlan
): Promise<ServiceIssue[]> {
  const [main] = manager.files(plan)
  const named = [...await programIssues(host, installed), ...commandIssues(installed, plan), ...environmentIssues(installed, plan)]
  if (installed.text === main!.text) return named
  const settings = manager.kind === 'systemd' ? settingsIssues(installed.text, main!.text) : []
  const all = [...named, ...settings]
  return all.length > 0 ? all : [{ code: 'service-definition-mismatch', message: 'its definition differs from what an installation would write' }]
}
