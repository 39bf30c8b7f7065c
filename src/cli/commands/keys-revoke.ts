import { command } from '../define-command.ts'
import { keyCourse, type ApiKey } from '../key-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'keys revoke',
  summary: 'Revoke an API key: its sockets close and its streams end at once',
  args: [{ name: 'name', help: 'Name or id of the key' }],
  options: rpcOptions,
  examples: [['openclaw keys revoke shop', 'Its conversations stay; operators see them.']],
  run: context => callGateway(context, keyCourse('Keys revoke'), 'keys.revoke', { name: required(context.args[0], '<name>') },
    ({ key }: { key: ApiKey }) => context.out.line(`Revoked API key "${key.name}" (${key.hint}).`))
})
