import { agentMemory } from './memory.ts'
import { group, inherited, key, list, map, optionalGroup } from './node.ts'
import { durationText, flag, integer, number, oneOf, open, seconds, text, texts, Type, word } from './types.ts'
import { agentTools } from './tools.ts'

const model = Type.Union([
  word,
  Type.Object({ primary: Type.Optional(Type.String()), fallbacks: Type.Optional(Type.Array(Type.String())) })
], { title: '"provider/model" or {primary, fallbacks}' })

const sandbox = group({ help: 'Running tools in a sandbox.', open: true }, {
  mode: key(oneOf(['off', 'non-main', 'all']), { default: 'off', failsafe: 'all', help: 'No session, all but the main one, or all.' }),
  scope: key(oneOf(['session', 'agent', 'shared']), { default: 'agent', failsafe: 'session', help: 'Who shares a sandbox.' }),
  workspaceAccess: key(oneOf(['none', 'ro', 'rw']), { default: 'none', failsafe: 'none', help: 'What of the workspace it sees.' }),
  backend: key(text, { help: 'What it is made of: bubblewrap, docker or podman; absent: docker when docker names an image or a host.' }),
  network: key(oneOf(['none', 'host']), { default: 'none', failsafe: 'none', help: 'Whether bubblewrap leaves the network open.' }),
  workspaceRoot: key(text, { help: 'Directory for the workspaces of sandboxes; absent: sandboxes in the state directory.' }),
  docker: key(open, { help: 'Settings of the container.' })
})

const heartbeat = group({ help: 'A turn that the agent takes by itself now and then.', open: true, reload: 'room:cron' }, {
  every: key(durationText, { default: '30m', help: 'How often; "0m" switches it off.' }),
  activeHours: key(open, { help: 'Times of day when it may run.' }),
  target: key(text, { default: 'owner', help: 'Where its reply goes: owner, last, none or a channel.' }),
  to: key(text, { help: 'Receiver on that channel.' }),
  model: key(text, { help: 'Another model for it.' }),
  prompt: key(text, { help: 'Another prompt for it.' }),
  ackMaxChars: key(integer(0), { default: 300, help: 'A reply that has no more than this beside the silent word is not delivered.' })
})

const subagents = group({ help: 'Agents that an agent starts.', open: true }, {
  maxConcurrent: key(integer(1), { default: 8, help: 'At the same time.' }),
  maxSpawnDepth: key(integer(0), { default: 1, help: 'How deep they nest.' }),
  maxChildrenPerAgent: key(integer(1), { default: 5, help: 'Of one agent.' }),
  archiveAfterMinutes: key(integer(0), { default: 60, help: 'When a finished one is put away; 0: never.' }),
  runTimeoutSeconds: key(seconds(0), { default: 0, help: 'Time for one run; 0: that of the agent.' }),
  allowAgents: key(texts, { help: 'Agents that may be started; absent: only itself.', failsafe: [] }),
  model: key(model, { help: 'Another model for them.' })
})

const compaction = group({ help: 'Shortening a long conversation.', open: true }, {
  maxMessages: key(integer(1), { default: 200, help: 'Messages before it happens.' }),
  keepLastN: key(integer(0), { default: 20, help: 'Recent messages that stay as they are.' })
})

const contextLimits = group({ help: 'What goes into a conversation.', open: true }, {
  toolResultMaxChars: key(integer(100, 1_000_000), {
    help: 'Characters of one tool result, 30 % of the window at most; absent: 16000 to 64000, by the window.'
  }),
  toolResultMaxImages: key(integer(0, 100), { default: 8, help: 'Pictures of one tool result.' })
})

const shared = {
  model: key(model, { help: 'The model: "provider/model", with fallbacks if wanted.' }),
  workspace: key(word, { help: 'Directory that the agent works in; absent: workspace in the state directory.' }),
  contextLimits,
  sandbox,
  heartbeat,
  subagents,
  thinkingDefault: key(text, { help: 'How much the model thinks when nobody says.' }),
  verboseDefault: key(oneOf(['off', 'on', 'full']), { help: 'How much of its work a reply shows.' }),
  skipBootstrap: key(flag, { default: false, help: 'Do not create the workspace files.' }),
  bootstrapMaxChars: key(integer(0), { default: 4000, help: 'Characters of each workspace file that go into the prompt.' })
}

