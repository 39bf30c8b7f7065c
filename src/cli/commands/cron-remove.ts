import { cronCourse } from '../cron-view.ts'
import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { exitCodes } from '../../lib/exit-codes.ts'
import { required, withGateway } from '../with-gateway.ts'

export default command({
  name: 'cron remove',
  summary: 'Take a job away; a run of it that is under way is ended',
  args: [{ name: 'id', help: 'Id of the job' }],
  options: rpcOptions,
  examples: [['openclaw cron remove 6f1c…', 'Its runs stay in the history.']],
  run: context => withGateway(context, cronCourse('Cron remove'), async ({ client }) => {
    const answer = await client.request('cron.remove', { id: required(context.args[0], '<id>') }) as { removed?: boolean }
    if (context.options.json) context.out.json(answer)
    else context.out.line(answer.removed ? 'Removed.' : 'There is no such job; see openclaw cron list --all.')
    return answer.removed ? 0 : exitCodes.failed
  })
})
