import { group, inherited, key, map, optionalGroup } from './node.ts'
import { web } from './tools-web.ts'
import { flag, integer, milliseconds, oneOf, open, opens, seconds, text, texts } from './types.ts'

const exec = group({ help: 'Running commands.' }, {
  mode: key(oneOf(['deny', 'allowlist', 'ask', 'auto', 'full']), {
    help: 'No command; known ones; known ones, and a person is asked about others; any. Wins over security and ask.', failsafe: 'deny'
  }),
  security: key(oneOf(['deny', 'allowlist', 'full']), { help: 'No command, known ones, or any.', failsafe: 'deny' }),
  ask: key(oneOf(['off', 'on-miss', 'always']), { help: 'When a person is asked first.', failsafe: 'always' }),
  host: key(oneOf(['auto', 'sandbox', 'gateway', 'node']), { help: 'Where commands run.' }),
  node: key(text, { help: 'The node for host "node".' }),
  allowedCommands: key(texts, { help: 'The only commands that may be run; absent: no such list.', failsafe: [] }),
  allowedPaths: key(texts, { help: 'The only directories that tools may touch; absent: no such list.', failsafe: [] }),
  denyPaths: key(texts, { default: [], help: 'Directories that tools may not touch; wins over allowedPaths.', failsafe: ['/'] }),
  backgroundMs: key(milliseconds(0), { default: 10_000, help: 'A command that runs longer goes on in the background.' }),
  timeoutSec: key(seconds(1), { help: 'A command that runs longer is ended.' }),
  timeoutSeconds: key(seconds(0), { help: 'Another name of timeoutSec; 0: no limit.' }),
  cleanupMs: key(milliseconds(0), { default: 1_800_000, help: 'How long a background command is remembered after its end.' }),
  notifyOnExit: key(flag, { default: true, help: 'Tell the session when a background command ends.' })
})

const policy = {
  profile: key(oneOf(['minimal', 'coding', 'messaging', 'full']), { help: 'A named set of tools.', failsafe: 'minimal' }),
  allow: key(texts, { help: 'The only tools there are; absent: those of the profile.', failsafe: [] }),
  alsoAllow: key(texts, { help: 'Tools added to the profile.' }),
  deny: key(texts, { help: 'Tools taken away; wins over everything.', failsafe: ['*'] }),
  byProvider: map({ help: 'The same per model provider.' }, optionalGroup({ help: 'Tools with this provider.', open: true }, {
    profile: key(oneOf(['minimal', 'coding', 'messaging', 'full']), { help: 'A named set of tools.', failsafe: 'minimal' }),
    allow: key(texts, { help: 'The only tools there are.', failsafe: [] }),
    alsoAllow: key(texts, { help: 'Tools added to the profile.' }),
    deny: key(texts, { help: 'Tools taken away.', failsafe: ['*'] })
  })),
  toolsBySender: key(open, { help: 'The same per sender.' }),
  exec,
  elevated: group({ help: 'Tools outside the sandbox.' }, {
    enabled: key(flag, { default: true, failsafe: false, help: 'Allow it at all.' }),
    allowFrom: key(open, { help: 'Who may ask for it, per channel.' })
  }),
  loopDetection: group({ help: 'Interrupt an agent that repeats itself.' }, {
    enabled: key(flag, { default: true, help: 'Watch for it.' }),
    historySize: key(integer(2, 1000), { default: 30, help: 'Latest tool calls of a run that are looked at.' }),
    warningThreshold: key(integer(2), { default: 10, help: 'Repetitions without progress after which the agent is told.' }),
    criticalThreshold: key(integer(2), { default: 20, help: 'After which its calls are refused, and the next time its run ends.' }),
    globalCircuitBreakerThreshold: key(integer(2), { default: 30, help: 'Calls in a row that bring nothing new and end the run at once.' }),
    unknownToolThreshold: key(integer(1), { default: 10, help: 'Calls of tools that do not exist before they count as a loop.' }),
    detectors: group({ help: 'What is looked for.' }, {
      genericRepeat: key(flag, { default: true, help: 'The same call with the same result.' }),
      knownPollNoProgress: key(flag, { default: true, help: 'Asking for a state that does not change, within the window.' }),
      pingPong: key(flag, { default: true, help: 'Two calls in turns.' })
    }),
    maxIterations: key(integer(1), { default: 20, help: 'The same call so often inside the window is a loop, whatever it brings.' }),
    windowMinutes: key(integer(1), { default: 5, help: 'Length of the window.' })
  }),
  budget: group({ help: 'What one run may do with tools.' }, {
    callsPerRun: key(integer(0), { default: 1000, help: 'Tool calls; 0: no limit.' }),
    secondsPerRun: key(seconds(0), { default: 86_400, help: 'Time that its tools may take together; 0: no limit.' })
  })
}

export const tools = group({ help: 'What agents may do.', reload: 'live' }, {
  ...policy,
  profile: key(oneOf(['minimal', 'coding', 'messaging', 'full']), { default: 'full', failsafe: 'minimal', help: 'A named set of tools.' }),
  web,
  media: group({ help: 'Understanding images, sound and video.', open: true }, {
    models: key(opens, { default: [], help: 'Models that do it.' }),
    audio: key(open, { help: 'Voice messages as text: enabled, models ([{provider, model}] or [{type: "cli", command, args}]), language, maxBytes, timeoutSeconds.' })
  }),
  sessions: group({ help: 'Tools about sessions.' }, {
    visibility: key(oneOf(['self', 'tree', 'agent', 'all']), { default: 'all', failsafe: 'self', help: 'Which sessions an agent may see.' })
  }),
  agentToAgent: group({ help: 'Agents that talk to each other.' }, {
    enabled: key(flag, { default: true, failsafe: false, help: 'Allow it.' }),
    allow: key(texts, { default: ['*'], failsafe: [], help: 'Agents that take part.' })
  }),
  message: group({ help: 'Sending messages.', open: true }, {
    crossContext: key(open, { help: 'Sending to another conversation than the own one.' })
  }),
  subagents: key(open, { help: 'Tools of subagents.' }),
  sandbox: key(open, { help: 'Tools inside the sandbox.' }),
  fs: key(open, { help: 'File tools.' })
})

/** `tools` of one agent. */
export const agentTools = inherited(optionalGroup({ help: 'What this agent may do.', open: true }, policy))
