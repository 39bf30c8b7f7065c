import t from 'tap'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import { maxAuditEntries, storeConformance } from '../conformance/store.ts'

t.test('the memory store', async t => {
  storeConformance(t, async t => {
    const store = createMemoryStore({ maxAuditEntries })
    t.teardown(() => store.close())
    return { store }
  })
})
