import type { Test } from 'tap'
import type { RunEntry, Store } from '../../src/store/store.ts'

export interface StoreUnderTest {
  store: Store
  /** Closes the store and opens what it kept; absent for stores that keep nothing. */
  reopen?: () => Promise<Store>
}

/** With a bound of so many entries of the audit trail, so that it can be met. */
export const maxAuditEntries = 20

interface Note { text: string, list?: number[] }

/** What every store promises, whatever is behind it. */
export function storeConformance (t: Test, create: (t: Test) => Promise<StoreUnderTest>): void {
  t.test('a collection that was never written is empty', async t => {
    const { store } = await create(t)
    const notes = store.collection<Note>('devices')
    t.strictSame(await notes.all(), [])
    t.equal(await notes.get('none'), undefined)
    t.equal(await notes.delete('none'), false)
  })

  t.test('what was put is read back, replaced and deleted', async t => {
    const { store } = await create(t)
    const notes = store.collection<Note>('devices')
    await notes.put('b', { text: 'zwei', list: [1, 2] })
    await notes.put('a', { text: 'ä "quoted" \u0000 🦞' })
    t.strictSame(await notes.all(), [{ key: 'a', value: { text: 'ä "quoted" \u0000 🦞' } }, { key: 'b', value: { text: 'zwei', list: [1, 2] } }])
    await notes.put('b', { text: 'three' })
    t.strictSame(await notes.get('b'), { text: 'three' })
    t.equal(await notes.delete('b'), true)
    t.equal(await notes.delete('b'), false)
    t.strictSame((await notes.all()).map(({ key }) => key), ['a'])
  })

  t.test('collections do not see each other', async t => {
    const { store } = await create(t)
    await store.collection<Note>('devices').put('same', { text: 'device' })
    await store.collection<Note>('setup-codes').put('same', { text: 'code' })
    t.equal((await store.collection<Note>('devices').get('same'))?.text, 'device')
    t.equal(await store.collection('device-requests').get('same'), undefined)
  })

  t.test('a value is a copy, both ways', async t => {
    const { store } = await create(t)
    const notes = store.collection<Note>('devices')
    const mine: Note = { text: 'before' }
    const put = notes.put('a', mine)
    mine.text = 'after'
    await put
    const read = await notes.get('a')
    t.equal(read?.text, 'before')
    read!.text = 'changed'
    t.equal((await notes.get('a'))?.text, 'before')
  })

  t.test('a commit does all of its changes, in order', async t => {
    const { store } = await create(t)
    const notes = store.collection<Note>('devices')
    await notes.put('old', { text: 'old' })
    await store.commit([
      { op: 'delete', collection: 'devices', key: 'old' },
      { op: 'put', collection: 'devices', key: 'new', value: { text: 'first' } },
      { op: 'put', collection: 'devices', key: 'new', value: { text: 'second' } },
      { op: 'put', collection: 'node-surfaces', key: 'n', value: { text: 'node' } }
    ])
    t.strictSame(await notes.all(), [{ key: 'new', value: { text: 'second' } }])
    t.equal((await store.collection<Note>('node-surfaces').get('n'))?.text, 'node')
    await store.commit([])
  })

  t.test('a commit with a change that cannot be stored does nothing at all', async t => {
    const { store } = await create(t)
    await t.rejects(store.commit([
      { op: 'put', collection: 'devices', key: 'a', value: { text: 'fine' } },
      { op: 'put', collection: 'devices', key: 'b', value: undefined }
    ]), TypeError)
    t.strictSame(await store.collection('devices').all(), [])
  })

  t.test('many changes at the same time are all there afterwards', async t => {
    const { store } = await create(t)
    const notes = store.collection<Note>('devices')
    const keys = ['', ...Array.from({ length: 300 }, (_, index) => `key-${String(index).padStart(3, '0')}`)]
    await Promise.all(keys.map(key => notes.put(key, { text: key })))
    t.strictSame(await notes.all(), keys.map(key => ({ key, value: { text: key } })))
    t.equal(store.status().queued, 0)
  })

  t.test('changes of one record take effect in the order in which they were asked for', async t => {
    const { store } = await create(t)
    const notes = store.collection<Note>('devices')
    await Promise.all(Array.from({ length: 100 }, (_, index) => notes.put('one', { text: String(index) })))
    t.equal((await notes.get('one'))?.text, '99')
  })

  t.test('a closed store refuses changes, and closing twice is safe', async t => {
    const { store } = await create(t)
    const last = store.collection<Note>('devices').put('a', { text: 'queued when closing began' })
    await Promise.all([store.close(), store.close(), last])
    await store.close()
    await t.rejects(store.collection<Note>('devices').put('b', { text: 'late' }))
  })

  t.test('what was kept is there after closing and opening', async t => {
    const { store, reopen } = await create(t)
    if (!reopen) return t.pass('this store keeps nothing')
    await store.collection<Note>('devices').put('a', { text: 'kept' })
    await store.collection<Note>('devices').put('b', { text: 'deleted' })
    await store.collection<Note>('devices').delete('b')
    const again = await reopen()
    t.strictSame(await again.collection('devices').all(), [{ key: 'a', value: { text: 'kept' } }])
    t.strictSame(again.status().notices, [])
  })

  linesConformance(t, create)
  runsConformance(t, create)
  auditConformance(t, create)
}

