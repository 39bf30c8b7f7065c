import { command } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'devices remove',
  summary: 'Forget a paired device: its tokens end and its connections close',
  args: [{ name: 'deviceId', help: 'Device id (openclaw devices list)' }],
  options: rpcOptions,
  examples: [['openclaw devices remove 9a41…', 'To come back it has to pair again.']],
  run: context => callGateway(
    context, deviceCourse('Devices remove'), 'device.pair.remove', { deviceId: required(context.args[0], 'deviceId') },
    ({ deviceId }: { deviceId: string }) => context.out.line(`Removed ${deviceId}.`))
})
