import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts'
import { contractProblem } from '../../contract.ts'
import { admitted, startGateway, type ConnectOptions, type Frame, type TestClient } from '../../helper.ts'

const withCaps = (caps: string[], more: ConnectOptions = {}): ConnectOptions => ({ ...more, adjust: params => ({ ...params, caps }) })

async function people (t: Parameters<typeof startGateway>[0], options: Parameters<typeof startGateway>[1] = {}) {
  const gateway = await startGateway(t, options)
  const { client: requester } = await admitted(gateway.url)
  const { client: approver } = await admitted(gateway.url, withCaps(['approvals']))
  return { gateway, requester, approver }
}

const ask = (client: TestClient, more: object = {}): { id: string, answer: Promise<Frame> } => {
  const id = randomUUID()
  const answer = client.request('exec.approval.request', { id, command: 'echo hi', cwd: '/tmp', host: 'gateway', timeoutMs: 60_000, ...more }, 10_000)
  // Not every test waits for it.
  answer.catch(() => {})
  return { id, answer }
}

const requested = (client: TestClient, id: string): Promise<Frame> =>
  client.frame(({ event, payload }) => event === 'exec.approval.requested' && payload.id === id)
const resolved = (client: TestClient, id: string): Promise<Frame> =>
  client.frame(({ event, payload }) => event === 'exec.approval.resolved' && payload.id === id)

t.test('a request is heard, looked at, decided once and remembered', async t => {
  const { requester, approver } = await people(t)
  const { id, answer } = ask(requester, { agentId: 'main', sessionKey: 'agent:main:main' })
  t.match((await requested(approver, id)).payload, {
    approvalKind: 'exec', request: { command: 'echo hi', allowedDecisions: ['allow-once', 'allow-always', 'deny'], systemRunBinding: null }, createdAtMs: Number
  })
  const { payload: told } = await approver.event('session.approval')
  t.equal(contractProblem('SessionApprovalEvent', told), undefined)
  t.match(await approver.request('exec.approval.list'), { payload: [{ id, approvalKind: 'exec' }] })
  t.match(await approver.request('exec.approval.get', { id }), { payload: { id, commandText: 'echo hi', commandPreview: null, host: 'gateway', nodeId: null } })
  const { payload: pending } = await approver.request('approval.get', { id })
  t.equal(contractProblem('ApprovalGetResult', pending), undefined)
  const { payload: followed } = await approver.request('sessions.messages.subscribe', { key: 'main', includeApprovals: true })
  t.equal(contractProblem('SessionApprovalReplay', followed.approvalReplay), undefined)
  t.match(followed.approvalReplay.approvals, [{ id, status: 'pending' }])
  t.match(await approver.request('exec.approval.resolve', { id, decision: 'perhaps' }), { error: { code: 'INVALID_REQUEST', message: 'invalid decision' } })
  t.match(await approver.request('exec.approval.resolve', { id, decision: 'allow-once' }), { payload: { ok: true } })
  t.match(await answer, { ok: true, payload: { id, decision: 'allow-once', createdAtMs: Number, expiresAtMs: Number } })
  t.match((await resolved(approver, id)).payload, { decision: 'allow-once', resolvedBy: 'cli', request: { command: 'echo hi' } })
  t.match(await approver.request('exec.approval.resolve', { id, decision: 'deny' }), {
    ok: false, error: { code: 'INVALID_REQUEST', message: 'approval already resolved', details: { reason: 'APPROVAL_ALREADY_RESOLVED' } }
  })
  const again = await approver.request('approval.resolve', { id, kind: 'exec', decision: 'deny' })
  t.match(again.payload, { applied: false, approval: { status: 'allowed', decision: 'allow-once', resolver: { kind: 'runtime', id: 'cli' } } })
  t.equal(contractProblem('ApprovalResolveResult', again.payload), undefined)
  t.match(await requester.request('exec.approval.waitDecision', { id }), { payload: { decision: 'allow-once', terminalReason: 'user' } })
  const history = await approver.request('approval.history', { limit: 5 })
  t.equal(contractProblem('ApprovalHistoryResult', history.payload), undefined)
  t.match(history.payload.items, [{ id, status: 'allowed' }])
  t.match(await approver.request('exec.approval.list'), { payload: [] })
})