const append = (sessionId: string, seq: number, text = `line ${seq}`) =>
  ({ op: 'append' as const, sessionId, seq, id: `id-${seq}`, value: { text } })
const seqs = (lines: Array<{ seq: number }>) => lines.map(({ seq }) => seq)

function linesConformance (t: Test, create: (t: Test) => Promise<StoreUnderTest>): void {
  t.test('a conversation that was never written has no lines', async t => {
    const { store } = await create(t)
    t.strictSame(await store.lines.tail('none', { limit: 5 }), [])
    t.strictSame(await store.lines.after('none', { seq: 0, limit: 5 }), [])
    t.equal(await store.lines.find('none', 'id'), undefined)
    t.strictSame(await store.lines.extent('none'), { lines: 0, lastSeq: 0, bytes: 0 })
  })

  t.test('lines are read from the end, from a place, and by id, oldest first', async t => {
    const { store } = await create(t)
    await store.commit(Array.from({ length: 30 }, (_, index) => append('s', index + 1)))
    await store.commit([append('other', 7, 'of another conversation')])
    t.strictSame(seqs(await store.lines.tail('s', { limit: 3 })), [28, 29, 30])
    t.strictSame(seqs(await store.lines.tail('s', { limit: 3, before: 10 })), [7, 8, 9])
    t.strictSame(seqs(await store.lines.tail('s', { limit: 50 })), Array.from({ length: 30 }, (_, index) => index + 1))
    t.strictSame(seqs(await store.lines.tail('s', { limit: 0 })), [])
    t.strictSame(seqs(await store.lines.after('s', { seq: 27, limit: 2 })), [28, 29])
    t.strictSame(await store.lines.find('s', 'id-7'), { seq: 7, id: 'id-7', value: { text: 'line 7' } })
    t.strictSame(await store.lines.find('other', 'id-7'), { seq: 7, id: 'id-7', value: { text: 'of another conversation' } })
    t.equal(await store.lines.find('s', 'id-31'), undefined)
  })

  t.test('the extent of a conversation counts bytes of UTF-8', async t => {
    const { store } = await create(t)
    await store.commit([append('s', 4, 'ä'), append('s', 9, '🦞')])
    t.strictSame(await store.lines.extent('s'), { lines: 2, lastSeq: 9, bytes: '{"text":""}'.length * 2 + 2 + 4 })
  })

  t.test('a place of a conversation is given once; the commit that takes it again does nothing', async t => {
    const { store } = await create(t)
    await store.commit([append('s', 1, 'first')])
    await t.rejects(store.commit([append('s', 2), append('s', 1, 'second')]))
    t.strictSame(await store.lines.tail('s', { limit: 9 }), [{ seq: 1, id: 'id-1', value: { text: 'first' } }])
    await store.commit([append('s', 2)])
  })

  t.test('a forgotten conversation is gone, and its places can be given again', async t => {
    const { store } = await create(t)
    await store.commit([append('s', 1), append('s', 2), append('other', 1)])
    await store.commit([{ op: 'forget', sessionId: 's' }, append('s', 1, 'anew')])
    t.strictSame(await store.lines.tail('s', { limit: 9 }), [{ seq: 1, id: 'id-1', value: { text: 'anew' } }])
    t.strictSame(seqs(await store.lines.tail('other', { limit: 9 })), [1])
  })

  t.test('lines, runs, records and the audit trail are committed together or not at all', async t => {
    const { store } = await create(t)
    await store.commit([runOp('a')])
    await t.rejects(store.commit([
      { op: 'put', collection: 'sessions', key: 'k', value: 1 }, append('s', 1), { op: 'audit', atMs: 1, kind: 'x', value: 1 },
      { op: 'delete', collection: 'devices', key: 'none' }, runOp('b', { claim: 'claim of a' })
    ]), { code: 'CLAIM_TAKEN' })
    t.strictSame(await store.collection('sessions').all(), [])
    t.strictSame(await store.lines.tail('s', { limit: 9 }), [])
    t.strictSame(await store.audit({ limit: 9 }), [])
    t.equal(await store.runs.get('b'), undefined)
  })

  t.test('lines, runs and the audit trail are there after closing and opening', async t => {
    const { store, reopen } = await create(t)
    if (!reopen) return t.pass('this store keeps nothing')
    await store.commit([append('s', 1), runOp('a'), { op: 'audit', atMs: 1, kind: 'x', value: 1 }])
    const again = await reopen()
    t.strictSame(seqs(await again.lines.tail('s', { limit: 9 })), [1])
    t.match(await again.runs.open(), [{ runId: 'a' }])
    t.match(await again.audit({ limit: 9 }), [{ seq: 1 }])
  })
}

