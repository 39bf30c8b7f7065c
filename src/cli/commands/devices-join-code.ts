import { command } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { rpcOptions } from '../rpc-options.ts'
import type { SetupCode } from '../setup-code.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'devices join-code',
  summary: 'Make a code with which one node may join',
  details: 'For machines that lend commands to the gateway. For a phone use `openclaw qr`.',
  options: rpcOptions,
  examples: [['openclaw devices join-code', 'Works once, for ten minutes.']],
  run: context => callGateway(
    context, deviceCourse('Join code'), 'device.pair.setupCode', { bootstrapProfile: 'node', joinUrl: true },
    ({ setupCode, joinUrl, expiresAtMs }: SetupCode) => {
      context.out.line(joinUrl ?? setupCode)
      if (expiresAtMs) context.out.note(`Works once, until ${new Date(expiresAtMs).toLocaleTimeString()}.`)
    })
})
