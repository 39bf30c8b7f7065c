import { group, key, list, map, optionalGroup } from './node.ts'
import { flag, integer, milliseconds, number, oneOf, open, text, texts, Type } from './types.ts'

const queueModes = ['steer', 'followup', 'collect', 'interrupt'] as const
const retiredQueueModes: { [mode: string]: string } = { queue: 'followup', 'steer-backlog': 'followup', 'steer+backlog': 'followup' }
const normalizeQueueMode = (value: unknown): unknown => typeof value === 'string' ? retiredQueueModes[value] ?? value : value

/** Flags are checked with the first reply at the latest: they stand in another key. */
function patternProblem (value: unknown): string | undefined {
  try {
    RegExp(String(value))
    return undefined
  } catch {
    return 'a regular expression'
  }
}

export const messages = group({ help: 'Messages in and out.', open: true, reload: 'live' }, {
  queue: group({ help: 'A message that comes while the agent works.' }, {
    mode: key(oneOf(queueModes), { default: 'steer', help: 'Steer the run, wait, be collected, or interrupt.', normalize: normalizeQueueMode }),
    cap: key(integer(1), { default: 20, help: 'Messages that may wait.' }),
    drop: key(oneOf(['summarize', 'old', 'new']), { default: 'summarize', help: 'What happens to those beyond.' }),
    debounceMs: key(milliseconds(0), { default: 500, help: 'Quiet time before waiting messages are taken up.' }),
    byChannel: key(open, { default: {}, help: 'Modes per channel.' }),
    debounceMsByChannel: key(open, { default: {}, help: 'Quiet times per channel.' })
  }),
  inbound: group({ help: 'Messages that arrive in pieces.', reload: 'room:channels' }, {
    debounceMs: key(milliseconds(0), { help: 'Quiet time after which they are one message.' }),
    byChannel: key(open, { default: {}, help: 'The same per channel.' })
  }),
  ackReaction: key(text, { help: 'Reaction to a message that was taken up; absent: the emoji of the agent.' }),
  ackReactionScope: key(oneOf(['group-mentions', 'group-all', 'direct', 'all', 'off', 'none']), {
    default: 'group-mentions', help: 'Where it is used.', reload: 'room:channels'
  }),
  outputFilters: list({ help: 'What is taken out of every reply before anybody hears it.' },
    group({ help: 'One rule.' }, {
      pattern: key(Type.String({ minLength: 1, maxLength: 1000 }), { help: 'A regular expression.', required: true, check: patternProblem }),
      replace: key(text, { default: '***', help: 'What stands in its place; $1 is the first group.' }),
      flags: key(Type.String({ pattern: '^[gimsu]*$' }), { default: 'g', help: 'Its flags.' }),
      scope: key(oneOf(['line', 'reply']), {
        default: 'line', help: 'Looked for in each line, or in the reply as a whole, which is then told when it is complete.'
      })
    })),
  responsePrefix: key(text, { help: 'Text before every reply.' }),
  groupChat: group({ help: 'Groups.', open: true }, {
    mentionPatterns: key(texts, { default: [], help: 'Regular expressions that count as a mention.' }),
    historyLimit: key(integer(0), { default: 50, help: 'Messages of others that the agent sees.' }),
    visibleReplies: key(text, { help: 'Which replies a group sees.' })
  }),
  visibleReplies: key(text, { help: 'Which replies are delivered.' }),
  responseUsage: key(oneOf(['off', 'tokens', 'full', 'on']), { help: 'Show what a reply cost.' })
})

const auto = Type.Union([flag, Type.Literal('auto')], { title: 'true, false or "auto"' })

export const commands = group({ help: 'Commands inside messages.', open: true, reload: 'room:channels' }, {
  native: key(auto, { default: 'auto', help: 'Register them with the channel.' }),
  nativeSkills: key(auto, { default: 'auto', help: 'The same for skills.' }),
  text: key(flag, { default: true, help: 'Understand them as text.' }),
  bash: key(flag, { default: false, failsafe: false, help: '/bash.' }),
  config: key(flag, { default: false, failsafe: false, help: '/config.' }),
  debug: key(flag, { default: false, failsafe: false, help: '/debug.' }),
  restart: key(flag, { default: true, failsafe: false, help: '/restart, and restarts by signal.' }),
  ownerAllowFrom: key(texts, { default: [], help: 'Senders who are the owner.' }),
  allowFrom: key(open, { default: {}, help: 'Who may use commands, per channel.', failsafe: {} })
})