const runEntry = (runId: string, fields: Partial<RunEntry> = {}): RunEntry =>
  ({ runId, sessionKey: 'agent:main:main', claim: `claim of ${runId}`, open: true, atMs: 1000, value: { text: runId }, ...fields })
const runOp = (runId: string, fields: Partial<RunEntry> = {}) => ({ op: 'run' as const, run: runEntry(runId, fields) })
const runIds = (runs: RunEntry[]) => runs.map(({ runId }) => runId)

function runsConformance (t: Test, create: (t: Test) => Promise<StoreUnderTest>): void {
  t.test('a run is found by its id and by its claim, and replaced by its id', async t => {
    const { store } = await create(t)
    await store.commit([runOp('a'), runOp('b')])
    t.strictSame(await store.runs.get('a'), runEntry('a'))
    t.strictSame(await store.runs.claimed('claim of b'), runEntry('b'))
    t.equal(await store.runs.get('c'), undefined)
    t.equal(await store.runs.claimed('claim of c'), undefined)
    await store.commit([runOp('a', { open: false, value: { text: 'done' } })])
    t.strictSame(await store.runs.get('a'), runEntry('a', { open: false, value: { text: 'done' } }))
    t.strictSame(runIds(await store.runs.open()), ['b'])
  })

  t.test('open runs come oldest first, the runs of a session newest first', async t => {
    const { store } = await create(t)
    await store.commit([runOp('late', { atMs: 30 }), runOp('early', { atMs: 10 }), runOp('other', { atMs: 20, sessionKey: 'agent:main:other' })])
    await store.commit([runOp('settled', { atMs: 25, open: false })])
    t.strictSame(runIds(await store.runs.open()), ['early', 'other', 'late'])
    t.strictSame(runIds(await store.runs.ofSession('agent:main:main', 2)), ['late', 'settled'])
    t.strictSame(runIds(await store.runs.ofSession('agent:main:main', 9)), ['late', 'settled', 'early'])
  })

  t.test('of many callers with one claim exactly one gets it, and what stands beside them is committed', async t => {
    const { store } = await create(t)
    const attempts = Array.from({ length: 50 }, (_, index) => store.commit([
      runOp(`run-${index}`, { claim: 'the same' }), append('s', index + 1)
    ]))
    const beside = Array.from({ length: 50 }, (_, index) => store.collection('devices').put(`k${index}`, index))
    const outcomes = await Promise.allSettled(attempts)
    await Promise.all(beside)
    t.strictSame(outcomes.map(({ status }) => status), ['fulfilled', ...Array(49).fill('rejected')])
    t.match((outcomes[7] as PromiseRejectedResult).reason, { code: 'CLAIM_TAKEN' })
    t.strictSame(runIds(await store.runs.open()), ['run-0'])
    t.strictSame(seqs(await store.lines.tail('s', { limit: 99 })), [1])
    t.equal((await store.collection('devices').all()).length, 50)
    t.equal(store.status().writable, true)
  })

  t.test('pruning drops the oldest settled runs only, and their claims are free again', async t => {
    const { store } = await create(t)
    await store.commit([
      runOp('open', { atMs: 1 }), ...[2, 3, 4, 5].map(atMs => runOp(`old-${atMs}`, { atMs, open: false })), runOp('young', { atMs: 90, open: false })
    ])
    await store.commit([{ op: 'prune-runs', beforeMs: 50, limit: 3 }])
    t.strictSame(runIds(await store.runs.ofSession('agent:main:main', 9)), ['young', 'old-5', 'open'])
    await store.commit([{ op: 'prune-runs', beforeMs: 50, limit: 3 }, runOp('again', { claim: 'claim of old-2' })])
    t.strictSame(runIds(await store.runs.ofSession('agent:main:main', 9)), ['again', 'young', 'open'])
  })
}

function auditConformance (t: Test, create: (t: Test) => Promise<StoreUnderTest>): void {
  t.test('the audit trail is read newest first, page by page, all of it or one kind', async t => {
    const { store } = await create(t)
    await store.commit([1, 2, 3, 4].map(atMs => ({ op: 'audit', atMs, kind: atMs % 2 ? 'odd' : 'even', value: { atMs } })))
    t.strictSame(await store.audit({ limit: 1 }), [{ seq: 4, atMs: 4, kind: 'even', value: { atMs: 4 } }])
    t.strictSame(seqs(await store.audit({ limit: 9, before: 3 })), [2, 1])
    t.strictSame(seqs(await store.audit({ limit: 9, kind: 'odd' })), [3, 1])
    t.strictSame(seqs(await store.audit({ limit: 9, kind: 'odd', before: 3 })), [1])
  })

  t.test('the audit trail drops its oldest entries beyond its bound', async t => {
    const { store } = await create(t)
    for (let atMs = 1; atMs <= maxAuditEntries + 5; atMs++) await store.commit([{ op: 'audit', atMs, kind: 'x', value: atMs }])
    const kept = seqs(await store.audit({ limit: 99 }))
    t.equal(kept.length, maxAuditEntries)
    t.equal(kept.at(-1), 6)
    t.equal(kept[0], maxAuditEntries + 5)
  })
}
