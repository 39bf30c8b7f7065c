/* eslint no-template-curly-in-string: off -- these are the variables of a configuration */
import t from 'tap'
import { redactConfig, restoreRedacted } from '../../src/config/redact.ts'
import { redactedMark } from '../../src/config/redacted-mark.ts'
import { childrenOf, type AnyGroup, type Node } from '../../src/config/schema/node.ts'
import { configTree } from '../../src/config/schema.ts'
import { validateConfig } from '../../src/config/validate.ts'

const mark = redactedMark

/** A configuration that has a canary in every place that can hold text. */
function plant (node: Node, canary: () => string): unknown {
  if (node.kind === 'map') return { one: plant(node.item as Node, canary) }
  if (node.kind === 'list') return [plant(node.item as Node, canary)]
  const children = childrenOf(node)
  if (children) {
    const own = Object.fromEntries(Object.entries(children).map(([name, child]) => [name, plant(child, canary)]))
    const rest = (node as AnyGroup).rest as Node | undefined
    return rest ? { ...own, one: plant(rest, canary) } : own
  }
  const type = (node as { type: { type?: string, anyOf?: unknown[] } }).type
  if (type.type === 'object') return { any: canary(), nested: { botToken: canary(), apiKey: canary(), deep: [{ password: canary() }] } }
  return type.type === 'string' || type.anyOf ? canary() : undefined
}

t.test('a canary in every secret of the whole schema, and under every secret name, comes out redacted', async t => {
  let count = 0
  const shown = JSON.stringify(redactConfig(plant(configTree, () => `canary-${++count}`)))
  t.ok(count > 300)
  const secretNames = /"(botToken|apiKey|password|token|webhookToken)":"(?!__OPENCLAW_REDACTED__)/
  t.notMatch(shown, secretNames)
})

t.test('declared secrets are marked, everything else stays', async t => {
  const shown = redactConfig({
    gateway: { port: 1, auth: { mode: 'token', token: 'abc', password: '' } },
    models: { providers: { a: { baseUrl: 'https://x', apiKey: 'k', headers: { 'x-any': 'v' }, models: [{ id: 'm', maxTokens: 5 }] } } },
    env: { vars: { MY_NAME: 'v' } },
    session: { maxTokens: 7, mainKey: 'main' }
  })
  t.same(shown, {
    gateway: { port: 1, auth: { mode: 'token', token: mark, password: '' } },
    models: { providers: { a: { baseUrl: 'https://x', apiKey: mark, headers: { 'x-any': mark }, models: [{ id: 'm', maxTokens: 5 }] } } },
    env: { vars: { MY_NAME: mark } },
    session: { maxTokens: 7, mainKey: 'main' }
  })
})

t.test('of what nobody declared nothing is shown but its names', async t => {
  const shown = redactConfig({
    own: { thing: 'plain', list: ['words', { deep: 1234 }], flag: true, from: { source: 'env', id: 'A', beside: 'x' } },
    gateway: { mystery: 'plain', port: { inside: 'plain' }, auth: { pin: 4711 } }
  })
  t.same(shown, {
    own: { thing: mark, list: [mark, { deep: mark }], flag: true, from: { source: mark, id: mark, beside: mark } },
    gateway: { mystery: mark, port: { inside: mark }, auth: { pin: mark } }
  })
  t.equal(redactConfig('plain', ['own', 'thing']), mark)
  const names = { $include: './base.json5', $schema: 'https://example.com/s.json', gateway: { $include: ['./a.json5', './b.json5'] } }
  t.same(redactConfig(names), names)
})

t.test('what a variable put where others say what belongs there is not shown', async t => {
  const source = { plugins: { entries: { p: { config: { word: 'swordfish', label: 'l' } } } }, models: { providers: { a: { baseUrl: 'http://a' } } } }
  const shown = redactConfig(source, [], new Set(['swordfish', 'http://a']))
  t.same(shown, { ...source, plugins: { entries: { p: { config: { word: mark, label: 'l' } } } } })
})

