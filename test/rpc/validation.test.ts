import { Ajv } from 'ajv'
import t from 'tap'
import { methodTable } from '../../src/methods/index.ts'
import { ConnectParams } from '../../src/protocol/connect.ts'
import { Type } from '../../src/protocol/type.ts'
import { createValidators } from '../../src/rpc/validation.ts'

t.test('problems are told in the words of the contract', async t => {
  const validate = createValidators().of(Type.Object({ limit: Type.Optional(Type.Integer()), key: Type.String() }, { additionalProperties: false }))
  t.equal(validate({ key: 'a' }), undefined)
  t.equal(validate({}), "must have required property 'key'")
  t.equal(validate({ key: 'a', limit: 'x' }), 'at /limit: must be integer')
  t.equal(validate({ key: 'a', bogus: 1 }), "at root: unexpected property 'bogus'")
})

t.test('an unknown client id is named as such', async t => {
  const client = { id: 'evil', version: '1', platform: 'linux', mode: 'cli' }
  t.equal(createValidators().of(ConnectParams)({ minProtocol: 4, maxProtocol: 4, client }), 'at /client/id: must be equal to one of the allowed values')
})

t.test('an open validator ignores unknown fields of the outermost object only', async t => {
  const schema = Type.Object({ inner: Type.Optional(Type.Object({}, { additionalProperties: false })) }, { additionalProperties: false })
  const open = createValidators().openOf(schema)
  t.equal(open({ extra: true }), undefined)
  t.equal(open({ inner: { extra: true } }), "at /inner: unexpected property 'extra'")
})

t.test('a schema is compiled once', async t => {
  const validators = createValidators()
  const schema = Type.Object({})
  t.equal(validators.of(schema), validators.of(schema))
  t.not(validators.of(schema), validators.openOf(schema))
})

t.test('every schema is one that the standard knows, since the gateway compiles them unchecked', async t => {
  const ajv = new Ajv({ strict: false })
  const schemas = Object.entries(methodTable).map(([name, { params }]) => [name, params] as const)
  for (const [name, schema] of [['connect', ConnectParams] as const, ...schemas]) t.ok(ajv.validateSchema(schema), name)
})
