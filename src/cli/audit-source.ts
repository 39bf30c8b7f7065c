/** Where `audit` reads from: the gateway, or its files when there is none on this machine. */
import type { AuditPage, AuditPageResult, AuditReport } from '../audit/act.ts'
import type { CommandContext } from './define-command.ts'
import { reportFailure } from './failure.ts'
import { withGateway, type RpcFlags } from './with-gateway.ts'

export interface AuditSource {
  acts (page: AuditPage): Promise<AuditPageResult>
  verify (head?: string): Promise<AuditReport>
}

async function filesOf (stateDir: string): Promise<AuditSource> {
  const [{ auditPlaces }, { readAudit }, { verifyAudit, linkOf }] = await Promise.all([
    import('../audit/segments.ts'), import('../audit/read.ts'), import('../audit/verify.ts')
  ])
  const places = auditPlaces(stateDir)
  return { acts: page => readAudit(places, page), verify: head => verifyAudit(places, linkOf(head)) }
}

/** What somebody may have tampered with must be readable without the program that it is about. */
export async function withAudit (
  context: CommandContext<RpcFlags>, doing: string, body: (source: AuditSource) => Promise<number>
): Promise<number> {
  const { out, options: { json } } = context
  return await withGateway(context, {
    doing,
    administrative: true,
    async elsewhere ({ paths }) {
      out.note('No gateway answers here; reading its files.')
      return await filesOf(paths.stateDir).then(body).catch((error: unknown) => reportFailure(error, { out, json, doing }))
    }
  }, ({ client }) => body({
    acts: page => client.request('audit.acts', page as never) as unknown as Promise<AuditPageResult>,
    verify: head => client.request('audit.verify', head === undefined ? {} : { head }) as unknown as Promise<AuditReport>
  }))
}
