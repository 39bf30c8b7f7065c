import t from 'tap'
import { escapeControl } from '../../src/lib/text.ts'
import { buildKey, checkSessionId, isBackground, isDisposable, isSessionId, maxKeyLength, parseKey, resolveKey, type KeyRules } from '../../src/sessions/keys.ts'
import { peerKey } from '../../src/sessions/peer-key.ts'

const agents = new Set(['main', 'iris', 'ops-desk'])
const rules: KeyRules = { hasAgent: id => agents.has(id), defaultAgentId: () => 'main', mustName: () => false, scope: () => 'per-sender' }
const keyOf = (name: string | undefined, agentId?: string, more: Partial<KeyRules> = {}): string => resolveKey(name, agentId, { ...rules, ...more }).key

t.test('whatever clients call a session has one canonical key', async t => {
  const cases: Array<[string | undefined, string | undefined, string]> = [
    [undefined, undefined, 'agent:main:main'],
    ['main', undefined, 'agent:main:main'],
    ['MAIN', undefined, 'agent:main:main'],
    ['main', 'iris', 'agent:iris:main'],
    ['agent:main:main', undefined, 'agent:main:main'],
    ['Agent:Iris:Exp-A', undefined, 'agent:iris:exp-a'],
    ['agent:iris:main', 'iris', 'agent:iris:main'],
    ['iris-main', undefined, 'agent:iris:main'],
    ['ops-desk-main', undefined, 'agent:ops-desk:main'],
    ['iris-main', 'main', 'agent:main:iris-main'],
    ['nobody-main', undefined, 'agent:main:nobody-main'],
    ['http:dm:alice', undefined, 'agent:main:http:dm:alice'],
    ['http:dm:Alice', 'iris', 'agent:iris:http:dm:alice'],
    ['  padded  ', undefined, 'agent:main:padded'],
    ['with space', undefined, 'agent:main:with space'],
    ['telegram:group:-100:topic:7', undefined, 'agent:main:telegram:group:-100:topic:7'],
    ['agent:main:signal:group:AbC+/=', undefined, 'agent:main:signal:group:AbC+/='],
    ['agent:main:Matrix:Channel:!Room:Example.org', undefined, 'agent:main:matrix:channel:!Room:Example.org'],
    ['agent:main:googlechat:group:spaces/AAA', undefined, 'agent:main:googlechat:group:spaces/aaa']
  ]
  for (const [name, agentId, key] of cases) t.equal(keyOf(name, agentId), key, `${name} for ${agentId}`)
  t.equal(resolveKey('  iris-main ', undefined, rules).name, 'iris-main', 'the name is kept for the echo')
  t.equal(keyOf('global', undefined, { scope: () => 'global' }), 'agent:main:main')
  t.equal(keyOf('global'), 'agent:main:global')
})

t.test('where callers have to choose an agent, a name that says none is refused', t => {
  const mustName = () => true
  for (const name of [undefined, 'main', 'http:dm:alice']) {
    t.throws(() => keyOf(name, undefined, { mustName }), { code: 'INVALID_PARAMS', message: /select an agent explicitly/ })
    t.match(keyOf(name, 'iris', { mustName }), /^agent:iris:/)
  }
  t.equal(keyOf('iris-main', undefined, { mustName }), 'agent:iris:main')
  t.equal(keyOf('agent:iris:x', undefined, { mustName }), 'agent:iris:x')
  t.end()
})

t.test('a key of another agent, of no agent or of a stranger is refused', async t => {
  t.throws(() => keyOf('agent:iris:main', 'main'), { code: 'INVALID_PARAMS', message: /belongs to agent "iris"/ })
  t.throws(() => keyOf('agent:ghost:main'), { code: 'AGENT_UNKNOWN', message: 'unknown agent id "ghost"' })
  t.throws(() => keyOf('main', 'ghost'), { code: 'AGENT_UNKNOWN' })
  t.throws(() => keyOf('agent:../x:main'), { code: 'INVALID_PARAMS' })
  t.throws(() => keyOf('unknown'), { code: 'INVALID_PARAMS', message: /reserved/ })
})

t.test('what could be a path or hides something is no key', async t => {
  const hostile = [
    '', '   ', '..', '../etc/passwd', 'a/../../b', 'agent:main:../../x', 'agent:main:..', '..\\windows', 'a\\b', '/etc/passwd', 'a//b', 'a/.ssh/id', 'dir/',
    '%2e%2e%2fetc', 'a%2Fb', 'a%5cb', 'a%00b', 'a\0b', 'line\nbreak', 'bell\u0007', 'right\u202eleft', 'zero\u200bwidth', 'lone\ud800', 'sep\u2028arator',
    'agent:', 'agent', 'agent::main', 'agent:main:', 'agent:main::x', ':x', 'x:', 'a::b', 'x'.repeat(maxKeyLength + 1)
  ]
  for (const [index, name] of hostile.entries()) t.throws(() => keyOf(name), { code: 'INVALID_PARAMS' }, `${index}: ${escapeControl(name.toWellFormed(), 40)}`)
  t.doesNotThrow(() => keyOf('x'.repeat(maxKeyLength)))
})

