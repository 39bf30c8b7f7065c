import { command } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'devices reject',
  summary: 'Reject a device that waits for pairing',
  args: [{ name: 'requestId', help: 'Id of the request (openclaw devices list)' }],
  options: rpcOptions,
  examples: [['openclaw devices reject 3f0c5a1e-…', 'The device has to ask again.']],
  run: context => callGateway(
    context, deviceCourse('Devices reject'), 'device.pair.reject', { requestId: required(context.args[0], 'requestId') },
    ({ deviceId }: { deviceId: string }) => context.out.line(`Rejected the request of ${deviceId}.`))
})
