import t from 'tap'
import { Type as RealType } from 'typebox'
import { Type, oneOf } from '../../src/protocol/type.ts'

const shapes = (T: typeof Type) => ({
  emptyObject: T.Object({}),
  object: T.Object({ a: T.String({ minLength: 1 }), b: T.Optional(T.Integer({ minimum: 0 })) }, { additionalProperties: false }),
  allOptional: T.Object({ a: T.Optional(T.Boolean()) }),
  nested: T.Object({ list: T.Array(T.Object({ n: T.Number() })), map: T.Record(T.String(), T.Boolean()) }),
  union: T.Union([T.Literal('x'), T.Literal(3), T.Literal(true), T.Null()], { title: 'one of them' }),
  anything: T.Unknown(),
  unsafe: T.Unsafe({ enum: ['a', 'b'] } as never),
  array: T.Array(T.String(), { maxItems: 3 })
})

t.test('every builder writes the JSON Schema that TypeBox writes', async t => {
  const ours = shapes(Type)
  const theirs = shapes(RealType as unknown as typeof Type)
  for (const name of Object.keys(ours) as Array<keyof typeof ours>) {
    t.same(JSON.parse(JSON.stringify(ours[name])), JSON.parse(JSON.stringify(theirs[name])), name)
  }
})

t.test('an optional property keeps its own schema unchanged', async t => {
  const text = Type.String({ minLength: 2 })
  Type.Object({ text: Type.Optional(text) })
  t.same(Object.keys(text), ['type', 'minLength'], 'the schema that was passed in carries no mark')
  t.same(JSON.parse(JSON.stringify(Type.Object({ text }))), { type: 'object', required: ['text'], properties: { text: { type: 'string', minLength: 2 } } })
})

t.test('a closed set of strings is an enum', async t => {
  t.same(JSON.parse(JSON.stringify(oneOf(['a', 'b'] as const))), { enum: ['a', 'b'] })
})
