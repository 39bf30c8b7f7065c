import { test } from 'tap'
import { createPolicy, policySteps } from '../../src/tools/policy/chain.ts'
import { globMatches } from '../../src/tools/policy/patterns.ts'
import type { PolicyQuestion } from '../../src/tools/policy.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { loaded, question, tool, tools } from './policy-scene.ts'

type Names = ReadonlyArray<keyof typeof tools>
const every = Object.keys(tools) as Array<keyof typeof tools>

async function names (t: { testdir (): string, teardown (fn: () => unknown): void }, source: object, more: Partial<PolicyQuestion> = {}): Promise<Names> {
  const config = await loaded(t, source)
  const policy = createPolicy({ config: () => config })
  return every.filter(name => policy.allows(question(tools[name], more)))
}

async function why (t: { testdir (): string, teardown (fn: () => unknown): void }, source: object, asked: Tool, more: Partial<PolicyQuestion> = {}): Promise<string> {
  const config = await loaded(t, source)
  const { allowed, steps } = createPolicy({ config: () => config }).judge(question(asked, more))
  const last = steps.at(-1)!
  return allowed ? 'allowed' : `${last.step}: ${last.because}`
}

test('without any setting a run has every tool', async t => {
  t.same(await names(t, {}), every)
})

test('a profile is the set of tools that it names, and alsoAllow beside it adds', async t => {
  t.same(await names(t, { tools: { profile: 'minimal' } }), ['status'])
  t.same(await names(t, { tools: { profile: 'messaging' } }), ['status', 'send', 'spawn', 'list', 'message', 'outlook'])
  t.same(await names(t, { tools: { profile: 'coding' } }),
    ['read', 'write', 'applyPatch', 'exec', 'status', 'send', 'spawn', 'list', 'fetch', 'cron', 'outlook'])
  t.same(await names(t, { tools: { profile: 'full' } }), every)
  t.same(await names(t, { tools: { profile: 'minimal', alsoAllow: ['TTS', 'group:web'] } }), ['status', 'fetch', 'tts'])
  t.same(await names(t, { tools: { profile: 'minimal', alsoAllow: ['gateway'] } }), ['status', 'gateway'])
})

test('the profile of an agent stands instead of the general one', async t => {
  const source = { tools: { profile: 'coding' }, agents: { entries: { main: {}, desk: { tools: { profile: 'minimal', alsoAllow: ['tts'] } } } } }
  t.same(await names(t, source, { agentId: 'desk' }), ['status', 'tts'])
  t.same(await names(t, source, { agentId: 'DESK' }), ['status', 'tts'])
  t.ok((await names(t, source)).includes('exec'))
})

test('deny wins over every list that allows, by name, alias, group and pattern', async t => {
  for (const entry of ['exec', 'EXEC', ' Exec ', 'bash', 'BASH', 'group:runtime', 'Group:Runtime', 'ex*', '*ec', 'e*c', '*']) {
    t.equal(await why(t, { tools: { allow: ['exec', '*'], deny: [entry] } }, tools.exec), `allow and deny: tools.deny has "${entry}"`)
  }
  t.same(await names(t, { tools: { deny: ['group:plugins', 'group:openclaw'] } }), ['read', 'write', 'applyPatch', 'exec'])
})

test('an allow list leaves what it names, and an empty one leaves nothing', async t => {
  t.same(await names(t, { tools: { allow: ['exec', 'session*'] } }), ['exec', 'status', 'send', 'spawn', 'list'])
  t.same(await names(t, { tools: { allow: [] } }), [])
})

test('who may write may patch, and forbidding to write does not forbid to patch', async t => {
  t.same(await names(t, { tools: { allow: ['Write'] } }), ['write', 'applyPatch'])
  t.ok((await names(t, { tools: { deny: ['write'] } })).includes('applyPatch'))
  t.same(await names(t, { tools: { allow: ['writ*'] } }), ['write'], 'only when it is said in so many words')
})

