import type { Test } from 'tap'
import type { Store } from '../../src/store/store.ts'

export interface StoreUnderTest {
  store: Store
  /** Closes the store and opens what it kept; absent for stores that keep nothing. */
  reopen?: () => Promise<Store>
}

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
    const keys = Array.from({ length: 300 }, (_, index) => `key-${String(index).padStart(3, '0')}`)
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
}
