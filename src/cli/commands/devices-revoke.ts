import { command, text } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'devices revoke',
  summary: 'Take the token of a role away from a device',
  options: { ...rpcOptions, device: text('id', 'Device id'), role: text('role', 'Role of the token (operator, node)') },
  examples: [['openclaw devices revoke --device 9a41… --role node', 'Its connections with that token close within a second.']],
  async run (context) {
    const { device, role } = context.options
    const params = { deviceId: required(device, '--device'), role: required(role, '--role') }
    return await callGateway(context, deviceCourse('Devices revoke'), 'device.token.revoke', params,
      () => context.out.line(`Revoked the ${params.role} token of ${params.deviceId}.`))
  }
})
