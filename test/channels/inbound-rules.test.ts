import t from 'tap'
import type { InboundMessage } from '../../src/channels/define-channel.ts'
import { accountEntries } from '../../src/channels/entries.ts'
import { accessOf } from '../../src/channels/inbound/access.ts'
import { createChannelPairing, pairingLimits } from '../../src/channels/inbound/pairing.ts'
import { routeOf } from '../../src/channels/inbound/routing.ts'
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'

type Config = LoadedConfig['config']

const configOf = async (sections: object): Promise<Config> => (await loadConfig({
  paths: resolvePaths({ env: { HOME: '/nonexistent' } }), env: {}, text: JSON.stringify({ gateway: { mode: 'local' }, ...sections })
})).config

const message = (more: { [field: string]: unknown } = {}): InboundMessage => ({
  eventId: '1', chat: { kind: 'direct', id: '7' }, sender: { id: '7', username: 'Ann' }, text: 'hello', atMs: 0, ...more
} as InboundMessage)

const inGroup = (more: { [field: string]: unknown } = {}): InboundMessage => message({ chat: { kind: 'group', id: '-100' }, ...more })

const cases: ReadonlyArray<readonly [title: string, account: object, message: InboundMessage, expected: string, rest?: object]> = [
  ['strangers may ask to be let in unless something else is said', {}, message(), 'stranger'],
  ['whoever is listed is let in', { allowFrom: ['7'] }, message(), 'allowed'],
  ['by number', { allowFrom: [7] }, message(), 'allowed'],
  ['by name, in any case', { allowFrom: ['@ANN'] }, message(), 'allowed'],
  ['with the channel before it', { allowFrom: ['demo:7'] }, message(), 'allowed'],
  ['not with another channel before it', { allowFrom: ['other:7'] }, message(), 'stranger'],
  ['a name is no id of somebody else', { dmPolicy: 'allowlist', allowFrom: ['8'] }, message({ sender: { id: '7', name: '8' } }), 'ignored'],
  ['allowlist: nobody else', { dmPolicy: 'allowlist', allowFrom: ['8'] }, message(), 'ignored'],
  ['open needs the star', { dmPolicy: 'open' }, message(), 'ignored'],
  ['open with the star', { dmPolicy: 'open', allowFrom: ['*'] }, message(), 'allowed'],
  ['disabled, listed or not', { dmPolicy: 'disabled', allowFrom: ['7'] }, message(), 'ignored'],
  ['bots are not answered', { allowFrom: ['*'] }, message({ sender: { id: '7', isBot: true } }), 'ignored'],
  ['unless they may be', { allowFrom: ['*'], allowBots: true }, message({ sender: { id: '7', isBot: true } }), 'allowed'],
  ['groups: nobody is let in by default', {}, inGroup({ isMention: true }), 'ignored'],
  ['a listed group needs a mention', { groups: { '-100': {} } }, inGroup(), 'overheard'],
  ['and is answered with one', { groups: { '-100': {} } }, inGroup({ isMention: true }), 'allowed'],
  ['a reply to us is one', { groups: { '-100': {} } }, inGroup({ replyTo: { messageId: '1', isOurs: true } }), 'allowed'],
  ['a pattern is one', { groups: { '-100': {} } }, inGroup({ text: 'Claw, please' }), 'allowed', { messages: { groupChat: { mentionPatterns: ['(', '^claw'] } } }],
  ['without where none is needed', { groups: { '-100': { requireMention: false } } }, inGroup(), 'allowed'],
  ['all groups', { groups: { '*': { requireMention: false } } }, inGroup(), 'allowed'],
  ['the own settings of a group win', { groups: { '*': { requireMention: false }, '-100': { requireMention: true } } }, inGroup(), 'overheard'],
  ['a group that is switched off', { groups: { '*': {}, '-100': { enabled: false } } }, inGroup({ isMention: true }), 'ignored'],
  ['another group than the listed ones', { groups: { '-200': {} }, groupAllowFrom: ['7'] }, inGroup({ isMention: true }), 'ignored'],
  ['senders of groups', { groupAllowFrom: ['7'] }, inGroup({ isMention: true }), 'allowed'],
  ['other senders of groups', { groupAllowFrom: ['8'] }, inGroup({ isMention: true }), 'ignored'],
  ['open groups', { groupPolicy: 'open' }, inGroup({ isMention: true }), 'allowed'],
  ['open groups have senders, too, where some are named', { groupPolicy: 'open', groupAllowFrom: ['8'] }, inGroup({ isMention: true }), 'ignored'],
  ['groups that are switched off', { groupPolicy: 'disabled', groups: { '*': {} } }, inGroup({ isMention: true }), 'ignored'],
  ['the policy of all channels', {}, inGroup({ isMention: true }), 'allowed', { channels: { defaults: { groupPolicy: 'open' } } }],
  ['being let in by pairing opens no group', { groups: { '-200': {} } }, inGroup({ isMention: true }), 'ignored'],
  ['nothing is inherited', { groups: {} }, inGroup({ chat: { kind: 'group', id: 'constructor' }, isMention: true }), 'ignored']
]

t.test('who is answered', async t => {
  for (const [title, account, sent, expected, rest = {}] of cases) {
    const config = await configOf({ ...rest, channels: { ...(rest as { channels?: object }).channels, demo: account } })
    const entry = accountEntries(config).find(({ channel }) => channel === 'demo')!
    t.equal(accessOf(entry, sent, config, false).kind, expected, title)
  }
})

