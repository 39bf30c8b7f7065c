import json5 from 'json5'
import t from 'tap'
import { setConfigValue, unsetConfigValue } from '../../src/config/edit.ts'

const commented = `// top
{
  // the daemon
  gateway: {
    port: 18789, // the port
    bind: 'loopback' /* safe */
  },
  agents: { list: [{ id: 'a' }] }, // agents
  // last words
}
`

t.test('replacing a value changes nothing else', async t => {
  t.equal(setConfigValue(commented, 'gateway.port', 9000), commented.replace('18789', '9000'))
  t.equal(setConfigValue(commented, 'gateway.bind', 'lan'), commented.replace("'loopback'", '"lan"'))
  t.equal(setConfigValue(commented, 'agents.list[0].id', 'b'), commented.replace("'a'", '"b"'))
  t.equal(setConfigValue(commented, 'gateway.port', 18789), commented, 'what is there already is left as it is written')
})

t.test('a new key goes behind the last one, in the style of its neighbours', async t => {
  t.equal(setConfigValue(commented, 'gateway.mode', 'local'), commented.replace(
    "    bind: 'loopback' /* safe */\n", "    bind: 'loopback', /* safe */\n    mode: \"local\"\n"))
  t.equal(setConfigValue(commented, 'logging.level', 'warn'), commented.replace(
    '  // last words\n', '  // last words\n  logging: {\n    level: "warn"\n  },\n'))
  t.equal(setConfigValue(commented, 'agents.list[1]', { id: 'b' }), commented.replace("{ id: 'a' }]", "{ id: 'a' }, {\n    id: \"b\"\n  }]"))
})

t.test('plain JSON stays plain JSON', async t => {
  const text = '{\n  "gateway": {\n    "port": 1\n  }\n}\n'
  for (const edited of [
    setConfigValue(text, 'gateway.mode', 'local'), setConfigValue(text, 'a.b.c', [1, { d: 2 }]), unsetConfigValue(text, 'gateway.port'),
    unsetConfigValue(setConfigValue(text, 'gateway.mode', 'local'), 'gateway.mode'), unsetConfigValue(text, 'gateway')
  ]) t.doesNotThrow(() => JSON.parse(edited), edited)
  t.equal(unsetConfigValue(setConfigValue(text, 'gateway.mode', 'local'), 'gateway.mode'), text, 'there and back is the same text')
  t.equal(setConfigValue(text, 'gateway.mode', 'local'), '{\n  "gateway": {\n    "port": 1,\n    "mode": "local"\n  }\n}\n')
})

t.test('an empty text and an empty object are beginnings', async t => {
  t.equal(setConfigValue('', 'gateway.mode', 'local'), '{\n  gateway: {\n    mode: "local"\n  }\n}\n')
  t.equal(setConfigValue('{}', 'a', 1), '{\n  a: 1\n}')
  t.equal(setConfigValue('{ /* only a comment */ }', 'a', 1), '{ /* only a comment */\n  a: 1\n}')
  t.equal(setConfigValue('{\n  // only a comment\n}\n', 'a', 1), '{\n  // only a comment\n  a: 1\n}\n')
})

t.test('one-line objects stay on one line', async t => {
  t.equal(setConfigValue("{ auth: { mode: 'token' } }", 'auth.token', 'x'), "{ auth: { mode: 'token', token: \"x\" } }")
  t.equal(setConfigValue('{ a: { b: 1, } }', 'a.c', 2), '{ a: { b: 1, c: 2 } }')
  t.equal(unsetConfigValue('{ a: 1, b: 2, c: 3 }', 'b'), '{ a: 1, c: 3 }')
  t.equal(unsetConfigValue('{ a: 1, b: 2, c: 3 }', 'a'), '{ b: 2, c: 3 }')
  t.equal(unsetConfigValue('{ a: 1, b: 2, c: 3 }', 'c'), '{ a: 1, b: 2 }')
  t.equal(unsetConfigValue('[1, 2, 3]', '[1]'), '[1, 3]')
})

