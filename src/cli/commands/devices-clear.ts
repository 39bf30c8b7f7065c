import { exitCodes } from '../../lib/exit-codes.ts'
import { command, flag } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import type { DeviceList } from '../device-view.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

const count = (list: readonly unknown[], noun: string): string => `${list.length} ${noun}${list.length === 1 ? '' : 's'}`

export default command({
  name: 'devices clear',
  summary: 'Forget all paired devices',
  details: 'This command line is one of them: its own device goes last.',
  options: { ...rpcOptions, pending: flag('Also reject everything that waits'), yes: flag('Do it without asking') },
  examples: [['openclaw devices clear --yes --pending', 'Begin anew: every device has to pair again.']],
  async run (context) {
    const { options, out } = context
    if (!options.yes) throw new CommandFailure('This forgets every paired device. Repeat the command with --yes to do it.')
    return await withGateway(context, deviceCourse('Devices clear'), async ({ client }) => {
      const { pending, paired } = await client.request('device.pair.list') as DeviceList
      const rejected = options.pending ? pending.map(({ requestId }) => requestId) : []
      for (const requestId of rejected) await client.request('device.pair.reject', { requestId })
      const self = client.deviceId
      const removed = paired.map(({ deviceId }) => deviceId).sort((a, b) => Number(a === self) - Number(b === self))
      for (const deviceId of removed) await client.request('device.pair.remove', { deviceId })
      if (options.json) out.json({ ok: true, removed, rejected })
      else out.line(`Removed ${count(removed, 'paired device')}${options.pending ? `, rejected ${count(rejected, 'request')}` : ''}.`)
      return exitCodes.ok
    })
  }
})
