import t from 'tap'
import { mayBeWrittenTo } from '../../src/sessions/send-policy.ts'

const deny = (match: object) => ({ action: 'deny', match })
const allow = (match: object) => ({ action: 'allow', match })

t.test('a rule fits when every field that it names does, and the first deny wins', t => {
  const policy = {
    default: 'allow' as const,
    rules: [allow({}), deny({ channel: 'discord', chatType: 'group' }), deny({ keyPrefix: 'Cron:' }), deny({ rawKeyPrefix: 'agent:work:' }), deny({ channel: 'sms', chatType: 'dm' })]
  }
  const cases: Array<[key: string, may: boolean]> = [
    ['agent:main:discord:group:1', false], ['agent:main:discord:direct:1', true], ['agent:main:telegram:group:1', true], ['agent:main:cron:job', false],
    ['agent:work:main', false], ['agent:main:main', true], ['agent:main:sms:direct:7', false]
  ]
  for (const [key, may] of cases) t.equal(mayBeWrittenTo(key, undefined, policy), may, key)
  t.equal(mayBeWrittenTo('agent:main:exp', { channel: 'discord', chatType: 'group' }, policy), false, 'what the row knows counts')
  t.end()
})

t.test('without a fitting rule the default decides, and a decision for one conversation goes before all', t => {
  const policy = { default: 'deny' as const, rules: [allow({ keyPrefix: 'main' })] }
  t.equal(mayBeWrittenTo('agent:main:main', undefined, policy), true)
  t.equal(mayBeWrittenTo('agent:main:other', undefined, policy), false)
  t.equal(mayBeWrittenTo('agent:main:other', { overrides: { sendPolicy: 'allow' } }, policy), true)
  t.equal(mayBeWrittenTo('agent:main:main', { overrides: { sendPolicy: 'deny' } }, policy), false)
  t.equal(mayBeWrittenTo('agent:main:other', undefined, undefined), true)
  t.end()
})
