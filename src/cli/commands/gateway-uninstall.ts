import { command } from '../define-command.ts'
import { scopeOf, serviceOptions } from '../service-options.ts'
import { done, runServiceAction } from '../service-outcome.ts'

export default command({
  name: 'gateway uninstall',
  summary: 'Stop the service and remove it; configuration and state stay',
  options: serviceOptions,
  examples: [['openclaw gateway uninstall', 'Twice is safe.']],
  run: context => runServiceAction(context, 'uninstall', scopeOf(context.options), async ({ manager, installed, settings }) => {
    if (!installed && !await manager.isLoaded().catch(() => false)) return done('not-installed', 'No service is installed.')
    await manager.uninstall()
    return done('uninstalled', `Removed ${manager.title} ${manager.label}. Configuration and state stay in ${settings.paths.stateDir}.`)
  })
})
