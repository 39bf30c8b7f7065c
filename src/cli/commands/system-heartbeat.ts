import { command, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { ago } from '../table.ts'
import { escapeControl } from '../../lib/text.ts'
import { callGateway } from '../with-gateway.ts'

interface Beat {
  readonly ts: number
  readonly agentId?: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly preview?: string
}

function lastText (beat: Beat | null): string {
  if (beat?.ts === undefined) return 'There was no heartbeat since the gateway started.'
  const why = beat.message ?? beat.preview ?? beat.reason
  return `${beat.status} ${ago(beat.ts, Date.now())}${beat.agentId ? ` (${beat.agentId})` : ''}${why ? `: ${escapeControl(why, 400)}` : ''}`
}

export default command({
  name: 'system heartbeat',
  summary: 'Show the last heartbeat (last), or switch heartbeats on (enable) or off (disable)',
  args: [{ name: 'action', help: 'last, enable or disable' }],
  options: rpcOptions,
  examples: [
    ['openclaw system heartbeat last', 'How the last one went.'],
    ['openclaw system heartbeat disable', 'Until they are enabled again, also over a restart.']
  ],
  run: async context => {
    const [action = ''] = context.args
    const course = { doing: 'System heartbeat', administrative: true } as const
    if (action === 'last') return await callGateway(context, course, 'last-heartbeat', {}, (beat: Beat | null) => context.out.line(lastText(beat)))
    if (action !== 'enable' && action !== 'disable') throw new UsageError('Use last, enable or disable')
    return await callGateway(context, course, 'set-heartbeats', { enabled: action === 'enable' },
      ({ enabled }: { enabled: boolean }) => context.out.line(enabled ? 'Heartbeats are on.' : 'Heartbeats are off.'))
  }
})