test('rules for a model hold for it or for all of its provider and for no other', async t => {
  const source = { tools: { byProvider: { openai: { profile: 'minimal' }, 'anthropic/big': { deny: ['exec'] }, local: { allow: ['tts'] } } } }
  t.same(await names(t, source, { model: 'openai/gpt' }), ['status'])
  t.same(await names(t, source, { model: 'local/any' }), ['tts'])
  t.notOk((await names(t, source, { model: 'Anthropic/Big' })).includes('exec'))
  t.ok((await names(t, source, { model: 'anthropic/small' })).includes('exec'))
  t.same(await names(t, source, { model: 'openai-like/x' }), every)
  t.same(await names(t, source), every)
})

test('an agent can only take away what was allowed before it', async t => {
  const source = { tools: { deny: ['exec'] }, agents: { entries: { main: { tools: { allow: ['exec', 'tts'], byProvider: { openai: { deny: ['tts'] } } } } } } }
  t.same(await names(t, source), ['tts'])
  t.same(await names(t, source, { model: 'openai/x' }), [])
})

test('the rule that fits a sender best stands, and the one of the agent before the general one', async t => {
  const source = {
    tools: { toolsBySender: { 'id:7': { deny: ['exec'] }, 'channel:telegram:7': { deny: ['tts'] }, '*': { allow: ['session_status'] } } },
    agents: { entries: { main: {}, open: { tools: { toolsBySender: { '*': {} } } } } }
  }
  const by = (id: string, more: object = {}) => ({ sender: { id }, isOwner: false, channel: 'telegram', ...more })
  const guest = every.filter(name => name !== 'cron' && name !== 'gateway')
  t.same(await names(t, source, by('7')), guest.filter(name => name !== 'tts'))
  t.same(await names(t, source, by('7', { channel: 'slack' })), guest.filter(name => name !== 'exec'))
  t.same(await names(t, source, by('8')), ['status'])
  t.same(await names(t, source, { isOwner: false }), ['status'], 'nobody known is everybody')
  t.same(await names(t, source), every, 'the owner at the console is nobody\'s guest')
  t.same(await names(t, source, by('8', { agentId: 'open' })), guest)
})

test('a rule for a sender that cannot be read forbids everything', async t => {
  const by = { sender: { id: '7' }, isOwner: false }
  t.same(await names(t, { tools: { toolsBySender: { '*': 'exec' } } }, by), [])
  t.same(await names(t, { tools: { toolsBySender: { '*': { deny: 'exec' } } } }, by), [])
  t.same(await names(t, { tools: { toolsBySender: { '*': { allow: [1] } } } }, by), [])
})

test('the rules of a group hold for messages that came from it', async t => {
  const groups = { '*': { tools: { deny: ['exec'] } }, '-100': { tools: { deny: ['read'] }, toolsBySender: { 'id:7': {} } } }
  const source = { channels: { telegram: { groups } } }
  const at = (group: string, id = '8') => ({ channel: 'telegram', group, sender: { id } })
  t.notOk((await names(t, source, at('-200'))).includes('exec'))
  t.notOk((await names(t, source, at('-100'))).includes('read'))
  t.ok((await names(t, source, at('-100'))).includes('exec'))
  t.same(await names(t, source, at('-100', '7')), every)
})

test('inside a sandbox there is what works on the box unless the configuration adds to it', async t => {
  const boxed = { isSandboxed: true }
  t.same(await names(t, {}, boxed), ['read', 'write', 'applyPatch', 'exec', 'status', 'send', 'spawn', 'list'])
  t.ok((await names(t, { tools: { sandbox: { tools: { alsoAllow: ['bundle-mcp'] } } } }, boxed)).includes('outlook'))
  t.ok((await names(t, { tools: { sandbox: { tools: { alsoAllow: ['outlook__*'] } } } }, boxed)).includes('outlook'))
  t.same(await names(t, { tools: { sandbox: { tools: { allow: ['read'] } } } }, boxed), ['read'])
  t.same(await names(t, { tools: { sandbox: { tools: 'none' } } }, boxed), [])
})

