import { group, key, list, optionalGroup } from './node.ts'
import { durationText, flag, integer, milliseconds, oneOf, open, secret, text, texts, Type } from './types.ts'

const inert = 'is retired; it has no effect'

export const cron = group({ help: 'Scheduled jobs.', reload: 'room:cron' }, {
  enabled: key(flag, { default: true, failsafe: false, help: 'Run them.' }),
  skipMissedJobs: key(flag, { default: false, help: 'Do not make up for jobs that were due while the gateway was down.' }),
  catchUpRuns: key(integer(0, 100), {
    default: 1, help: 'How many slots of a job that were missed are made up for, the newest ones; 0: like skipMissedJobs.'
  }),
  triggers: group({ help: 'Jobs that start on an event.' }, {
    enabled: key(flag, { default: true, failsafe: false, help: 'Run them.' }),
    minIntervalMs: key(milliseconds(0), { help: 'Retired.', retired: inert })
  }),
  webhookToken: secret('Bearer token of webhook deliveries.'),
  webhookSsrfPolicy: key(open, { default: {}, failsafe: {}, help: 'Private addresses that webhooks may reach.' }),
  sessionRetention: key(Type.Union([durationText, Type.Literal(false)], { title: 'a duration, or false' }), { default: '24h', help: 'How long sessions of finished jobs stay.' }),
  failureAlert: group({ help: 'A message when a job keeps failing.' }, {
    enabled: key(flag, { default: true, help: 'Send it.' }),
    after: key(integer(1), { default: 2, help: 'Failures in a row.' }),
    cooldownMs: key(milliseconds(0), { default: 3_600_000, help: 'Least time between two messages.' }),
    includeSkipped: key(flag, { default: false, help: 'Count skipped runs.' }),
    mode: key(oneOf(['announce', 'webhook']), { default: 'announce', help: 'How it is sent.' }),
    channel: key(text, { help: 'Channel.' }),
    to: key(text, { help: 'Receiver.' }),
    accountId: key(text, { help: 'Account of the channel.' })
  }),
  maxConcurrentRuns: key(integer(1), { default: 8, help: 'Jobs at the same time.' }),
  store: key(text, { help: 'Retired: jobs are in the state database.', retired: 'is retired; jobs are in the state database' }),
  retry: key(open, { help: 'Retired: failures back off by themselves.', retired: inert }),
  runLog: key(Type.Union([open, flag]), { help: 'Retired: the history is in the state database.', retired: inert }),
  webhook: key(Type.Union([open, text]), { help: 'Retired: a job names its own webhook.', retired: inert })
})

/** No way out of the directory that it is in. */
const insideText = Type.String({ pattern: '^(?![/\\\\]|[A-Za-z]:)(?!(.*[/\\\\])?\\.\\.([/\\\\]|$)).+$', title: 'a path inside hooks.transformsDir' })

const taken = ['api', 'control-ui-config.json', 'health', 'healthz', 'mcp', 'openapi.json', 'ready', 'readyz', 'sessions', 'startup', 'startupz', 'tools', 'v1']

const hookPathProblem = (path: unknown): string | undefined =>
  taken.includes(String(path).split('/')[1] ?? '') || /[:*]/.test(String(path)) ? 'a path that nothing else of the gateway has, such as "/hooks"' : undefined

const mapping = group({ help: 'One rule; the first that matches is taken.', unit: true, open: true }, {
  id: key(text, { help: 'Its name.' }),
  match: key(Type.Object({ path: Type.Optional(text), source: Type.Optional(text) }), { help: 'Sub path and payload.source.' }),
  action: key(oneOf(['wake', 'agent']), { help: 'Wake the agent, or run it; absent: run.' }),
  forEach: key(text, { help: 'Path of a list in the payload; one run per item.' }),
  transform: key(Type.Object({ module: insideText, export: Type.Optional(text) }), { help: 'Function that makes the call from the payload; module is a path inside transformsDir.' }),
  messageTemplate: key(text, { help: 'What the agent is told; {{payload.a.b[0]}}, {{headers.x}}, {{query.k}}, {{path}} and {{now}} are filled in.' }),
  textTemplate: key(text, { help: 'The same for a wake.' }),
  name: key(text, { help: 'Name of the sender, as the agent sees it.' }),
  agentId: key(text, { help: 'Agent that is called; absent: the default one.' }),
  sessionKey: key(text, { help: 'Conversation that it goes to; filled in like a message when allowRequestSessionKey permits it.' }),
  wakeMode: key(oneOf(['now', 'next-heartbeat']), { help: 'When a woken agent hears of it.' }),
  signature: optionalGroup({ help: 'Senders that sign what they send need no token.' }, {
    scheme: key(oneOf(['github', 'stripe', 'slack']), { help: 'Whose signature it is.' }),
    secret: secret('Secret that they sign with.')
  }),
  allowUnsafeExternalContent: key(flag, { default: false, failsafe: false, help: 'Do not mark what came in as the words of a stranger.' })
})

export const hooks = group({ help: 'HTTP hooks from outside.', unit: true, open: true, reload: 'room:hooks' }, {
  enabled: key(flag, { default: false, failsafe: false, help: 'Serve them; needs a token.', reload: 'restart' }),
  token: secret('Bearer token of the callers; must not be the one of the gateway.'),
  path: key(Type.String({ pattern: '^/[^\\s?#]*[^\\s?#/]$', title: 'a path such as "/hooks"' }), { default: '/hooks', help: 'Path below which they are served.', check: hookPathProblem, reload: 'restart' }),
  allowedAgentIds: key(texts, { help: 'Agents that may be called; absent or "*": all.', failsafe: [] }),
  defaultSessionKey: key(text, { help: 'Session of calls that name none.' }),
  allowRequestSessionKey: key(flag, { default: false, failsafe: false, help: 'Calls may name a session.' }),
  allowedSessionKeyPrefixes: key(texts, { help: 'Which ones; absent: all.', failsafe: [] }),
  presets: key(texts, { default: [], help: 'Built-in mappings; this version has none.' }),
  mappings: list({ help: 'What is done with other payloads.' }, mapping),
  transformsDir: key(text, { help: 'Directory of the transform modules.' }),
  gmail: key(open, { help: 'The Gmail watcher.' }),
  internal: optionalGroup({ help: 'Hooks inside the gateway.', open: true }, { enabled: key(flag, { help: 'Run them.' }) })
})