t.test('session ids are plain words, because files are named after them', async t => {
  for (const id of ['d99fe829-b722-4f64-bc96-1c5498368bf6', 'a', 'A_b-c.d', '0']) t.ok(isSessionId(id), id)
  for (const id of ['', '.', '..', '../x', 'a/b', 'a\\b', 'a..b', '.hidden', 'a.', '-x', 'a b', 'a\0', 'a\n', 'é', 'x'.repeat(129), 7, null]) {
    t.notOk(isSessionId(id), JSON.stringify(id))
  }
  t.throws(() => checkSessionId('../../etc/passwd'), { code: 'INVALID_PARAMS', message: /invalid sessionId/ })
})

t.test('a key says what kind of conversation it is', async t => {
  const cases: { [rest: string]: object } = {
    main: { kind: 'main' },
    'direct:alice': { kind: 'direct', peer: 'alice' },
    'telegram:direct:42': { kind: 'direct', channel: 'telegram', peer: '42' },
    'telegram:work:direct:42': { kind: 'direct', channel: 'telegram', accountId: 'work', peer: '42' },
    'http:dm:alice': { kind: 'direct', channel: 'http', peer: 'alice' },
    'slack:channel:c1:thread:17.2': { kind: 'channel', channel: 'slack', peer: 'c1', threadId: '17.2' },
    'telegram:group:-100:topic:7': { kind: 'group', channel: 'telegram', peer: '-100', threadId: '7' },
    'matrix:channel:!Room:example.org': { kind: 'channel', channel: 'matrix', peer: '!Room:example.org' },
    'dashboard:5f1c': { kind: 'dashboard' },
    'dashboard:incognito-5f1c': { kind: 'dashboard', incognito: true },
    'subagent:5f1c': { kind: 'subagent' },
    'explicit:key-1': { kind: 'explicit' },
    'cron:job:run:1': { kind: 'cron' },
    'hook:mail': { kind: 'hook' },
    'heartbeat:x': { kind: 'heartbeat' },
    'openai:5f1c': { kind: 'openai', oneShot: true },
    'openai-user:alice': { kind: 'openai' },
    'openresponses:5f1c': { kind: 'openresponses', oneShot: true },
    'openresponses-user:alice': { kind: 'openresponses' },
    'codex:acp:5f1c': { kind: 'acp' },
    'exp-a': { kind: 'custom' },
    cron: { kind: 'custom' },
    'dm:alice': { kind: 'custom' }
  }
  for (const [rest, parts] of Object.entries(cases)) {
    const { agentId, rest: parsedRest, ...parsed } = parseKey(buildKey('main', rest))
    t.same(parsed, parts, rest)
    t.equal(agentId, 'main')
    t.equal(parsedRest, rest)
  }
})

t.test('only work behind conversations and single requests may be thrown away', async t => {
  const of = (rest: string) => parseKey(`agent:main:${rest}`)
  t.same(['subagent:x', 'cron:x', 'hook:x', 'codex:acp:x'].map(rest => [isBackground(of(rest)), isDisposable(of(rest))]), Array(4).fill([true, true]))
  t.same([isBackground(of('openai:x')), isDisposable(of('openai:x'))], [false, true])
  for (const rest of ['main', 'dashboard:x', 'openai-user:x', 'telegram:group:1', 'exp-a']) t.notOk(isDisposable(of(rest)), rest)
})

t.test('conversations of channels get their keys by the rules of the configuration', async t => {
  const shared = { dmScope: 'main', groupScope: 'per-group', identityLinks: {} } as const
  const dm = { agentId: 'main', channel: 'telegram', accountId: 'work', kind: 'direct', id: '42' } as const
  t.equal(peerKey(dm, shared), 'agent:main:main')
  t.equal(peerKey(dm, { ...shared, dmScope: 'per-peer' }), 'agent:main:direct:42')
  t.equal(peerKey(dm, { ...shared, dmScope: 'per-channel-peer' }), 'agent:main:telegram:direct:42')
  t.equal(peerKey(dm, { ...shared, dmScope: 'per-account-channel-peer' }), 'agent:main:telegram:work:direct:42')
  const links = { alice: ['telegram:42', 'discord:9'] }
  t.equal(peerKey(dm, { ...shared, dmScope: 'per-peer', identityLinks: links }), 'agent:main:direct:alice')
  t.equal(peerKey({ ...dm, channel: 'discord', id: '9' }, { ...shared, dmScope: 'per-peer', identityLinks: links }), 'agent:main:direct:alice')
  const group = { agentId: 'iris', channel: 'slack', kind: 'channel', id: 'C1' } as const
  t.equal(peerKey(group, shared), 'agent:iris:slack:channel:c1')
  t.equal(peerKey({ ...group, threadId: '17.2' }, shared), 'agent:iris:slack:channel:c1:thread:17.2')
  t.equal(peerKey({ ...group, kind: 'group', topicId: '7' }, shared), 'agent:iris:slack:group:c1:topic:7')
  t.equal(peerKey(group, { ...shared, groupScope: 'main' }), 'agent:iris:main')
  t.equal(peerKey({ ...group, groupScope: 'main' }, shared), 'agent:iris:main', 'a binding decides for itself')
})