const defaults = group({ help: 'What every agent has unless it says otherwise.', open: true, reload: 'live' }, {
  ...shared,
  models: key(open, { default: {}, help: 'Aliases and parameters per "provider/model".' }),
  modelPolicy: group({ help: 'Models that may be chosen.' }, { allow: key(texts, { default: [], help: 'Empty: all.' }) }),
  userTimezone: key(text, { help: 'Time zone of the user; absent: that of this machine.' }),
  timeFormat: key(oneOf(['auto', '12h', '24h', '12', '24']), { default: 'auto', help: 'How times are written.' }),
  compaction,
  contextPruning: key(open, { help: 'Dropping old tool results from the context.' }),
  maxConcurrent: key(integer(1), { help: 'Runs at the same time; absent: 4 per processor, at least 8.' }),
  timeoutSeconds: key(seconds(1), { default: 172_800, help: 'Time for one run.' }),
  parallelTools: key(flag, { default: true, help: 'Carry out the tool calls of one model step at the same time.' }),
  recovery: group({ help: 'Runs that a restart interrupted.' }, {
    mode: key(oneOf(['resume', 'fail']), {
      default: 'resume', failsafe: 'fail', help: 'After tools took effect: go on from the last result, or report the run as failed.'
    }),
    maxAttempts: key(integer(0), { default: 3, help: 'How often one run is taken up again.' }),
    maxAgeMinutes: key(integer(0), { default: 30, help: 'Older messages are parked and listed, not answered.' })
  }),
  elevatedDefault: key(text, { help: 'Whether tools start outside the sandbox when nobody says.' }),
  blockStreamingDefault: key(oneOf(['off', 'on']), { default: 'off', help: 'Send finished paragraphs before the reply is complete.' }),
  typingMode: key(oneOf(['never', 'instant', 'thinking', 'message']), { help: 'When channels show that the agent types.' }),
  typingIntervalSeconds: key(seconds(1), { default: 6, help: 'How often that is refreshed.' }),
  mediaMaxMb: key(number(0), { help: 'Size of one attachment.', reload: 'room:channels' }),
  imageModel: key(model, { help: 'The model that looks at pictures for agents whose own one cannot.' }),
  imageMaxDimensionPx: key(integer(1), { default: 1200, help: 'Longer side of an image that a model sees.' })
})

const entryKeys = {
  default: key(flag, { help: 'The agent that is meant when none is named.' }),
  name: key(text, { help: 'Name for people.' }),
  agentDir: key(text, { help: 'Directory for the state of this agent.' }),
  identity: key(open, { help: 'Name, emoji and avatar that it shows.' }),
  groupChat: key(open, { help: 'How it behaves in groups.' }),
  runtime: key(oneOf(['internal', 'external']), {
    help: 'Who carries out its runs: this gateway, or a program that connects and registers as its runtime.'
  }),
  runtimeNodes: key(texts, { help: 'Device ids of nodes that may be its runtime.', failsafe: [] }),
  tools: agentTools,
  memory: agentMemory
}

const inheritedKeys = inherited(group({ help: '' }, shared)).children

export const agents = group({ help: 'Agents.', reload: 'live' }, {
  defaults,
  entries: map({ help: 'Agents by id.' }, group({ help: 'One agent.', unit: true, open: true }, { ...inheritedKeys, ...entryKeys })),
  list: list({ help: 'Agents as a list; means the same as entries.' },
    group({ help: 'One agent.', unit: true, open: true }, { id: key(word, { help: 'Its id.', required: true }), ...inheritedKeys, ...entryKeys })),
  ownership: key(oneOf(['explicit', 'implicit']), { help: '"explicit": with several agents and none marked as default, callers have to name one.' })
})

const peer = Type.Object({ kind: Type.Optional(text), id: Type.Optional(text) })

export const bindings = list({ help: 'Which agent answers where; the most specific one wins.', reload: 'live' },
  group({ help: 'One rule.', unit: true, open: true }, {
    agentId: key(word, { help: 'The agent.', required: true }),
    match: optionalGroup({ help: 'Where.', open: true }, {
      channel: key(text, { help: 'Channel.' }),
      accountId: key(text, { help: 'Account of the channel; "*" for all.' }),
      peer: key(peer, { help: 'Conversation: {kind: "direct" | "group" | "channel", id}.' }),
      guildId: key(text, { help: 'Discord server.' }),
      teamId: key(text, { help: 'Slack workspace.' })
    })
  }))

export const broadcast = key(open, { default: {}, help: 'Conversations that several agents answer.', reload: 'live' })
export const accessGroups = key(open, { default: {}, help: 'Named groups of senders.', reload: 'room:channels' })
export const acp = key(open, { default: {}, help: 'Agents that speak the Agent Client Protocol.', reload: 'live' })
export const transcripts = key(open, { default: {}, help: 'Transcripts.', reload: 'live' })
export const attachments = group({ help: 'Attachments.', open: true, reload: 'live' }, {
  ttlHours: key(number(0), { help: 'How long files are kept.' })
})
