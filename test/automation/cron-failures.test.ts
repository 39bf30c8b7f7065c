import t from 'tap'
import { createScene, hourMs, owner, slotsOf, turnJob, type Reply } from './scene.ts'

const failure = (kind: string): Reply => ({ outcome: 'error', text: '', error: { kind, message: `it was ${kind}` } })

interface Listed { readonly jobs: ReadonlyArray<{ readonly id: string, readonly enabled: boolean, readonly state: { readonly [field: string]: any } }> }

t.test('a job that fails is left alone for longer each time, and switched off after ten times', async t => {
  const scene = await createScene({ startAt: '2027-01-01T00:00:00Z', reply: () => failure('auth') })
  const { cron, clock, systemEvents } = scene
  await cron.begin()
  await cron.add(turnJob({ kind: 'every', everyMs: 10_000 }), owner)
  await clock.pass(15 * hourMs)
  const at = slotsOf(scene).map(slot => Date.parse(`${slot}Z`))
  const gaps = at.slice(1).map((time, index) => time - at[index]!)
  t.same(gaps.slice(0, 5), [30_000, 60_000, 300_000, 900_000, hourMs])
  t.equal(at.length, 10)
  const { jobs: [job] } = await cron.list({ includeDisabled: true }) as Listed
  t.match(job, { enabled: false, state: { consecutiveErrors: 10, autoDisabled: { reason: 'consecutive-failures' }, lastErrorReason: 'auth' } })
  t.ok(await systemEvents.has('agent:main:main'), 'its agent hears of it')
  const enabled = await cron.update(job!.id, { patch: { enabled: true } }, owner)
  t.match(enabled, { enabled: true, state: { consecutiveErrors: 0, autoDisabled: undefined } })
})

t.test('people hear of failures after the second in a row, and not again within an hour', async t => {
  const { cron, clock, sent, requests } = await createScene({ startAt: '2027-01-01T00:00:00Z', reply: () => failure('billing') })
  await cron.begin()
  await cron.add(turnJob({ kind: 'every', everyMs: 10_000 }, { delivery: { mode: 'announce', channel: 'telegram', to: '7' } }), owner)
  await clock.pass(0.5 * hourMs)
  t.ok(requests.length > 3)
  t.equal(sent.length, 1)
  t.match(sent[0], { chatId: '7', text: /failed 2 times in a row \(billing\).*openclaw cron runs --id/ })
  await clock.pass(1.5 * hourMs)
  t.equal(sent.length, 2)
})

t.test('a job that talks to nobody complains to nobody, and one that says so not either', async t => {
  const { cron, clock, sent } = await createScene({ startAt: '2027-01-01T00:00:00Z', reply: () => failure('auth') })
  await cron.begin()
  await cron.add(turnJob({ kind: 'every', everyMs: 10_000 }, { delivery: { mode: 'none' } }), owner)
  await cron.add(turnJob({ kind: 'every', everyMs: 10_000 }, { delivery: { mode: 'announce' }, failureAlert: false, name: 'b' }), owner)
  await clock.pass(hourMs)
  t.same(sent, [])
})

t.test('a one-shot is tried again for what passes, and kept, switched off, for what does not', async t => {
  let left = 2
  const scene = await createScene({ startAt: '2027-01-01T00:00:00Z', reply: () => left-- > 0 ? failure('rate_limit') : { text: 'at last' } })
  await scene.cron.begin()
  await scene.cron.add(turnJob({ kind: 'at', at: '2027-01-01T01:00:00Z' }), owner)
  await scene.clock.pass(2 * hourMs)
  t.equal(scene.requests.length, 3)
  t.match(await scene.cron.list({ includeDisabled: true }), { total: 0 }, 'done')
  t.match(await scene.cron.runs({}), { entries: [{ status: 'ok' }, { status: 'error', errorReason: 'rate_limit' }, { status: 'error' }] })

  const hopeless = await createScene({ startAt: '2027-01-01T00:00:00Z', reply: () => failure('auth') })
  await hopeless.cron.begin()
  await hopeless.cron.add(turnJob({ kind: 'at', at: '2027-01-01T01:00:00Z' }), owner)
  await hopeless.clock.pass(5 * hourMs)
  t.equal(hopeless.requests.length, 1)
  t.match(await hopeless.cron.list({ includeDisabled: true }), { jobs: [{ enabled: false, state: { lastError: 'it was auth' } }] })
})

