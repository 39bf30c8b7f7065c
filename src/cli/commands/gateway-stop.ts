import { findLockOwner } from '../../lib/state-lock.ts'
import { command, flag } from '../define-command.ts'
import { scopeOf, serviceOptions } from '../service-options.ts'
import { done, runServiceAction } from '../service-outcome.ts'

export default command({
  name: 'gateway stop',
  summary: 'Stop the service: work in flight gets its time, clients are told',
  details: 'The next login starts it again (a boot, for a service of the machine); --disable keeps it stopped until `openclaw gateway start`.',
  options: {
    ...serviceOptions,
    disable: flag('Do not start it at the next login either'),
    force: flag('Also without a terminal; no different in this version', { hidden: true })
  },
  examples: [['openclaw gateway stop', 'No service is no failure.'], ['openclaw gateway stop --disable', 'Stays stopped.']],
  run: context => runServiceAction(context, 'stop', scopeOf(context.options), async ({ manager, installed, settings }) => {
    const owner = await findLockOwner(settings.paths.stateDir)
    if (!installed) {
      const hints = owner ? [`A gateway runs that is no service (pid ${owner.pid}). To end it: kill ${owner.pid}`] : []
      return done('not-installed', 'No service is installed, so there is none to stop.', { hints })
    }
    await manager.stop({ disable: context.options.disable, ...(owner ? { gatewayPid: owner.pid } : {}) })
    return done('stopped', `Stopped ${manager.title} ${manager.label}.`)
  })
})
