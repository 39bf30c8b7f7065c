import { command, oneOfWords, text, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'system event',
  summary: 'Tell an agent something, now or with its next heartbeat',
  options: {
    ...rpcOptions,
    text: text('text', 'What it is told'),
    mode: oneOfWords('mode', ['now', 'next-heartbeat'], 'When; absent: next-heartbeat'),
    agent: text('id', 'Which agent; absent: the default one'),
    sessionKey: text('key', 'Another conversation than the main one; it hears of it at once')
  },
  examples: [['openclaw system event --text "The backup is done" --mode now', 'Wakes the agent.']],
  run: context => {
    const { text: words, mode = 'next-heartbeat', agent, sessionKey } = context.options
    if (words === undefined || words.trim() === '') throw new UsageError('--text is required')
    return callGateway(context, { doing: 'System event', administrative: true }, 'wake', {
      mode, text: words, ...(agent === undefined ? {} : { agentId: agent }), ...(sessionKey === undefined ? {} : { sessionKey })
    }, () => context.out.line('ok'))
  }
})
