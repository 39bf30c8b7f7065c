/** The whole audit, for its own command and for `status --all`. */
import { secretName } from '../../service/drift.ts'
import { ServiceError } from '../../service/names.ts'
import type { CommandContext } from '../define-command.ts'
import type { LocalSettings } from '../local-settings.ts'
import { nonCanonical, openService } from '../service-setup.ts'
import { auditFiles } from './files.ts'
import { exposureOf, type AuditFinding, type AuditSeverity, type Credentials } from './finding.ts'
import { auditGateway } from './gateway.ts'
import { auditSurfaces } from './surfaces.ts'

export type Summary = { readonly [severity in AuditSeverity]: number }

async function auditService (context: Pick<CommandContext, 'global' | 'io'>): Promise<AuditFinding[]> {
  try {
    const { installed, settings, host, manager } = await openService(context)
    if (!installed || nonCanonical(settings.paths, host) !== undefined) return []
    const embedded = Object.keys(installed.environment).filter(name => secretName.test(name))
    if (embedded.length === 0) return []
    return [{
      checkId: 'service.token_embedded',
      severity: 'critical',
      title: 'The service holds a secret',
      detail: `${installed.path} of ${manager.label} sets ${embedded.join(', ')}, which everybody who may list services can read.`,
      remediation: 'openclaw gateway install --force, and put the secret into the .env of the state directory.'
    }]
  } catch (error) {
    if (error instanceof ServiceError) return []
    throw error
  }
}

const order: readonly AuditSeverity[] = ['critical', 'warn', 'info']

export async function audit (context: Pick<CommandContext, 'global' | 'io'>, settings: LocalSettings, flags: Credentials = {}): Promise<AuditFinding[]> {
  const exposure = exposureOf(settings, flags)
  const found = [
    ...await auditFiles(settings), ...auditGateway(settings, exposure), ...auditSurfaces(settings, exposure), ...await auditService(context)
  ]
  return found.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
}

export function summarize (findings: readonly AuditFinding[]): Summary {
  const count = (severity: AuditSeverity): number => findings.filter(finding => finding.severity === severity).length
  return { critical: count('critical'), warn: count('warn'), info: count('info') }
}

export const summaryText = ({ critical, warn, info }: Summary): string => `${critical} critical · ${warn} warn · ${info} info`
