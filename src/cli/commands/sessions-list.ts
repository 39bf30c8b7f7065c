import { command, flag, integer, text } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { sessionCourse, sessionListText, type SessionList } from '../session-view.ts'
import { callGateway } from '../with-gateway.ts'

const most = 10_000

export default command({
  name: 'sessions list',
  summary: 'List conversations, the newest first',
  options: {
    ...rpcOptions,
    agent: text('id', 'Only those of this agent'),
    active: integer('minutes', 'Only those that changed in the last minutes', { min: 1, max: 5_256_000 }),
    search: text('text', 'Only those with this text in key, title or label'),
    limit: integer('n', 'How many', { min: 1, max: most }, 100),
    offset: integer('n', 'Leave out so many', { min: 0, max: 1_000_000 }, 0),
    archived: flag('Those that were put away'),
    all: flag('Also those that were put away')
  },
  examples: [
    ['openclaw sessions list', 'One line for each.'],
    ['openclaw sessions list --agent work --active 120 --json', 'What happened in the last two hours, for programs.']
  ],
  run: context => {
    const { agent, active, search, limit, offset, archived, all } = context.options
    return callGateway(context, sessionCourse('Sessions list'), 'sessions.list', {
      limit,
      includeDerivedTitles: true,
      ...(offset > 0 ? { offset } : {}),
      ...(agent === undefined ? {} : { agentId: agent }),
      ...(active === undefined ? {} : { activeMinutes: active }),
      ...(search === undefined ? {} : { search }),
      ...(all ? { archived: 'all' as const } : archived ? { archived: true } : {})
    }, (list: SessionList) => context.out.line(sessionListText(list, Date.now())))
  }
})
