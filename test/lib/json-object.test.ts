import t from 'tap'
import { objectIn } from '../../src/lib/json-object.ts'

t.test('of texts that somebody else wrote, only JSON objects are objects', async t => {
  t.same(objectIn(' {"a":[1]} '), { a: [1] })
  for (const other of ['', '{', 'null', '[]', '"{}"', '1']) t.equal(objectIn(other), undefined, other)
})
