import { parseDuration } from '../../lib/duration.ts'
import { command, decimal, flag, integer, text, texts, UsageError } from '../define-command.ts'
import { issuedText, keyCourse, type IssuedKey } from '../key-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

const most = 1_000_000_000

/** `read` is short for `operator.read`. */
const scopeOf = (word: string): string => word.startsWith('operator.') ? word : `operator.${word}`

function expiryOf (given: string | undefined): number | undefined {
  if (given === undefined) return undefined
  if (/^\d{4}-\d{2}-\d{2}/.test(given)) {
    const atMs = Date.parse(given)
    if (Number.isNaN(atMs)) throw new UsageError('Invalid --expires (use a date such as 2027-01-31, or a duration such as 90d)')
    return atMs
  }
  try {
    return Date.now() + parseDuration(given)
  } catch {
    throw new UsageError('Invalid --expires (use a date such as 2027-01-31, or a duration such as 90d)')
  }
}

/** Without the fields that were not given. */
const given = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>

export default command({
  name: 'keys create',
  summary: 'Create an API key for a program; it is shown once',
  details: 'Without options the key may talk to every agent and sees its own conversations only. With --method or --route nothing is open ' +
    'but what they name.',
  args: [{ name: 'name', help: 'What the key is for' }],
  options: {
    ...rpcOptions,
    scope: texts('scope', 'A scope: read, write, admin, … (default: write); may be repeated'),
    agent: texts('id', 'An agent that it may use; may be repeated'),
    method: texts('name', 'An RPC method that it may call, "chat.*" for all of a family; may be repeated'),
    route: texts('route', 'An HTTP route that it may use, such as "POST /v1/chat/completions" or "/v1/*"; may be repeated'),
    address: texts('address', 'An address or CIDR range from which it may come; may be repeated'),
    allSessions: flag('It sees every conversation, not only its own'),
    expires: text('when', 'When it ends: 90d, 12h, or a date'),
    requestsPerMinute: integer('n', 'Requests that it may send in a minute', { min: 1, max: most }),
    concurrentRuns: integer('n', 'Runs that it may have under way at a time', { min: 1, max: most }),
    tokensPerDay: integer('n', 'Tokens that its runs may use in a day (UTC)', { min: 1, max: Number.MAX_SAFE_INTEGER }),
    spendPerDay: decimal('usd', 'What its runs may cost in a day (UTC)', { min: 0.000001, max: most })
  },
  examples: [
    ['openclaw keys create dashboard --scope read --all-sessions', 'Reads everything, changes nothing.'],
    ['openclaw keys create shop --agent support --route "/v1/*" --tokens-per-day 200000', 'One agent, the routes for OpenAI\'s clients, a limit.']
  ],
  run: context => {
    const { scope, agent, method, route, address, allSessions, expires, spendPerDay, ...rest } = context.options
    const { requestsPerMinute, concurrentRuns, tokensPerDay } = rest
    const limits = given({ requestsPerMinute, concurrentRuns, tokensPerDay, spendPerDayUsd: spendPerDay })
    const order = {
      name: required(context.args[0], '<name>'),
      ...given({
        scopes: scope?.map(scopeOf), agents: agent, methods: method, routes: route, addresses: address, expiresAtMs: expiryOf(expires)
      }),
      ...(allSessions ? { ownSessionsOnly: false } : {}),
      limits
    }
    return callGateway(context, keyCourse('Keys create'), 'keys.create', order,
      (issued: IssuedKey) => context.out.line(issuedText(issued, 'Created', Date.now())))
  }
})
