import { test } from 'tap'
import { Type, oneOf } from '../../src/protocol/type.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { ToolRefusal } from '../../src/tools/invocation.ts'
import { createRegistry } from '../../src/tools/registry.ts'
import type { Tool, ToolContext } from '../../src/tools/tool.ts'

const context: ToolContext = {
  sessionKey: 'agent:main:main', agentId: 'main', callId: 'c1', signal: new AbortController().signal, update () {}
}

const params = Type.Object({
  path: Type.String({ minLength: 1 }),
  mode: Type.Optional(oneOf(['a', 'b'])),
  edits: Type.Optional(Type.Array(Type.Object({ old: Type.String() }, { additionalProperties: false })))
})

const sample = (more: Partial<Tool> = {}): Tool => defineTool({
  name: 'sample',
  description: 'Does nothing.',
  params,
  capability: 'session.read',
  groups: ['sessions'],
  reach: 'anywhere',
  effects: false,
  ...more,
  run: async args => ({ content: [{ type: 'text', text: args.path }], details: args })
})

test('a tool without a capability class does not compile', async t => {
  const declaration = { name: 'x', description: '', params, groups: [], reach: 'anywhere', effects: false, run: async () => ({ content: [] }) } as const
  // @ts-expect-error the class is missing: tsc fails on this line as soon as it would be accepted
  t.equal(defineTool(declaration).capability, undefined)
})

test('the arguments of a tool have the types of its schema', async t => {
  const tool = defineTool({
    ...sample(),
    params,
    run: async ({ path, mode }) => {
      const one: string = path
      // @ts-expect-error mode may be absent
      const other: string = mode
      return { content: [{ type: 'text', text: `${one} ${other}` }] }
    }
  })
  t.same((await tool.run({ path: 'p', mode: 'a' }, context)).content, [{ type: 'text', text: 'p a' }])
})

test('what the model is told is plain JSON Schema that takes nothing it does not name', async t => {
  t.same(JSON.parse(JSON.stringify(sample().parameters)), {
    additionalProperties: false,
    type: 'object',
    required: ['path'],
    properties: {
      path: { type: 'string', minLength: 1 },
      mode: { enum: ['a', 'b'] },
      edits: { type: 'array', items: { type: 'object', required: ['old'], properties: { old: { type: 'string' } }, additionalProperties: false } }
    }
  })
})

test('arguments that do not fit are refused with the place and what was expected there', async t => {
  const tool = sample()
  const refusals: Array<[{ [name: string]: unknown }, RegExp]> = [
    [{}, /^sample: path is required\./],
    [{ path: 7 }, /path must be string/],
    [{ path: 'p', mode: 'c' }, /mode must be one of "a", "b"/],
    [{ path: 'p', other: 1 }, /other is not an argument of this tool/],
    [{ path: 'p', edits: [{ old: 1 }] }, /edits\.0\.old must be string/],
    [{ path: 'p', edits: [{}] }, /edits\.0\.old is required/]
  ]
  for (const [args, message] of refusals) {
    await t.rejects(tool.run(args, context), message)
    t.ok(await tool.run(args, context).catch(error => error) instanceof ToolRefusal)
    t.throws(() => tool.check!(args), message)
  }
})

test('null for what may be absent is taken as absent', async t => {
  t.same((await sample().run({ path: 'p', mode: null }, context)).details, { path: 'p' })
  await t.rejects(sample().run({ path: null }, context), /path must be string/)
})

test('the registry finds a tool by every name however it is written', async t => {
  const tool = sample({ aliases: ['Specimen'] })
  const registry = createRegistry([tool])
  for (const name of ['sample', 'SAMPLE', ' Sample ', 'specimen', 'SPECIMEN', 'ｓａｍｐｌｅ']) t.equal(registry.find(name), tool, name)
  for (const name of ['', 'samples', 'sam ple', '__proto__', 'constructor']) t.equal(registry.find(name), undefined, name)
})

test('tools from outside never take the name or alias of one that is there', async t => {
  const tool = sample({ aliases: ['specimen'] })
  const registry = createRegistry([tool])
  const other = sample({ name: 'other', aliases: ['specimen'] })
  t.same(registry.add([sample({ name: 'Specimen' }), sample({ name: 'SAMPLE' }), other]), ['Specimen', 'SAMPLE'])
  t.equal(registry.find('specimen'), tool)
  t.equal(registry.find('other'), other)
  registry.remove(['specimen'])
  t.equal(registry.find('sample'), tool, 'an alias does not remove')
  registry.remove(['other'])
  t.equal(registry.find('other'), undefined)
  t.equal(registry.find('specimen'), tool)
  t.throws(() => createRegistry([tool, sample()]), /two tools have the name sample/)
})
