import t from 'tap'
import { meantNodes } from '../../src/lib/meant-nodes.ts'

const bench = { nodeId: 'aaaaaa11', displayName: 'Bench', connected: true, remoteIp: '198.51.100.7' }
const away = { nodeId: 'aaaaaa22', displayName: 'bench', connected: false }
const laptop = { nodeId: 'bbbbbb33', displayName: 'aaaaaa11', connected: true, remoteIp: '198.51.100.7' }
const all = [away, laptop, bench]

t.test('a machine is meant by its id, its address, its name or the beginning of its id, in this order', async t => {
  t.same(meantNodes(all, 'aaaaaa11'), [bench], 'an id beats the name of another')
  t.same(meantNodes(all, 'BENCH'), [bench], 'the one that is here beats the one that is not')
  t.same(meantNodes([away], 'Bench'), [away])
  t.same(meantNodes(all, 'bbbbbb'), [laptop])
  t.same(meantNodes(all, 'bbbbb'), [], 'too little to mean anything')
  t.same(meantNodes(all, '198.51.100.7'), [laptop, bench], 'two at one address are not told apart')
  t.same(meantNodes(all, 'nobody'), [])
})
