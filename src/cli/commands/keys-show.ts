import { command } from '../define-command.ts'
import { keyCourse, keyText, type ApiKey } from '../key-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'keys show',
  summary: 'Show what an API key may do and what it has used today',
  args: [{ name: 'name', help: 'Name or id of the key' }],
  options: rpcOptions,
  examples: [['openclaw keys show shop', 'Scopes, limits and what is left of them.']],
  run: context => callGateway(context, keyCourse('Keys show'), 'keys.show', { name: required(context.args[0], '<name>') },
    ({ key }: { key: ApiKey }) => context.out.line(keyText(key, Date.now())))
})
