/** systemd units, written and read. */
import type { ReadDefinition } from './service.ts'
import type { ServicePlan } from './plan.ts'
import { ServiceError } from './names.ts'

const startSeconds = 120
const watchdogSeconds = 180
/** Below this no stop budget goes: whoever raises the drain in the configuration need not install anew. */
const leastStopSeconds = 330
const stopMarginMs = 15_000

const oneLine = (value: string): string => {
  if (/[\r\n\0]/.test(value)) throw new ServiceError('a path or a variable of the service has a line break in it')
  return value.replaceAll('%', '%%')
}

/** One word for systemd; `$` stands for variables in commands alone. */
function quote (value: string): string {
  const safe = oneLine(value)
  return safe === '' || /[\s"'\\;]/.test(safe) ? `"${safe.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : safe
}

const commandWord = (value: string): string => quote(value).replaceAll('$', '$$$$')

export function unitText (plan: ServicePlan): string {
  const { names, notifying, programArguments, workingDirectory, environmentFile, environment, stopBudgetMs, scope, runAs } = plan
  const stopSeconds = Math.max(leastStopSeconds, Math.ceil((stopBudgetMs + stopMarginMs) / 1000))
  return [
    '[Unit]',
    `Description=${oneLine(names.description)}`,
    'After=network-online.target',
    'Wants=network-online.target',
    'StartLimitBurst=10',
    'StartLimitIntervalSec=300',
    '',
    '[Service]',
    // systemd-notify is a child of the gateway, so the gateway's own pid alone would not be enough.
    // What does not answer any more is not asked to leave, either: a process that is frozen would not hear it.
    ...(notifying === 'none' ? ['Type=exec'] : ['Type=notify', 'NotifyAccess=all', `WatchdogSec=${watchdogSeconds}`, 'WatchdogSignal=SIGKILL']),
    ...(notifying === 'socket' ? ['OpenFile=%t/systemd/notify:notify:graceful'] : []),
    ...(runAs === undefined ? [] : [`User=${oneLine(runAs)}`]),
    `ExecStart=${programArguments.map(commandWord).join(' ')}`,
    'Restart=always',
    'RestartSec=5',
    'RestartPreventExitStatus=69 78',
    `TimeoutStopSec=${stopSeconds}`,
    `TimeoutStartSec=${startSeconds}`,
    'SuccessExitStatus=0 143',
    'OOMPolicy=continue',
    'KillMode=mixed',
    'LimitNOFILE=65536',
    // A core file would hold every secret that the process knows.
    'LimitCORE=0',
    'UMask=0077',
    `WorkingDirectory=${oneLine(workingDirectory)}`,
    `EnvironmentFile=-${oneLine(environmentFile)}`,
    ...Object.entries(environment).filter(([, value]) => value !== '').map(([name, value]) => `Environment=${quote(`${name}=${value}`)}`),
    '',
    '[Install]',
    `WantedBy=${scope === 'system' ? 'multi-user.target' : 'default.target'}`,
    ''
  ].join('\n')
}

export interface ReadUnit extends ReadDefinition {
  readonly runAs: string | undefined
}

function words (line: string): string[] {
  const found = line.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)
  return [...found].map(([, quoted, plain]) => (quoted === undefined ? plain! : quoted.replace(/\\(.)/g, '$1')).replaceAll('%%', '%'))
}

export function readUnit (text: string): ReadUnit {
  const valuesOf = (key: string): string[] => [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value!.trim())
  const environment = valuesOf('Environment').flatMap(words).map(pair => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  return {
    programArguments: words(valuesOf('ExecStart').at(-1) ?? '').map(word => word.replaceAll('$$', '$')),
    workingDirectory: valuesOf('WorkingDirectory').at(-1)?.replaceAll('%%', '%'),
    environment: Object.fromEntries(environment),
    runAs: valuesOf('User').at(-1)
  }
}