t.test('a silent reply is not sent, and a job whose agent is gone says so in its history', async t => {
  const { cron, clock, sent } = await createScene({ startAt: '2027-01-01T00:00:00Z', reply: () => ({ text: '' }) })
  await cron.begin()
  await cron.add(turnJob({ kind: 'every', everyMs: hourMs }, { delivery: { mode: 'announce' } }), owner)
  await clock.pass(hourMs)
  t.same(sent, [])
  t.match(await cron.runs({}), { entries: [{ status: 'ok', completionStatus: 'succeeded', deliverySuppressionReason: 'silent' }] })
  await t.rejects(cron.add(turnJob({ kind: 'every', everyMs: hourMs }, { agentId: 'gone' }), owner), { code: 'AGENT_UNKNOWN' })
})

t.test('an agent that says that it failed has failed, and whoever waits for its reply reads why', async t => {
  const replies = ['AUTOMATION_FAILED\n\nThe disk is full.', 'It says AUTOMATION_FAILED in the log.', 'AUTOMATION_FAILED']
  const { cron, clock, sent } = await createScene({ startAt: '2027-01-01T00:00:00Z', reply: () => ({ text: replies.shift()! }) })
  await cron.begin()
  await cron.add(turnJob({ kind: 'every', everyMs: hourMs }, { delivery: { mode: 'announce' }, failureAlert: false }), owner)
  await clock.pass(3 * hourMs)
  t.same(sent.map(({ text }) => text), ['The disk is full.', 'It says AUTOMATION_FAILED in the log.', 'the agent says that it failed, and not why'])
  t.match(await cron.runs({ sortDir: 'asc' }), {
    entries: [{ status: 'error', error: 'The disk is full.', deliveryStatus: 'delivered', completionStatus: 'failed' }, { status: 'ok' }, { status: 'error' }]
  })
})

t.test('history is bounded, by job and in all', async t => {
  const { cron, clock } = await createScene({ startAt: '2027-01-01T00:00:00Z' })
  await cron.begin()
  await cron.add(turnJob({ kind: 'every', everyMs: 1000 }), owner)
  await clock.pass(230_000)
  t.match(await cron.runs({}), { total: 200, limit: 50, hasMore: true, nextOffset: 50 })
})

t.test('what is removed while it runs says nothing more', async t => {
  const { promise, resolve } = Promise.withResolvers<Reply>()
  const { cron, clock, sent, events } = await createScene({ startAt: '2027-01-01T00:00:00Z', reply: () => promise })
  await cron.begin()
  const { id } = await cron.add(turnJob({ kind: 'every', everyMs: hourMs }, { delivery: { mode: 'announce' } }), owner) as { id: string }
  await clock.pass(hourMs)
  t.match(await cron.remove(id), { ok: true, removed: true })
  resolve({ text: 'too late' })
  await clock.pass(1000)
  t.same(sent, [])
  t.same(events.filter(({ event }) => event === 'cron').map(({ payload }) => payload.action), ['added', 'started', 'removed'])
  t.match(await cron.remove(id), { ok: true, removed: false })
  await t.rejects(cron.get(id), { code: 'CRON_JOB_NOT_FOUND' })
})

t.test('a job that declares itself is made once and changed by the same call', async t => {
  const { cron } = await createScene({ startAt: '2027-01-01T00:00:00Z' })
  const declared = turnJob({ kind: 'every', everyMs: hourMs }, { declarationKey: 'backup' })
  t.match(await cron.add(declared, owner), { created: true, job: { name: 'job' } })
  t.match(await cron.add(declared, owner), { created: false, updated: false })
  t.match(await cron.add({ ...declared, name: 'other' }, owner), { created: false, updated: true, job: { name: 'other' } })
  t.match(await cron.list({}), { total: 1 })
  const { jobs: [job] } = await cron.list({}) as Listed & { jobs: ReadonlyArray<{ configRevision: string }> }
  await t.rejects(cron.update(job!.id, { patch: { name: 'x' }, expectedConfigRevision: 'sha256:old' }, owner), { code: 'CRON_JOB_CHANGED' })
  t.match(await cron.update(job!.id, { patch: { name: 'x' }, expectedConfigRevision: job!.configRevision }, owner), { name: 'x' })
})

t.test('who rewrites what a job does is answerable for it from then on', async t => {
  const { cron, clock, requests } = await createScene({ startAt: '2027-01-01T00:00:00Z' })
  await cron.begin()
  const { id } = await cron.add(turnJob({ kind: 'every', everyMs: hourMs }), owner) as { id: string }
  await clock.pass(hourMs)
  await cron.update(id, { patch: { payload: { kind: 'agentTurn', message: 'something else' } } }, { isOwner: false })
  await clock.pass(hourMs)
  t.same(requests.map(({ origin, message }) => [message, origin?.['senderIsOwner']]), [['work', true], ['something else', undefined]])
})
