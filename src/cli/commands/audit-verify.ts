import { exitCodes } from '../../lib/exit-codes.ts'
import { withAudit } from '../audit-source.ts'
import { command, text, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'

export default command({
  name: 'audit verify',
  summary: 'Prove that no entry of the audit log was changed, put in or taken out',
  details: 'Exit code 1 when something is not as it was written. Whoever can write the state directory can replace the whole log and its ' +
    'head: keep the head that this prints somewhere else, and give it back with --head.',
  options: { ...rpcOptions, head: text('seq:hash', 'A head that an earlier call has printed: entries up to it must still be the same') },
  examples: [
    ['openclaw audit verify', 'Every entry, and the head, which is kept apart from them.'],
    ['openclaw audit verify --head 1042:Zk3…', 'The same, against what you kept elsewhere.']
  ],
  async run (context) {
    const { out, options: { head, json } } = context
    if (head !== undefined && !/^\d{1,15}:[\w-]{43}$/.test(head)) throw new UsageError('Invalid --head (use <seq>:<hash> as audit verify printed it)')
    return await withAudit(context, 'Audit verify', async source => {
      const report = await source.verify(head)
      if (json) out.json(report)
      else {
        const { ok, entries, first, last, problems } = report
        out.line(ok ? `Whole: ${entries} entries${first === undefined ? '' : `, ${first} to ${last}`}.` : `Not whole: ${problems.length} problems in ${entries} entries.`)
        for (const { file, seq, problem } of problems) out.line(`  ${file}${seq === undefined ? '' : ` entry ${seq}`}: ${problem}`)
        if (report.head) out.line(`Head: ${report.head}`)
      }
      return report.ok ? exitCodes.ok : exitCodes.failed
    })
  }
})