t.test('whom a person has let in is answered; who owns the gateway is said by the configuration alone', async t => {
  const config = await configOf({ channels: { demo: {} }, commands: { ownerAllowFrom: ['demo:9'] } })
  const [entry] = accountEntries(config)
  t.same(accessOf(entry!, message(), config, true), { kind: 'allowed', isOwner: false })
  t.same(accessOf(entry!, message({ sender: { id: '9' } }), config, true), { kind: 'allowed', isOwner: true })
  t.same(accessOf(entry!, message({ sender: { id: '9' } }), config, false), { kind: 'stranger' }, 'owning is not being let in')
})

t.test('the most specific rule says which agent answers, and everything that it names has to fit', async t => {
  const config = await configOf({
    agents: { entries: { main: { default: true }, a: {}, b: {}, c: {}, d: {}, e: {}, f: {} } },
    session: { dmScope: 'per-peer' },
    bindings: [
      { agentId: 'a', match: { channel: 'demo' } },
      { agentId: 'b', match: { channel: 'demo', accountId: 'second' } },
      { agentId: 'c', match: { channel: 'demo', guildId: 'G' } },
      { agentId: 'd', match: { channel: 'demo', guildId: 'G', roles: ['mod'] } },
      { agentId: 'e', match: { channel: 'demo', peer: { kind: 'group', id: '-100' } } },
      { agentId: 'f', match: { channel: 'demo', peer: { kind: 'group', id: '*' } } },
      { agentId: 'gone', match: { channel: 'demo', peer: { kind: 'direct', id: '7' } } },
      { agentId: 'b', match: { channel: 'demo', peer: { kind: 'direct', id: '8' }, accountId: 'third' } }
    ]
  })
  const first = { channel: 'demo', accountId: 'default', isDefaultAccount: true }
  const second = { channel: 'demo', accountId: 'second', isDefaultAccount: false }
  const at = (sent: InboundMessage, where = first): string => {
    const { agentId, matchedBy, sessionKey } = routeOf(sent, where, config)
    return `${agentId} ${matchedBy} ${sessionKey}`
  }
  const space = (more: object = {}): InboundMessage => message({ chat: { kind: 'channel', id: 'C', spaceId: 'G' }, ...more })
  t.equal(at(message()), 'a binding.channel agent:a:direct:7', 'an agent that is gone answers nobody')
  t.equal(at(message(), second), 'b binding.account agent:b:direct:7')
  t.equal(at(space()), 'c binding.guild agent:c:demo:channel:c')
  t.equal(at(space({ sender: { id: '7', roles: ['mod'] } })), 'd binding.guild+roles agent:d:demo:channel:c')
  t.equal(at(inGroup()), 'e binding.peer agent:e:demo:group:-100')
  t.equal(at(message({ chat: { kind: 'group', id: '-5', parentId: '-100' } })), 'e binding.peer.parent agent:e:demo:group:-5')
  t.equal(at(message({ chat: { kind: 'group', id: '-6' } })), 'f binding.peer.wildcard agent:f:demo:group:-6')
  t.equal(at(message({ sender: { id: '8' }, chat: { kind: 'direct', id: '8' } })), 'a binding.channel agent:a:direct:8', 'the account does not fit')
  t.equal(at(message(), { channel: 'other', accountId: 'default', isDefaultAccount: true }), 'main default agent:main:direct:7')
})

t.test('a stranger gets one code, three strangers wait at most, and an hour later they are forgotten', async t => {
  const store = createMemoryStore()
  let now = 1_000_000
  const make = () => createChannelPairing({ requests: store.collection('channel-requests'), allowed: store.collection('channel-allowed'), commit: store.commit, now: () => now })
  const pairing = make()
  const place = { channel: 'demo', accountId: 'default' }
  const first = await pairing.ask(place, { id: '7', username: 'ann' }, '7')
  t.match(first, { code: /^[A-HJ-NP-Z2-9]{8}$/, senderLabel: '@ann' })
  t.equal(await pairing.ask(place, { id: '7' }, '7'), undefined, 'told once')
  const others = await Promise.all(['8', '9', '10', '11'].map(async id => await pairing.ask(place, { id }, id)))
  t.equal(others.filter(request => request !== undefined).length, 2, 'no more than three, also at one moment')
  t.ok(await pairing.ask({ ...place, accountId: 'other' }, { id: '10' }, '10'), 'for each account')
  t.equal((await pairing.list(place)).length, pairingLimits.pendingPerAccount)

  t.equal(await pairing.isApproved(place, '7'), false)
  await t.rejects(pairing.approve({}, 'AAAAAAAA'), { code: 'NOT_FOUND' })
  t.equal((await pairing.approve({ channel: 'demo' }, first!.code.toLowerCase())).senderId, '7')
  t.equal(await make().isApproved(place, '7'), true, 'also for the next gateway')
  t.equal(await pairing.isApproved({ ...place, accountId: 'other' }, '7'), false, 'for this account')
  await t.rejects(pairing.approve({}, first!.code), { code: 'NOT_FOUND' }, 'a code works once')
  t.equal(await pairing.revoke(place, '7'), true)
  t.equal(await pairing.isApproved(place, '7'), false)

  now += pairingLimits.ttlMs
  t.same(await pairing.list(), [])
  t.same(await store.collection('channel-requests').all(), [], 'and gone from the store')
  t.ok(await pairing.ask(place, { id: '8' }, '8'), 'a new code')
})
