import { setTimeout as delay } from 'node:timers/promises'
import { auditFormats, formatEntry } from '../audit-formats.ts'
import { withAudit } from '../audit-source.ts'
import { command, flag, integer, oneOfWords, text } from '../define-command.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { sinceMs } from './audit-list.ts'

const pageEntries = 500

export default command({
  name: 'audit export',
  summary: 'Print the audit log for those who collect logs, the oldest first',
  details: 'One entry per line on stdout. JSON lines are those of the log itself and can be proved by their hashes; syslog is RFC 5424, cef ' +
    'is the Common Event Format. With --after only what is newer comes, so that a job can go on where it stopped.',
  options: {
    ...rpcOptionsWith(30_000),
    format: oneOfWords('format', auditFormats, 'How an entry is written; absent: jsonl'),
    after: integer('seq', 'Only entries behind this one', { min: 0, max: 999_999_999_999 }, 0),
    since: text('duration', 'Only acts of the last so long, e.g. "24h"'),
    follow: flag('Keep going with what happens next'),
    interval: integer('ms', 'How often to ask for more', { min: 100, max: 3_600_000 }, 2000)
  },
  examples: [
    ['openclaw audit export --format syslog --follow | nc siem.example 601', 'What happens, as it happens.'],
    ['openclaw audit export --after 1042 > audit.jsonl', 'What came since the last export.']
  ],
  async run (context) {
    const { out, options: { format = 'jsonl', after, since, follow, interval } } = context
    const from = sinceMs(since, Date.now())
    return await withAudit(context, 'Audit export', async source => {
      let cursor = after
      for (;;) {
        const { entries, next } = await source.acts({ limit: pageEntries, order: 'oldest', cursor, ...from })
        for (const entry of entries) out.line(formatEntry(entry, format))
        cursor = next ?? entries.at(-1)?.seq ?? cursor
        if (out.gone) return 0
        if (next !== undefined) continue
        if (!follow) return 0
        await delay(interval)
      }
    })
  }
})