t.test('keys of plugins and channels are judged by their name, wherever they stand', async t => {
  const shown = redactConfig({
    channels: { telegram: { botToken: '1:a', chat: 'x', accounts: { a: { signingSecret: 's', webhookSecret: { value: 'v' } } } } },
    plugins: { entries: { p: { config: { nested: [{ 'api-key': 'k', label: 'l' }] } } } },
    agents: { defaults: { db_password: 'p' } }
  })
  t.same(shown, {
    channels: { telegram: { botToken: mark, chat: 'x', accounts: { a: { signingSecret: mark, webhookSecret: { value: mark } } } } },
    plugins: { entries: { p: { config: { nested: [{ 'api-key': mark, label: 'l' }] } } } },
    agents: { defaults: { db_password: mark } }
  })
})

t.test('references and names of variables say nothing secret and stay', async t => {
  const ref = { source: 'exec', provider: 'vault', id: 'gw' }
  t.same(redactConfig({ gateway: { auth: { token: ref, password: '${PW}' } } }), { gateway: { auth: { token: ref, password: '${PW}' } } })
  t.same(redactConfig({ gateway: { auth: { password: 'x${PW}' } } }), { gateway: { auth: { password: mark } } })
})

t.test('credentials inside URLs are taken out', async t => {
  t.equal(redactConfig('https://user:pass@host/x?token=abc&q=1', ['models', 'providers', 'a', 'baseUrl']), `https://user:${mark}@host/x?token=${mark}&q=1`)
})

t.test('a part is judged by its place', async t => {
  t.equal(redactConfig('abc', ['gateway', 'auth', 'token']), mark)
  t.equal(redactConfig(18789, ['gateway', 'port']), 18789)
  t.same(redactConfig({ apiKey: 'x' }, ['models', 'providers', 'a']), { apiKey: mark })
})

t.test('the original is not touched, and a loaded configuration can be shown as well', async t => {
  const source = { gateway: { auth: { token: 'abc' } } }
  redactConfig(source)
  t.equal(source.gateway.auth.token, 'abc')
  t.equal(redactConfig(validateConfig(source).config).gateway.auth.token, mark)
})

t.test('what comes back with marks gets its secrets back from the stored text', async t => {
  const stored = { gateway: { auth: { token: 'abc' } }, agents: { list: [{ id: 'a', x: { apiKey: '1' } }, { id: 'b', x: { apiKey: '2' } }] }, url: 'https://u:p@h/' }
  const shown = redactConfig(stored)
  t.notSame(shown, stored)
  t.same(restoreRedacted(shown, stored), { value: stored, missing: [] })
  const moved = { ...shown, agents: { list: [...shown.agents.list].reverse() } }
  t.same(restoreRedacted(moved, stored).value, { ...stored, agents: { list: [...stored.agents.list].reverse() } }, 'by id, not by place')
  t.same(restoreRedacted({ gateway: { auth: { password: mark } }, list: [mark] }, stored).missing, ['gateway.auth.password', 'list[0]'])
})

t.test('marks of a list that has become shorter are filled in only where it is sure what each of them was', async t => {
  const stored = { own: { list: ['a', 'b', 'c'], pairs: [{ a: 'x' }, { a: 'y' }] } }
  const shown = redactConfig(stored)
  t.same(restoreRedacted(shown, stored), { value: stored, missing: [] })
  t.same(restoreRedacted({ own: { list: [mark, mark] } }, stored).missing, ['own.list[0]', 'own.list[1]'], 'which of the three has gone?')
  t.same(restoreRedacted({ own: { pairs: [{ a: mark }] } }, stored).missing, ['own.pairs[0].a'])
  t.same(restoreRedacted({ own: { list: ['new', mark, mark, mark] } }, stored).value, { own: { list: ['new', 'a', 'b', 'c'] } })
  t.same(restoreRedacted({ own: { list: [mark, 'new', mark] } }, stored).value, { own: { list: ['a', 'new', 'c'] } })
})

t.test('a mark for what a variable or a reference leads to leaves the file as it says', async t => {
  const stored = { gateway: { auth: { token: '${TOKEN}', password: { source: 'env', id: 'PW' } } } }
  t.same(restoreRedacted({ gateway: { auth: { token: mark, password: mark } } }, stored), { value: stored, missing: [] })
})