const healthMonitor = optionalGroup({ help: 'The health monitor; an account goes before its channel, and that before channels.defaults.' }, {
  enabled: key(flag, { help: 'Restart it when it is unwell.' }),
  checkMinutes: key(integer(0), { help: 'It is looked at so often; absent: gateway.channelHealthCheckMinutes, 0: never.' }),
  startupGraceSeconds: key(integer(0), { help: 'Time before the first look, after the gateway has started or the account was added; absent: 60.' }),
  staleEventThresholdMinutes: key(integer(0), { help: 'Without any traffic for so long it is stale; 0: never.' }),
  maxRestartsPerHour: key(integer(1), { help: 'Automatic restarts of one account.' }),
  restartCooldownMinutes: key(integer(0), { help: 'Time between two restarts by the monitor.' }),
  connectGraceSeconds: key(integer(0), { help: 'Time to connect after a start; absent: 120.' }),
  reconnectGraceSeconds: key(integer(0), { help: 'Time to connect again after the connection was lost; absent: 120.' }),
  stuckMinutes: key(integer(0), { help: 'A run without a sign of life for so long is stuck; absent: 25, 0: never.' })
})

const senders = Type.Array(Type.Union([text, Type.Number()]), { title: 'a list of senders' })

const channelKeys = {
  enabled: key(flag, { help: 'Use it.', failsafe: false }),
  dmPolicy: key(oneOf(['pairing', 'allowlist', 'open', 'disabled']), { help: 'Who may write directly; absent: "pairing".', failsafe: 'disabled' }),
  allowFrom: key(senders, { help: 'Senders that may; "*" for everybody.', failsafe: [] }),
  groupPolicy: key(oneOf(['open', 'disabled', 'allowlist']), { help: 'Which groups are answered.', failsafe: 'disabled' }),
  groupAllowFrom: key(senders, { help: 'Senders in groups that may.', failsafe: [] }),
  configWrites: key(flag, { help: 'Let messages change the configuration.', failsafe: false }),
  healthMonitor,
  responsePrefix: key(text, { help: 'Text before every reply.' }),
  streaming: key(Type.Union([flag, text, open]), {
    help: 'Show replies while they are written: "partial" or "off"; absent: as usual for the service, on for Telegram.'
  }),
  replyToMode: key(oneOf(['off', 'first', 'all']), { help: 'Let replies refer to the message that they answer; absent: "off".' }),
  unknownOutcome: key(oneOf(['park', 'retry']), {
    help: 'What becomes of a message of which nobody knows whether it arrived; absent: "park", until a person decides.'
  }),
  historyLimit: key(integer(0), { help: 'Messages of others that the agent sees.' }),
  mediaMaxMb: key(number(0), { help: 'Size of one attachment.' })
}

/** What every channel has; the rest of its keys belong to the channel itself. */
const channel = group({ help: 'One channel.', unit: true, open: true }, {
  ...channelKeys,
  defaultAccount: key(text, { help: 'The account that is meant when none is named.' }),
  accounts: map({ help: 'Accounts by id.' }, group({ help: 'One account.', unit: true, open: true }, { ...channelKeys, name: key(text, { help: 'Name for people.' }) }))
})

const channelDefaults = group({ help: 'What every channel has unless it says otherwise.', open: true }, {
  groupPolicy: key(oneOf(['open', 'disabled', 'allowlist']), { default: 'allowlist', failsafe: 'disabled', help: 'Which groups are answered.' }),
  heartbeatVisibility: group({ help: 'What of heartbeats is shown.' }, {
    showOk: key(flag, { default: false, help: 'That all is well.' }),
    showAlerts: key(flag, { default: true, help: 'That something is not.' }),
    useIndicator: key(flag, { default: true, help: 'As an indicator.' })
  }),
  healthMonitor,
  contextVisibility: key(text, { help: 'Which messages of others an agent sees.' }),
  botLoopProtection: key(open, { help: 'Stop bots that answer each other.' }),
  implicitMentions: key(open, { help: 'What counts as a mention beside the name.' })
})

export const channels = group({ help: 'Channels by id.', reload: 'room:channels', rest: channel }, {
  defaults: channelDefaults,
  modelByChannel: key(open, { default: {}, help: 'Models per channel and conversation.' })
})