t.test('two phases say first that somebody has been asked', async t => {
  const { requester, approver } = await people(t)
  const { id, answer } = ask(requester, { twoPhase: true })
  t.match(await answer, { ok: true, payload: { status: 'accepted', id, deliveryRoute: 'approval-client' } })
  await approver.request('exec.approval.resolve', { id, decision: 'deny' })
  t.ok(await requester.frame(({ type, payload }) => type === 'res' && payload?.id === id && payload.decision === 'deny'))
})

t.test('of two people who decide at the same moment one does', async t => {
  const { gateway, requester, approver } = await people(t)
  const { client: other } = await admitted(gateway.url, withCaps(['exec-approvals']))
  for (let round = 0; round < 10; round++) {
    const { id, answer } = ask(requester)
    await Promise.all([requested(approver, id), requested(other, id)])
    const answers = await Promise.all([
      approver.request('exec.approval.resolve', { id, decision: 'allow-once' }), other.request('exec.approval.resolve', { id, decision: 'deny' })
    ])
    t.equal(answers.filter(({ ok }) => ok).length, 1)
    const winner = answers[0]!.ok ? 'allow-once' : 'deny'
    t.equal((await answer).payload.decision, winner)
    t.equal((await resolved(other, id)).payload.decision, winner)
  }
})

t.test('without anybody who can decide the answer comes at once and is no', async t => {
  const gateway = await startGateway(t)
  const { client } = await admitted(gateway.url)
  await admitted(gateway.url, withCaps(['approvals'], { scopes: ['operator.read'] }))
  const { id, answer } = ask(client)
  t.match(await answer, { ok: true, payload: { id, decision: null } })
  t.match(await client.request('exec.approval.waitDecision', { id }), { payload: { decision: null, terminalReason: 'no-route' } })
  const { payload } = await client.request('approval.history', {})
  t.match(payload.items, [{ id, status: 'denied', reason: 'no-route', decision: 'deny', resolver: { kind: 'system', id: 'no-approval-route' } }])
  t.equal(contractProblem('ApprovalHistoryResult', payload), undefined)
})

t.test('time that runs out is a no', async t => {
  const { requester, approver } = await people(t)
  const { id, answer } = ask(requester, { timeoutMs: 50 })
  t.match(await answer, { payload: { id, decision: null } })
  t.match((await resolved(approver, id)).payload, { decision: 'deny', resolvedBy: null })
  t.match(await approver.request('approval.get', { id }), { payload: { approval: { status: 'expired', reason: 'timeout' } } })
  t.match(await approver.request('exec.approval.resolve', { id, decision: 'allow-once' }), { ok: false, error: { details: { reason: 'APPROVAL_ALREADY_RESOLVED' } } })
})

t.test('whoever lacks the scope neither hears nor decides, nor approves what it asked for', async t => {
  const { gateway, requester } = await people(t)
  const { client: writer } = await admitted(gateway.url, withCaps(['approvals'], { scopes: ['operator.read', 'operator.write'] }))
  const { id } = ask(requester)
  t.ok(await requested(requester, id), 'the requester may hear of it')
  for (const method of ['exec.approval.request', 'exec.approval.resolve', 'exec.approval.get', 'exec.approval.list', 'exec.approval.waitDecision', 'approval.get',
    'approval.resolve', 'approval.history', 'plugin.approval.request', 'plugin.approval.resolve', 'plugin.approval.list', 'exec.approvals.get', 'exec.approvals.set']) {
    t.match(await writer.request(method, { id, kind: 'exec', decision: 'allow-once', command: 'ls', title: 'x', description: 'x' }), { ok: false, error: { code: 'FORBIDDEN' } }, method)
  }
  t.notOk(writer.frames.some(({ event }) => /approval/.test(String(event))))
  const { client: approverOnly } = await admitted(gateway.url, { scopes: ['operator.approvals'] })
  t.match(await approverOnly.request('exec.approvals.get', {}), { error: { code: 'FORBIDDEN' } }, 'the document is for administrators')
})

t.test('characters that hide a command are shown by their number', async t => {
  const { requester, approver } = await people(t)
  const { id } = ask(requester, { command: 'echo safe\u202e; rm -rf \u200bx\u001b[2K' })
  await requested(approver, id)
  const { payload } = await approver.request('exec.approval.get', { id })
  t.equal(payload.commandText, 'echo safe\\u{202e}; rm -rf \\u{200b}x\\u{1b}[2K')
  t.match(await approver.request('approval.get', { id }), { payload: { approval: { presentation: { warningText: /cannot be seen/ } } } })
})

