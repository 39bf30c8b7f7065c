import { command, flag, text } from '../define-command.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { sessionCourse } from '../session-view.ts'
import { table } from '../table.ts'
import { callGateway } from '../with-gateway.ts'

interface Cleanup {
  mode: string
  applied: boolean
  beforeCount: number
  afterCount: number
  pruned: number
  archived: number
  archivesRemoved: number
  steps: Array<{ key: string, action: string }>
}

const summary = ({ applied, beforeCount, pruned, archived, archivesRemoved, mode }: Cleanup): string => {
  const what = `${pruned} deleted, ${archived} put away, ${archivesRemoved} old archives removed`
  if (applied) return `Of ${beforeCount} sessions: ${what}.`
  const why = mode === 'warn' ? ' (session.maintenance.mode is "warn"; --enforce does it)' : ''
  return `Of ${beforeCount} sessions it would be: ${what}${why}.`
}

export default command({
  name: 'sessions cleanup',
  summary: 'Do now what session.maintenance does by itself',
  options: {
    ...rpcOptionsWith(60_000),
    dryRun: flag('Only say what would be done'),
    enforce: flag('Do it also where the configuration only warns'),
    agent: text('id', 'Only sessions of this agent'),
    activeKey: text('key', 'Leave this one alone')
  },
  examples: [
    ['openclaw sessions cleanup --dry-run', 'A table of what would go.'],
    ['openclaw sessions cleanup --enforce', 'Does it.']
  ],
  run: context => {
    const { dryRun, enforce, agent, activeKey } = context.options
    return callGateway(context, sessionCourse('Sessions cleanup'), 'sessions.cleanup', {
      ...(dryRun ? { dryRun } : {}),
      ...(enforce ? { enforce } : {}),
      ...(agent === undefined ? {} : { agent }),
      ...(activeKey === undefined ? {} : { activeKey })
    }, (report: Cleanup) => {
      if (!report.applied && report.steps.length > 0) {
        context.out.line(`${table(['Action', 'Key'], report.steps.map(({ action, key }) => [action, key]))}\n`)
      }
      context.out.line(summary(report))
    })
  }
})