t.test('removing a key takes its line and the comment behind it, and no other', async t => {
  t.equal(unsetConfigValue(commented, 'gateway.port'), commented.replace('    port: 18789, // the port\n', ''))
  t.equal(unsetConfigValue(commented, 'gateway.bind'), commented.replace("    port: 18789, // the port\n    bind: 'loopback' /* safe */\n", '    port: 18789 // the port\n'))
  t.equal(unsetConfigValue(commented, 'nothing.here'), commented)
  t.equal(unsetConfigValue('', 'a'), '')
})

t.test('setting an object keeps what stays the same with its comments', async t => {
  const edited = setConfigValue(commented, 'gateway', { port: 18789, mode: 'local' })
  t.match(edited, 'port: 18789, // the port')
  t.same(json5.parse(edited).gateway, { port: 18789, mode: 'local' })
})

t.test('line ends of Windows stay', async t => {
  const edited = setConfigValue('{\r\n  a: 1\r\n}\r\n', 'b.c', 2)
  t.equal(edited, '{\r\n  a: 1,\r\n  b: {\r\n    c: 2\r\n  }\r\n}\r\n')
  t.equal(unsetConfigValue(edited, 'b'), '{\r\n  a: 1\r\n}\r\n')
})

t.test('a path through something that is no object is refused and nothing is written', async t => {
  t.throws(() => setConfigValue(commented, 'gateway.port.deep', 1), /gateway\.port is not an object/)
  t.throws(() => setConfigValue(commented, 'agents.list[5]', {}), /has 1 entries/)
  t.throws(() => setConfigValue(commented, 'agents.other[0].x', 1), /no list/)
  t.throws(() => setConfigValue(commented, 'gateway[0]', 1), /not a list/)
  t.throws(() => setConfigValue('{ broken', 'a', 1), SyntaxError)
})

t.test('names that reach a prototype cannot be written', async t => {
  t.throws(() => setConfigValue('{}', '__proto__.x', 1), /reserved/)
  t.throws(() => setConfigValue('{}', ['a', '__proto__'], 1), /reserved/)
  t.throws(() => setConfigValue('{}', 'a', JSON.parse('{"b":{"__proto__":{"x":1}}}')), /reserved/)
  t.throws(() => unsetConfigValue('{}', 'constructor'), /reserved/)
})

t.test('keys that are no identifiers are quoted', async t => {
  const edited = setConfigValue('{ models: {\n  a: 1\n} }', ['models', 'prov/model.x'], { 'y-z': 1 })
  t.same(json5.parse(edited), { models: { a: 1, 'prov/model.x': { 'y-z': 1 } } })
})

t.test('random edits of a commented text always yield what was asked for and keep every comment that is not removed', async t => {
  let seed = 3
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return (seed >> 8) % below
  }
  const names = ['a', 'b', 'c-d', 'e']
  let text = '// head\n{\n  a: 1, // one\n  "c-d": { /* in */ a: 2 },\n}\n'
  const model = json5.parse(text) as { [name: string]: unknown }
  for (let round = 0; round < 400; round++) {
    const path = Array.from({ length: 1 + random(2) }, () => names[random(names.length)] as string)
    const [first, second] = path as [string, string?]
    const value = [round, `t${round}`, [1, 2], true, null][random(5)]
    const holder = second === undefined ? model : model[first]
    if (random(3) === 0) {
      text = unsetConfigValue(text, path)
      if (second === undefined) delete model[first]
      else if (typeof holder === 'object' && holder !== null && !Array.isArray(holder)) delete (holder as { [name: string]: unknown })[second]
    } else {
      const blocked = second !== undefined && model[first] !== undefined && (typeof holder !== 'object' || holder === null || Array.isArray(holder))
      if (blocked) {
        t.throws(() => setConfigValue(text, path, value), RangeError)
        continue
      }
      text = setConfigValue(text, path, value)
      if (second === undefined) model[first] = value
      else model[first] = { ...(model[first] as object | undefined), [second]: value }
    }
    if (!t.same(json5.parse(text), model)) return t.comment(text)
    if (!text.startsWith('// head\n{')) return t.fail(text)
  }
})
