import { command } from '../define-command.ts'
import { waitForService } from '../service-health.ts'
import { scopeOf, serviceOptions } from '../service-options.ts'
import { done, failed, runServiceAction } from '../service-outcome.ts'
import { servicePort } from '../service-port.ts'

export default command({
  name: 'gateway start',
  summary: 'Start the installed service',
  options: serviceOptions,
  examples: [['openclaw gateway start', 'One that runs already is left alone.']],
  run: context => runServiceAction(context, 'start', scopeOf(context.options), async setup => {
    const { manager, installed } = setup
    if (!installed) {
      return failed('not-installed', 'No service is installed.', {
        hints: ['Install it: openclaw gateway install', 'Or run it here: openclaw gateway']
      })
    }
    const { status, pid } = await manager.runtime()
    if (status === 'running' && pid !== undefined) return done('already-running', `Already running (pid ${pid}).`)
    await manager.start()
    const health = await waitForService(setup, { port: servicePort(setup), timeoutMs: 60_000 })
    if (health.state === 'gave-up') return failed('start-failed', `Started, but ${health.why}.`, { hints: [health.hint] })
    return health.state === 'healthy'
      ? done('started', `Started ${manager.title} ${manager.label}${health.pid ? ` (pid ${health.pid})` : ''}.`)
      : done('starting', 'Started; it does not answer yet. Watch it with: openclaw gateway status')
  })
})
