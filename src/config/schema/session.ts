import { group, key, map, optionalGroup } from './node.ts'
import { durationText, flag, integer, number, oneOf, open, opens, text, texts, Type } from './types.ts'

const sizeText = Type.Union([
  Type.Integer({ minimum: 1 }), Type.String({ pattern: '^\\d+(\\.\\d+)?\\s*([kmgt]i?b|b|%)?$' })
], { title: 'a size such as "10gb"' })

const durationOrNever = Type.Union([durationText, Type.Literal(false)], { title: 'a duration, or false' })

const resetKeys = {
  atHour: key(integer(0, 23), { help: 'Hour of the day for mode "daily".' }),
  idleMinutes: key(integer(1), { help: 'Quiet minutes for mode "idle".' })
}
const resetRule = (help: string) => optionalGroup({ help, unit: true }, {
  mode: key(oneOf(['none', 'daily', 'idle']), { help: 'Never, every day, or after a quiet time.' }), ...resetKeys
})

export const session = group({ help: 'Conversations.', open: true, reload: 'live' }, {
  scope: key(oneOf(['per-sender', 'global']), { default: 'per-sender', help: 'One conversation per sender, or one for all.' }),
  dmScope: key(oneOf(['main', 'per-peer', 'per-channel-peer', 'per-account-channel-peer']), {
    default: 'main',
    failsafe: 'per-account-channel-peer',
    help: 'Which direct messages share a conversation.'
  }),
  groupScope: key(oneOf(['per-group', 'main']), { default: 'per-group', failsafe: 'per-group', help: 'The same for groups.' }),
  identityLinks: key(Type.Record(text, texts), { default: {}, help: 'Addresses that are one person.' }),
  resetTriggers: key(texts, { default: ['/new', '/reset'], help: 'Messages that begin a new conversation.' }),
  reset: group({ help: 'When a conversation begins anew.' }, {
    mode: key(oneOf(['none', 'daily', 'idle']), { default: 'none', help: 'Never, every day, or after a quiet time.' }), ...resetKeys
  }),
  resetByType: group({ help: 'The same per kind of conversation.' }, {
    direct: resetRule('Direct messages.'),
    group: resetRule('Groups.'),
    thread: resetRule('Threads.')
  }),
  resetByChannel: map({ help: 'The same per channel.' }, resetRule('One channel.')),
  store: key(text, { help: 'Retired: sessions are in the state database.', retired: 'is retired; sessions are in the state database' }),
  mainKey: key(text, { default: 'main', help: 'Retired: the main session is always "main".', retired: 'is retired; the main session is always "main"' }),
  sendPolicy: optionalGroup({ help: 'Which conversations may be written to; the first deny wins.' }, {
    default: key(oneOf(['allow', 'deny']), { default: 'allow', failsafe: 'deny', help: 'When no rule matches.' }),
    rules: key(opens, { default: [], help: 'Rules {action, match}.' })
  }),
  threadBindings: group({ help: 'Threads that belong to one session.', open: true }, {
    enabled: key(flag, { help: 'Bind them.' }),
    idleHours: key(number(0), { help: 'Quiet hours after which a binding ends.' }),
    maxAgeHours: key(number(0), { help: 'Age at which a binding ends.' }),
    spawnSessions: key(flag, { help: 'Begin a session for a new thread.' }),
    defaultSpawnContext: key(text, { help: 'What such a session knows at first.' })
  }),
  maintenance: group({ help: 'Keeping the store small.' }, {
    mode: key(oneOf(['enforce', 'warn']), { default: 'enforce', failsafe: 'warn', help: 'Do it, or only say so.' }),
    pruneAfter: key(durationText, { default: '30d', help: 'Sessions that rested so long go.' }),
    maxEntries: key(integer(1), { default: 5000, help: 'Sessions that are kept.' }),
    archiveDashboardAfter: key(durationOrNever, { default: '7d', help: 'Sessions of the dashboard that rested so long are archived; false or "0": never.' }),
    resetArchiveRetention: key(durationOrNever, { help: 'How long transcripts of ended conversations stay.' }),
    maxDiskBytes: key(Type.Union([sizeText, Type.Literal(false), Type.Literal(0)], { title: 'a size such as "10gb", or false' }), {
      default: '10gb', help: 'What the database and the transcripts of deleted sessions may take; beyond it the oldest of those go. false: no limit.'
    }),
    highWaterBytes: key(sizeText, { default: '80%', help: 'Size down to which they go.' })
  }),
  agentToAgent: optionalGroup({ help: 'Agents that talk to each other.', open: true }, {
    maxPingPongTurns: key(integer(0), { help: 'Replies that go back and forth.' })
  }),
  writeLock: key(open, { help: 'Retired: writes need no lock.', retired: 'is retired; it has no effect' }),
  maxTokens: key(integer(1), { help: 'Tokens of one conversation; absent: as many as the model takes.' }),
  compaction: group({ help: 'Shortening a long conversation.' }, {
    strategy: key(oneOf(['auto', 'manual', 'off']), { default: 'auto', help: 'By itself, on demand, or not.' }),
    triggerAtPercent: key(integer(1, 100), { default: 80, help: 'Share of the tokens at which it happens.' })
  })
})
