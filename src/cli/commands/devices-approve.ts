import { exitCodes } from '../../lib/exit-codes.ts'
import { command, flag } from '../define-command.ts'
import { deviceCourse } from '../device-course.ts'
import { nameOf, requestText, type DeviceList, type PairedDevice, type PendingDevice } from '../device-view.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, withGateway, type Reached } from '../with-gateway.ts'

const newest = ({ pending }: DeviceList): PendingDevice | undefined => [...pending].sort((a, b) => (b.ts ?? 0) - (a.ts ?? 0))[0]

/** Shows, and leaves the decision to the person who reads it. */
async function preview ({ client }: Reached): Promise<never> {
  const request = newest(await client.request('device.pair.list') as DeviceList)
  if (!request) throw new CommandFailure('No pending device pairing requests to approve')
  throw new CommandFailure(
    `The newest request:\n\n${requestText(request, Date.now())}\n\nTo approve it: openclaw devices approve ${request.requestId}`,
    'cli_error', { request }, exitCodes.failed
  )
}

export default command({
  name: 'devices approve',
  summary: 'Approve a device that waits for pairing, or more rights of a paired one',
  details: 'Works on the machine of the gateway even when this command line is not paired itself or may not approve: then it uses ' +
    'the administrator credential that the gateway keeps for its own user.',
  args: [{ name: 'requestId', help: 'Id of the request (openclaw devices list)', optional: true }],
  options: { ...rpcOptions, latest: flag('Show the newest request and how to approve it') },
  examples: [
    ['openclaw devices approve', 'Show the newest request; nothing is approved.'],
    ['openclaw devices approve 3f0c5a1e-…', 'Approve exactly this one.']
  ],
  async run (context) {
    const [requestId] = context.args
    const course = deviceCourse('Devices approve')
    if (!requestId || context.options.latest) return await withGateway(context, course, preview)
    return await callGateway(context, course, 'device.pair.approve', { requestId }, ({ device }: { device: PairedDevice }) => {
      const roles = (device.roles ?? []).join(', ') || 'no role'
      const scopes = (device.scopes ?? []).join(', ')
      context.out.line(`Approved ${nameOf(device)} (${device.deviceId}) as ${roles}${scopes ? ` with ${scopes}` : ''}.`)
    })
  }
})
