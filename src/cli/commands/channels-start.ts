import { exitCodes } from '../../lib/exit-codes.ts'
import { accountOptions, channelArgument, meantAccount } from '../channel-course.ts'
import { channelCourse } from '../channel-view.ts'
import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

interface Answer {
  readonly channel: string
  readonly accountId: string
  readonly started: boolean
  readonly outcome: { readonly status: string, readonly reason?: string, readonly problem?: string }
}

function said ({ channel, accountId, started, outcome }: Answer): string {
  const name = `${channel} account ${accountId}`
  if (outcome.status === 'retry') return `${name} runs already.`
  if (started) return `Started ${name}.`
  const why = outcome.problem ?? (outcome.reason === 'disabled' ? 'it is switched off in the configuration' : 'openclaw channels status says how it is')
  return `${name} does not run: ${why}`
}

export default command({
  name: 'channels start',
  summary: 'Begin an account of a channel, also one that was stopped by hand',
  details: 'Ends with exit code 1 when it does not run afterwards.',
  args: [channelArgument],
  options: { ...rpcOptions, ...accountOptions },
  examples: [['openclaw channels start --channel telegram', 'Its earlier trouble is forgotten.']],
  run: async context => {
    const place = await meantAccount(context)
    return await withGateway(context, channelCourse('Channels start'), async ({ client }) => {
      const answer = await client.request('channels.start', place) as unknown as Answer
      if (context.options.json) context.out.json(answer)
      else context.out.line(said(answer))
      return answer.started ? exitCodes.ok : exitCodes.failed
    })
  }
})
