import { command } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { deviceListText, type DeviceList } from '../device-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'devices list',
  summary: 'List paired devices and the ones that wait for approval',
  options: rpcOptions,
  examples: [
    ['openclaw devices list', 'Two tables, then the full device ids.'],
    ['openclaw devices list --json', 'The same for programs; tokens are never shown.']
  ],
  run: context => callGateway(context, deviceCourse('Devices list'), 'device.pair.list', {},
    (list: DeviceList) => context.out.line(deviceListText(list, Date.now())))
})