test('subagents lose what their parent does for them, and at the bottom what starts others', async t => {
  const deep = { agents: { defaults: { subagents: { maxSpawnDepth: 3 } } }, tools: { alsoAllow: ['sessions_send', 'cron'] } }
  const lost = await names(t, deep, { subagentDepth: 1 })
  for (const name of ['send', 'message', 'cron', 'gateway'] as const) t.notOk(lost.includes(name), name)
  for (const name of ['spawn', 'list', 'exec'] as const) t.ok(lost.includes(name), name)
  const bottom = await names(t, deep, { subagentDepth: 3 })
  for (const name of ['spawn', 'list'] as const) t.notOk(bottom.includes(name), name)
  t.same(await names(t, { tools: { subagents: { tools: { allow: ['read'] } } } }, { subagentDepth: 1 }), ['read'])
})

test('owner-only tools are for nobody else whatever is allowed', async t => {
  const source = { tools: { allow: ['*'] }, gateway: { mode: 'local', tools: { allow: ['cron', 'gateway', 'nodes'] } } }
  for (const surface of ['run', 'http', 'rpc', 'mcp'] as const) {
    const allowed = await names(t, source, { surface, isOwner: false })
    for (const name of ['cron', 'gateway'] as const) t.notOk(allowed.includes(name), `${name} ${surface}`)
  }
  t.ok((await names(t, source, { surface: 'http' })).includes('cron'))
})

test('every rule up to the one that denied is told with the setting that says so', async t => {
  const config = await loaded(t, { tools: { profile: 'coding', deny: ['group:fs'] } })
  const policy = createPolicy({ config: () => config })
  t.same(policy.judge(question(tools.write)), {
    allowed: false,
    steps: [
      { step: 'profile', verdict: 'passes', because: 'tools.profile is "coding"' },
      { step: 'provider profile', verdict: 'passes', because: 'nothing is set' },
      { step: 'allow and deny', verdict: 'denied', because: 'tools.deny has "group:fs"' }
    ]
  })
  const { allowed, steps } = policy.judge(question(tools.exec))
  t.equal(allowed, true)
  t.same(steps.map(({ step }) => step), policySteps)
  t.equal(steps.every(({ because }) => because.length > 0), true)
})

test('a changed policy holds for the next question', async t => {
  let config = await loaded(t, {})
  const policy = createPolicy({ config: () => config })
  t.equal(policy.allows(question(tools.exec)), true)
  config = await loaded(t, { agents: { entries: { main: { tools: { deny: ['exec'] } } } } })
  t.equal(policy.allows(question(tools.exec)), false)
})

test('a star stands for anything and costs no more than the name is long', async t => {
  const cases: Array<[string, string, boolean]> = [
    ['*', '', true], ['*', 'x', true], ['a*', 'ab', true], ['a*', 'ba', false], ['*b*', 'abc', true], ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'acb', false], ['ab*ba', 'aba', false], ['a**b', 'ab', true], ['', 'a', false], ['a.c', 'abc', false], ['[a]', 'a', false]
  ]
  for (const [pattern, name, expected] of cases) t.equal(globMatches(pattern, name), expected, `${pattern} ${name}`)
  t.equal(globMatches('*a'.repeat(2000) + 'b', 'a'.repeat(4000)), false)
})

test('tools are closed to programs by name or by what they touch, and opened one by one', async t => {
  const exotic = tool('run_python', { capability: 'exec' })
  const dressed = tool('Shell', { capability: 'outside', origin: { kind: 'mcp', id: 'x' } })
  for (const asked of [exotic, dressed, tools.read, tools.cron]) {
    for (const allow of [[], ['*'], ['group:runtime'], ['group:plugins'], ['run_pytho*'], ['x']]) {
      const source = { gateway: { mode: 'local', tools: { allow } } }
      t.match(await why(t, source, asked, { surface: 'http' }), /^reach: closed to programs/, `${asked.name} ${allow.join()}`)
    }
    const opened = { gateway: { mode: 'local', tools: { allow: [asked.name.toUpperCase()] } } }
    t.equal(await why(t, opened, asked, { surface: 'http' }), 'allowed', asked.name)
    t.match(await why(t, opened, asked, { surface: 'http', isOwner: false }), /^(reach|owner): /)
    const both = { gateway: { mode: 'local', tools: { allow: [asked.name], deny: [asked.name] } } }
    t.match(await why(t, both, asked, { surface: 'http' }), /^gateway deny: gateway\.tools\.deny has/)
  }
})
