/** What the compiler refuses, asked of the compiler itself: the same declaration with a class and without one. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import t from 'tap'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Errors of files that are not there, as if they stood beside the tools. */
function errorsOf (sources: readonly string[]): string[][] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), file => readFileSync(file, 'utf8'))
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, root)
  const files = new Map(sources.map((source, index) => [join(root, `src/tools/builtin/newcomer-${index}.ts`), source]))
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = name => files.has(name) || fileExists(name)
  host.readFile = name => files.get(name) ?? readFile(name)
  host.getSourceFile = (name, ...rest) => {
    const source = files.get(name)
    return source === undefined ? getSourceFile(name, ...rest) : ts.createSourceFile(name, source, ts.ScriptTarget.ESNext, true)
  }
  const program = ts.createProgram([...files.keys()], { ...options, noEmit: true, skipLibCheck: true, types: [] }, host)
  return [...files.keys()].map(file => program.getSemanticDiagnostics(program.getSourceFile(file)).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')))
}

const declaration = (capability: string): string => `
import { Type } from '../../protocol/type.ts'
import { defineTool } from '../define-tool.ts'
export const newcomer = defineTool({
  name: 'newcomer', description: 'New.', params: Type.Object({}), ${capability} groups: [], reach: 'anywhere', effects: false,
  run: async () => ({ content: [] })
})`

t.test('a tool without a capability class, or with one that nobody knows, does not compile', { timeout: 60_000 }, async t => {
  const [right, without, unknown] = errorsOf([declaration("capability: 'net',"), declaration(''), declaration("capability: 'harmless',")])
  t.same(right, [])
  t.match(without, [/capability/])
  t.match(unknown, [/harmless/])
})
