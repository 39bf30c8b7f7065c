import t from 'tap'
import { createRecent } from '../../src/lib/recent.ts'

t.test('of more than there is room for, those that were set longest ago are forgotten', async t => {
  const recent = createRecent<number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  recent.set('a', 3)
  recent.set('c', 4)
  t.same(['a', 'b', 'c'].map(recent.get), [3, undefined, 4])
})

t.test('what is taken out makes room', async t => {
  const recent = createRecent<number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  recent.delete('a')
  recent.set('c', 3)
  t.same(['a', 'b', 'c'].map(recent.get), [undefined, 2, 3])
})
