import t from 'tap'
import { createOrderedMap } from '../../src/lib/ordered-map.ts'

t.test('the oldest entry is the one that was set longest ago', async t => {
  const map = createOrderedMap<string, number>()
  t.equal(map.oldest(), undefined)
  map.set('a', 1)
  map.set('b', 2)
  map.set('c', 3)
  t.match(map.oldest(), { key: 'a', value: 1 })
  map.set('a', 4)
  t.match(map.oldest(), { key: 'b' })
  t.same(map.values(), [2, 3, 4])
  t.equal(map.delete('b'), true)
  t.equal(map.delete('b'), false)
  t.match(map.oldest(), { key: 'c' })
  t.equal(map.get('a'), 4)
  t.equal(map.has('b'), false)
  t.equal(map.size(), 2)
})

t.test('on random operations it keeps what a plain map keeps, in the same order', async t => {
  let state = 3
  const next = (limit: number): number => ((state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) >>> 8) % limit
  const ours = createOrderedMap<number, number>()
  const plain = new Map<number, number>()
  const mismatches: number[] = []
  for (let step = 0; step < 5_000; step++) {
    const key = next(30)
    if (next(3) === 0) {
      if (ours.delete(key) !== plain.delete(key)) mismatches.push(step)
    } else {
      ours.set(key, step)
      plain.delete(key)
      plain.set(key, step)
    }
    const same = ours.size() === plain.size && ours.oldest()?.key === plain.keys().next().value && ours.get(key) === plain.get(key)
    if (!same || String(ours.values()) !== String([...plain.values()])) mismatches.push(step)
  }
  t.same(mismatches, [])
})
