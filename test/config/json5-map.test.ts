import json5 from 'json5'
import t from 'tap'
import { mapJson5, type Json5Node } from '../../src/config/json5-map.ts'

/** The value that the positions stand for, each scalar cut out of the text and read by itself. */
const read = (text: string, node: Json5Node): unknown => {
  if (node.kind === 'array') return node.items.map(item => read(text, item))
  if (node.kind === 'object') return Object.fromEntries(node.members.map(member => [member.key, read(text, member.value)]))
  return json5.parse(text.slice(node.start, node.end))
}

const corpus = [
  '{}', '[]', ' // c\n {} /* d */ ', '{a:1,}', '[1,2,]', '{"a":"b"}', "{'a':'b'}", '{a:{b:{c:[{d:1}]}}}',
  '{a:+1,b:-2,c:.5,d:5.,e:1e3,f:1E-3,g:0x1F,h:Infinity,i:-Infinity,j:null,k:true,l:false}',
  '{a:"line\\\ncontinued",b:"tab\\t",c:"\\u0041\\x42",d:"quote \\" in",e:\'it\\\'s\'}',
  '{"key with // slashes":"value with /* no comment */",b:"} ] ,"}',
  '{ünï:1,$a:2,_b:3,a\\u0062c:4,"\\u0064":5}', '\ufeff{a:1}', '{a:1 // one\n,b:2 /* two */ ,/* three */c:3}',
  '{\r\n  a: 1,\r\n  b: [\r\n    2\r\n  ]\r\n}', '"only text"', '42', '{a:[[],[[]],{}],b:{}}', '{a:"\\u2028"}', '{ a : 1 , b : "x" }'
]

t.test('positions of every value agree with what JSON5 reads', async t => {
  for (const [index, text] of corpus.entries()) t.same(read(text, mapJson5(text).root), json5.parse(text), `text ${index}`)
})

t.test('texts that JSON5 refuses are refused', async t => {
  for (const text of ['', '{', '{a}', '{a:}', '{a:1 b:2}', '[1 2]', '{a:1}}', '{"a:1}', '{a:"x\n"}', '/* open', '{a:1,,}', '{:1}', '[,]', '{a:1} x']) {
    t.throws(() => json5.parse(text), `json5: ${text}`)
    t.throws(() => mapJson5(text), SyntaxError, text)
  }
})

t.test('generated texts of every style are read alike', async t => {
  let seed = 7
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return seed % below
  }
  const spaces = ['', ' ', '\n', '\t', ' // x\n', '/* y */', '\r\n', ' /* } */ ']
  const gap = (): string => spaces[random(spaces.length)] as string
  const scalars = ['1', '-2.5', '"a"', "'b'", 'true', 'null', '"\\\\"', '"{"', "'//'", '.5', '0xff', '"\\n"']
  const make = (depth: number): string => {
    const kind = depth > 4 ? 2 : random(3)
    if (kind === 2) return scalars[random(scalars.length)] as string
    const count = random(4)
    const entries = Array.from({ length: count }, (_, index) => {
      const key = [`k${index}`, `"q ${index}"`, `'s${index}'`][random(3)]
      return gap() + (kind === 0 ? `${key}${gap()}:${gap()}` : '') + make(depth + 1) + gap()
    })
    const inner = entries.join(',') + (count > 0 && random(2) ? ',' : '') + gap()
    return kind === 0 ? `{${inner}}` : `[${inner}]`
  }
  for (let round = 0; round < 300; round++) {
    const text = gap() + make(0) + gap()
    t.same(read(text, mapJson5(text).root), json5.parse(text)) || t.comment(text)
  }
})

t.test('line and column are those of the key, and of the nearest part for what is not there', async t => {
  const map = mapJson5('{\n  // first\n  gateway: {\n    port: 1,\n    list: [\n      5,\n      { a: 1 }\n    ]\n  }\n}')
  t.match(map.locate(['gateway', 'port']), { line: 4, column: 5 })
  t.match(map.locate(['gateway', 'list', 1, 'a']), { line: 7, column: 9 })
  t.match(map.locate(['gateway', 'list', 0]), { line: 6, column: 7 })
  t.equal(map.locate(['gateway', 'nope']), undefined)
  t.equal(map.locateNearest(['gateway', 'nope', 'deep']).line, 3)
  t.equal(map.locateNearest(['else']).line, 1)
})

t.test('of several members with one name the last counts, as in the parsers', async t => {
  t.equal(mapJson5('{a:1,\na:2}').locate(['a'])?.line, 2)
})

t.test('deep nesting is refused instead of exhausting the stack', async t => {
  t.throws(() => mapJson5('['.repeat(100_000)), SyntaxError)
})

t.test('long texts of one kind are read in linear time', async t => {
  const size = 400_000
  for (const text of [`{a:"${'x'.repeat(size)}`, `{${' '.repeat(size)}`, `{/*${'*'.repeat(size)}`, `{a:${'1'.repeat(size)}`, `{${'a'.repeat(size)}`]) {
    const started = performance.now()
    t.throws(() => mapJson5(text), SyntaxError)
    t.ok(performance.now() - started < 5000, 'a quadratic reader would need minutes')
  }
})
