import { command, flag } from '../define-command.ts'
import { jsonOption } from '../rpc-options.ts'
import configGet from './config-get.ts'

export default command({
  name: 'gateway auth-token',
  summary: 'Print the token that clients of this gateway need',
  details: 'Also the one that the gateway made for itself. Masked unless --show is given. The same as: openclaw config get gateway.auth.token.',
  options: { ...jsonOption, show: flag('Print the token as it is') },
  examples: [['openclaw gateway auth-token --show', 'Enter it where the web UI asks for it.']],
  run: context => configGet.run({ ...context, args: ['gateway.auth.token'] })
})
