import { command, text } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

const maxLabelCharacters = 64

export default command({
  name: 'devices rename',
  summary: 'Give a paired device a name of your own',
  options: { ...rpcOptions, device: text('id', 'Device id'), name: text('label', `The name, at most ${maxLabelCharacters} characters`) },
  examples: [['openclaw devices rename --device 9a41… --name "Kitchen tablet"', 'Shown instead of what the device calls itself.']],
  async run (context) {
    const deviceId = required(context.options.device, '--device')
    const label = required(context.options.name?.trim(), '--name')
    return await callGateway(context, deviceCourse('Devices rename'), 'device.pair.rename', { deviceId, label },
      () => context.out.line(`Renamed ${deviceId} to "${label}".`))
  }
})
