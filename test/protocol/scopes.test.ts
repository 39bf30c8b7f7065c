import t from 'tap'
import { coversScopes, expandScopes, fullOperatorScopes, knownScopes, normalizeTokenScopes, scopes } from '../../src/protocol/scopes.ts'

t.test('admin holds every operator scope', async t => {
  t.same([...expandScopes(['operator.admin'])].sort(), [...scopes].sort())
})

t.test('write brings read, talk and sessions, but no approvals, pairing, questions or secrets', async t => {
  const write = expandScopes(['operator.write'])
  for (const scope of ['operator.read', 'operator.talk', 'operator.sessions.read', 'operator.sessions.write'] as const) t.ok(write.has(scope), scope)
  for (const scope of ['operator.approvals', 'operator.pairing', 'operator.questions', 'operator.talk.secrets', 'operator.admin'] as const) t.notOk(write.has(scope), scope)
})

t.test('read brings reading sessions and nothing that changes them', async t => {
  t.same([...expandScopes(['operator.read'])].sort(), ['operator.read', 'operator.sessions.read'])
})

t.test('only scopes of the closed set survive, once each, in their order', async t => {
  t.same(knownScopes(['operator.write', 'operator.bogus', 'operator.read', 'operator.write', 7, null]), ['operator.write', 'operator.read'])
})

t.test('coverage follows what scopes include', async t => {
  t.ok(coversScopes(['operator.write'], ['operator.read', 'operator.sessions.read']))
  t.notOk(coversScopes(['operator.read'], ['operator.write']))
  t.ok(coversScopes([], []))
  t.ok(coversScopes(fullOperatorScopes, scopes), 'what the CLI asks for includes admin')
})

t.test('tokens spell out read and write, sorted', async t => {
  t.same(normalizeTokenScopes(['operator.pairing', 'operator.admin']), ['operator.admin', 'operator.pairing', 'operator.read', 'operator.write'])
})
