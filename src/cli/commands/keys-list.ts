import { command, flag } from '../define-command.ts'
import { keyCourse, keyListText, type ApiKey } from '../key-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'keys list',
  summary: 'List the API keys of programs, and what they have used today',
  options: { ...rpcOptions, all: flag('Revoked and expired ones, too') },
  examples: [['openclaw keys list --json', 'For programs; the keys themselves are never shown again.']],
  run: context => callGateway(context, keyCourse('Keys list'), 'keys.list', {}, ({ keys }: { keys: ApiKey[] }) =>
    context.out.line(keyListText(keys.filter(({ status }) => context.options.all || status === 'active'), Date.now())))
})
