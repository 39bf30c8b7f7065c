import { command, text, texts, unset, UsageError } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { keepDeviceToken } from '../open-gateway.ts'
import { rpcOptions } from '../rpc-options.ts'
import { required, withGateway } from '../with-gateway.ts'

interface Rotated {
  deviceId: string
  role: string
  scopes: string[]
  token?: string
  tokenDelivery?: string
}

export default command({
  name: 'devices rotate',
  summary: 'Replace the token of a device; the old one ends at once',
  details: 'The new token itself goes only to the device that owns it, when it connects the next time.',
  options: {
    ...rpcOptions,
    device: text('id', 'Device id'),
    role: text('role', 'Role of the token (operator, node)'),
    scope: texts('scope', 'A scope of the new token; may be repeated'),
    scopes: unset('A token without any scope')
  },
  examples: [['openclaw devices rotate --device 9a41… --role operator --scope operator.read', 'And narrow it to reading.']],
  async run (context) {
    const { device, role, scope, scopes } = context.options
    if (scope && !scopes) throw new UsageError('--scope and --no-scopes exclude each other')
    const wanted = scopes ? scope : []
    const params = { deviceId: required(device, '--device'), role: required(role, '--role'), ...(wanted ? { scopes: wanted } : {}) }
    return await withGateway(context, deviceCourse('Devices rotate'), async ({ client, settings }) => {
      const { token, ...rotated } = await client.request('device.token.rotate', params) as Rotated
      if (token) await keepDeviceToken(settings.paths.stateDir, client, { token, scopes: rotated.scopes })
      if (context.options.json) context.out.json(rotated)
      else context.out.line(`Rotated the ${rotated.role} token of ${rotated.deviceId} (${rotated.scopes.join(', ') || 'no scope'}).`)
      return 0
    })
  }
})
