import t from 'tap'
import { diffConfig, reloadClassOf } from '../../src/config/reload.ts'

t.test('each key knows what its change takes', async t => {
  const classes = {
    'gateway.port': 'restart',
    'gateway.bind': 'restart',
    'gateway.auth.mode': 'restart',
    'gateway.auth.token': 'room:auth',
    'gateway.auth.rateLimit.maxAttempts': 'room:auth',
    'gateway.controlUi.allowedOrigins': 'live',
    'gateway.controlUi.allowedOrigins[3]': 'live',
    'gateway.controlUi.basePath': 'restart',
    'gateway.reload.mode': 'none',
    'gateway.channelHealthCheckMinutes': 'room:channels',
    'gateway.trustedProxies': 'live',
    'gateway.tls.enabled': 'restart',
    'gateway.unknown.key': 'none',
    'store.durability': 'restart',
    'logging.level': 'room:log',
    'channels.telegram.botToken': 'room:channels',
    'channels.telegram.accounts.a.enabled': 'room:channels',
    'agents.list[0].heartbeat.every': 'room:cron',
    'agents.entries.main.model': 'live',
    'models.providers.x.apiKey': 'room:providers',
    'meta.lastTouchedAt': 'none',
    nothing: 'none',
    'channels.plugin.key': 'room:channels'
  }
  for (const [path, expected] of Object.entries(classes)) t.equal(reloadClassOf(path), expected, path)
})

t.test('a difference is the list of changed leaves', async t => {
  const before = { gateway: { port: 1, auth: { token: 'a' } }, tools: { deny: ['x'] }, gone: { a: 1, b: { c: 2 } } }
  const after = { gateway: { port: 2, auth: { token: 'a' } }, tools: { deny: ['x', 'y'] }, added: { 'a.b': 1 } }
  t.same(diffConfig(before, after).sort(), ['added["a.b"]', 'gateway.port', 'gone.a', 'gone.b.c', 'tools.deny'])
})

t.test('the order of keys is no difference, and neither is an empty configuration none', async t => {
  t.same(diffConfig({ a: 1, b: { c: 1, d: 2 } }, { b: { d: 2, c: 1 }, a: 1 }), [])
  t.same(diffConfig(undefined, {}), [])
  t.same(diffConfig({}, {}), [])
})

t.test('an object in place of a value, and an empty object that comes or goes, are differences', async t => {
  t.same(diffConfig({ a: 'x' }, { a: { primary: 'x' } }), ['a'])
  t.same(diffConfig({}, { a: {} }), ['a'])
  t.same(diffConfig({ a: {} }, {}), ['a'])
  t.same(diffConfig({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), [])
  t.same(diffConfig({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }), ['a'])
  t.same(diffConfig({ a: null }, { a: 0 }), ['a'])
})