t.test('an id belongs to one request, and unknown ones are named so', async t => {
  const { requester, approver } = await people(t)
  const { id } = ask(requester)
  await requested(approver, id)
  t.match(await ask(requester, { id }).answer, { ok: false, error: { code: 'INVALID_REQUEST', message: 'approval id already in use' } })
  t.match(await requester.request('exec.approval.get', { id: 'nope' }), { error: { code: 'APPROVAL_NOT_FOUND' } })
  t.match(await requester.request('plugin.approval.resolve', { id, decision: 'deny' }), { error: { code: 'APPROVAL_NOT_FOUND' } }, 'nor is it of another kind')
  t.match(await requester.request('exec.approval.request', {}), { error: { code: 'INVALID_REQUEST', message: /command/ } })
})

t.test('plugins ask in the same way', async t => {
  const { requester, approver } = await people(t)
  const answer = requester.request('plugin.approval.request', { pluginId: 'payments', title: 'Pay', description: 'Pay 3 EUR', severity: 'warning', allowedDecisions: ['allow-once', 'deny'] })
  const { payload: { id } } = await approver.event('plugin.approval.requested')
  t.match(await approver.request('plugin.approval.list', {}), { payload: [{ id, approvalKind: 'plugin', request: { title: 'Pay' } }] })
  t.equal(contractProblem('ApprovalGetResult', (await approver.request('approval.get', { id })).payload), undefined)
  t.match(await approver.request('plugin.approval.resolve', { id, decision: 'allow-always' }), { ok: false, error: { message: /unavailable/ } })
  t.match(await approver.request('plugin.approval.resolve', { id, decision: 'allow-once' }), { payload: { ok: true } })
  t.match(await answer, { payload: { id, decision: 'allow-once' } })
  t.match(await requester.request('plugin.approval.waitDecision', { id }), { payload: { decision: 'allow-once' } })
})

t.test('a restart loses no request and no decision', async t => {
  const store = createMemoryStore()
  const lasting = { ...store, close: async () => {} }
  const first = await people(t, { store: lasting })
  const { id } = ask(first.requester)
  await requested(first.approver, id)
  await first.gateway.gateway.stop()
  const second = await people(t, { store: lasting })
  t.match(await second.approver.request('exec.approval.list'), { payload: [{ id }] })
  const waiting = second.requester.request('exec.approval.waitDecision', { id })
  t.match(await second.approver.request('approval.resolve', { id, kind: 'exec', decision: 'deny' }), { payload: { applied: true } })
  t.match(await waiting, { payload: { id, decision: 'deny', terminalReason: 'user' } })
  await second.gateway.gateway.stop()
  const third = await people(t, { store: lasting })
  t.match(await third.approver.request('approval.history', {}), { payload: { items: [{ id, status: 'denied' }] } })
})

t.test('the document is replaced only by whoever has read it', async t => {
  const { requester: admin } = await people(t)
  const { payload: before } = await admin.request('exec.approvals.get', {})
  t.match(before, { exists: false, file: { version: 1 }, resolvedDefaults: { security: 'full', ask: 'off', askFallback: 'deny', autoAllowSkills: false } })
  t.equal(contractProblem('ExecApprovalsSnapshot', before), undefined)
  const file = { version: 1, socket: { path: '/x', token: 'canary' }, defaults: { security: 'allowlist' }, agents: { main: { allowlist: [{ pattern: 'git' }] } } }
  const { payload: written } = await admin.request('exec.approvals.set', { file })
  t.equal(contractProblem('ExecApprovalsSnapshot', written), undefined)
  t.match(written, { exists: true, file: { agents: { main: { allowlist: [{ id: String, pattern: 'git' }] } } } })
  t.notMatch(JSON.stringify(written), /canary/)
  for (const baseHash of [undefined, before.hash]) t.match(await admin.request('exec.approvals.set', { file, ...(baseHash ? { baseHash } : {}) }), { ok: false, error: { message: /changed/ } })
  t.match(await admin.request('exec.approvals.set', { file, baseHash: written.hash }), { ok: true })
  for (const bad of [{ version: 2 }, { version: 1, defaults: { security: 'open' } }, { version: 1, agents: { x: { ask: 'never' } } }, { version: 1, agents: { x: { allowlist: [{ pattern: ' ' }] } } },
    { version: 1, strange: true }, JSON.parse('{"version":1,"agents":{"__proto__":{"security":"full"}}}')]) {
    t.match(await admin.request('exec.approvals.set', { file: bad, baseHash: written.hash }), { ok: false, error: { code: 'INVALID_REQUEST' } }, JSON.stringify(bad))
  }
})
