import { actKinds, actOutcomes, type AuditEntry } from '../../audit/act.ts'
import { escapeControl } from '../../lib/text.ts'
import { parseDuration } from '../../lib/duration.ts'
import { withAudit } from '../audit-source.ts'
import { command, integer, oneOfWords, text, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { table } from '../table.ts'

/** `24h` ago. */
export function sinceMs (given: string | undefined, nowMs: number): { afterMs?: number } {
  if (given === undefined) return {}
  try {
    return { afterMs: Math.max(0, Math.floor(nowMs - parseDuration(given))) }
  } catch {
    throw new UsageError('Invalid --since (use a duration such as "30m", "24h" or "7d")')
  }
}

const factText = ([name, fact]: [string, unknown]): string => `${name}=${Array.isArray(fact) ? fact.join(',') : String(fact)}`

const row = ({ seq, at, act, outcome, code, actor, about = {} }: AuditEntry): string[] => [
  String(seq), at.slice(0, 19).replace('T', ' '), act, code ?? outcome, actor?.principal ?? '-', actor?.address ?? '-',
  Object.entries(about).map(factText).join(' ')
].map(cell => escapeControl(cell, 160))

export default command({
  name: 'audit list',
  summary: 'Show who did what, the newest first',
  details: 'Asks the gateway. When none answers on this machine, its files are read instead. Times are UTC.',
  options: {
    ...rpcOptions,
    limit: integer('n', 'Entries at most', { min: 1, max: 1000 }, 50),
    kind: oneOfWords('kind', actKinds, 'Only acts of this kind'),
    act: text('name', 'Only acts whose name begins so, e.g. "config."'),
    outcome: oneOfWords('outcome', actOutcomes, 'Only acts that went so'),
    principal: text('who', 'Only acts of this principal, e.g. "device:…"'),
    since: text('duration', 'Only acts of the last so long, e.g. "24h"')
  },
  examples: [
    ['openclaw audit list --kind auth --outcome refused --since 24h', 'Who was turned away today.'],
    ['openclaw audit list --act config. --json', 'Changes of the configuration, for programs.']
  ],
  async run (context) {
    const { out, options: { limit, kind, act, outcome, principal, since, json } } = context
    const page = {
      limit,
      ...sinceMs(since, Date.now()),
      ...kind ? { kinds: [kind] } : {},
      ...act ? { act } : {},
      ...outcome ? { outcome } : {},
      ...principal ? { principal } : {}
    }
    return await withAudit(context, 'Audit list', async source => {
      const result = await source.acts(page)
      if (json) out.json(result)
      else if (result.entries.length === 0) out.line('No such acts.')
      else out.line(table(['Seq', 'Time', 'Act', 'Outcome', 'Who', 'From', 'About'], result.entries.map(row)))
      return 0
    })
  }
})
