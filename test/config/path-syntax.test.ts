import t from 'tap'
import { dropReservedKeys, formatPath, parsePath, reservedKeysIn, stepInto, valueAt } from '../../src/config/path-syntax.ts'

t.test('paths are read with dots, indexes and quoted names', async t => {
  t.same(parsePath('a.b[0].c'), ['a', 'b', 0, 'c'])
  t.same(parsePath('models.providers["my.host"].apiKey'), ['models', 'providers', 'my.host', 'apiKey'])
  t.same(parsePath("a['b c']"), ['a', 'b c'])
  t.same(parsePath('a["q\\"q"]'), ['a', 'q"q'])
  t.same(parsePath('channels.*.dmPolicy'), ['channels', '*', 'dmPolicy'])
  t.same(parsePath('agents.list[].id'), ['agents', 'list', '*', 'id'])
  t.same(parsePath('agents.list.0.id'), ['agents', 'list', '0', 'id'])
})

t.test('what is written comes back from what is read', async t => {
  for (const steps of [['a', 'b', 0, 'c'], ['x', 'a.b', 'c d'], ['q"q'], ['a', "it's"], ['back\\slash', 'x']]) {
    t.same(parsePath(formatPath(steps)), steps)
  }
})

t.test('malformed paths are refused with the place', async t => {
  for (const path of ['', '.a', 'a..b', 'a.', 'a[', 'a[x]', 'a]b', 'a[0]b', 'a"b', 'a["x]']) t.throws(() => parsePath(path), RangeError, path)
  t.throws(() => parsePath('a'.repeat(1025)), /longer/)
})

t.test('names that reach a prototype are refused anywhere in a path', async t => {
  for (const path of ['__proto__', 'a.__proto__.b', 'a["__proto__"]', 'constructor', 'a.constructor.prototype', 'a[0].prototype']) {
    t.throws(() => parsePath(path), /reserved/, path)
  }
})

t.test('reserved names in a parsed body are found, and taken out without touching any prototype', async t => {
  const body = JSON.parse('{"a":{"__proto__":{"polluted":1}},"list":[{"constructor":{"prototype":{"polluted":1}}}],"ok":1}') as unknown
  t.same(reservedKeysIn(body).map(formatPath).sort(), ['a.__proto__', 'list[0].constructor'])
  t.equal(dropReservedKeys(body).length, 2)
  t.same(body, { a: {}, list: [{}], ok: 1 })
  t.equal(({} as { polluted?: number }).polluted, undefined)
})

t.test('a body nested without end is searched without harm', async t => {
  const depth = 200_000
  const body = JSON.parse('{"a":'.repeat(depth) + '{"__proto__":1}' + '}'.repeat(depth)) as unknown
  t.equal(reservedKeysIn(body)[0]?.length, depth + 1)
  t.equal(reservedKeysIn(JSON.parse(`[${'{"constructor":1},'.repeat(100)}0]`)).length, 16)
})

t.test('inherited properties are not part of a value', async t => {
  t.equal(stepInto({}, 'toString'), undefined)
  t.equal(valueAt({ a: [1] }, ['a', 'length']), 1, 'own properties of a list are')
  t.equal(valueAt({ a: 'text' }, ['a', 'length']), undefined)
})
