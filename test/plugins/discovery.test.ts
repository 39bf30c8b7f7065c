import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { discover, type Found } from '../../src/plugins/discovery.ts'
import { whyNot } from '../../src/plugins/enablement.ts'
import type { Manifest } from '../../src/plugins/manifest.ts'
import { checkConfig } from '../../src/plugins/settings.ts'
import { ownDirectory } from '../fixtures/own-directory.ts'
import { pluginDirectory, writePlugin } from './plugin-folder.ts'

const entry = { 'index.js': 'export default () => {}' }
const isRoot = process.getuid?.() === 0

const look = async (directory: string, ...paths: string[]): Promise<Found> =>
  await discover(paths, { configPath: join(directory, 'openclaw.json'), homeDir: directory })

async function refusal (directory: string, path: string): Promise<string> {
  const { candidates, unusable } = await look(directory, path)
  return candidates.length > 0 ? 'it was taken' : unusable[0]!.reason
}

t.test('a plugin is found by a relative path, an absolute one, one from the home, and by its entry file', async t => {
  const directory = ownDirectory(t)
  const root = writePlugin(directory, 'one', entry, { name: 'One', version: '2.1.0', kind: 'memory', contracts: { tools: ['a', 7] } })
  for (const path of ['./one', 'one', root, '~/one', 'one/index.js']) {
    const { candidates, unusable } = await look(directory, path)
    t.same(unusable, [], path)
    t.match(candidates, [{ root, entry: join(root, 'index.js'), manifest: { id: 'one', name: 'One', version: '2.1.0', kind: ['memory'], declared: { tools: ['a'] } } }])
  }
  const twice = await look(directory, './one', root)
  t.equal(twice.candidates.length, 1, 'the same folder under two names is one plugin')
  t.same(twice.unusable, [])
})

t.test('package.json says which file is the entry', async t => {
  const directory = ownDirectory(t)
  const more = { 'lib/main.cjs': '', 'src/x.ts': '' }
  writePlugin(directory, 'main', { ...more, 'package.json': '{"main":"lib/main.cjs"}' })
  writePlugin(directory, 'extension', { ...more, 'package.json': '{"main":"lib/main.cjs","openclaw":{"extensions":["./src/x.ts"]}}' })
  writePlugin(directory, 'several', { ...more, 'package.json': '{"openclaw":{"extensions":["./src/x.ts","./lib/main.cjs"]}}' })
  writePlugin(directory, 'gone', { ...more, 'package.json': '{"main":"nothing.js"}' })
  const { candidates } = await look(directory, 'main', 'extension')
  t.same(candidates.map(({ entry }) => basename(entry)), ['main.cjs', 'x.ts'])
  t.match(await refusal(directory, 'several'), /names several entries/)
  t.match(await refusal(directory, 'gone'), /package\.json names nothing\.js, which is not there/)
})

t.test('what is no plugin is refused with the reason', async t => {
  const directory = ownDirectory(t)
  const manifests: { readonly [name: string]: readonly [text: string, reason: RegExp] } = {
    'no-json': ['{ id: 1', /is no JSON/],
    'no-object': ['[]', /must be a JSON object/],
    'no-id': ['{"configSchema":{}}', /id must be letters/],
    'no-schema': ['{"id":"x"}', /configSchema is required/],
    'bad-schema': ['{"id":"x","configSchema":"object"}', /configSchema is required/],
    climbing: ['{"id":"../../etc","configSchema":{}}', /id must be letters/],
    'long-id': [`{"id":"${'x'.repeat(65)}","configSchema":{}}`, /id must be letters/],
    proto: ['{"id":"__proto__","configSchema":{}}', /id must be letters/],
    reserved: ['{"id":"constructor","configSchema":{}}', /none of .*constructor/],
    'long-name': [`{"id":"x","configSchema":{},"name":"${'x'.repeat(201)}"}`, /name must be a text/],
    huge: [`{"id":"x","configSchema":{"description":"${'x'.repeat(300_000)}"}}`, /larger than 256 KiB/]
  }
  for (const [name, [text, reason]] of Object.entries(manifests)) {
    writePlugin(directory, name, { ...entry, 'openclaw.plugin.json': text })
    t.match(await refusal(directory, name), reason, name)
  }
  mkdirSync(join(directory, 'empty'))
  t.match(await refusal(directory, 'empty'), /has no openclaw\.plugin\.json/)
  t.match(await refusal(directory, 'nowhere'), /there is nothing at/)
  writePlugin(directory, 'no-entry', {})
  t.match(await refusal(directory, 'no-entry'), /there is none of index\.ts/)
  t.match(await refusal(directory, '.'), /has no openclaw\.plugin\.json/, 'a directory of plugins is not searched')
})

t.test('an entry may be a whole bundle', async t => {
  const directory = ownDirectory(t)
  writePlugin(directory, 'bundle', { 'index.js': `export default () => {} //${'x'.repeat(1_000_000)}` })
  const before = (await look(directory, 'bundle')).candidates[0]!.fingerprint
  writePlugin(directory, 'bundle', { 'index.js': `export default () => {} //${'x'.repeat(999_999)}y` })
  t.not((await look(directory, 'bundle')).candidates[0]!.fingerprint, before, 'and another one is told from it')
})

t.test('links that lead out of a plugin are not followed', async t => {
  const directory = ownDirectory(t)
  writeFileSync(join(directory, 'outside.js'), 'export default () => {}')
  const linked = writePlugin(directory, 'linked-entry', {})
  symlinkSync(join(directory, 'outside.js'), join(linked, 'index.js'))
  t.match(await refusal(directory, 'linked-entry'), /index\.js leads out of the directory/)

  writePlugin(directory, 'climbing-main', { 'package.json': '{"main":"../outside.js"}' })
  t.match(await refusal(directory, 'climbing-main'), /leads out of the directory/)

  const manifest = join(directory, 'outside.json')
  writeFileSync(manifest, '{"id":"x","configSchema":{}}')
  mkdirSync(join(directory, 'linked-manifest'))
  symlinkSync(manifest, join(directory, 'linked-manifest', 'openclaw.plugin.json'))
  t.match(await refusal(directory, 'linked-manifest'), /openclaw\.plugin\.json leads out/)

  const inside = writePlugin(directory, 'inside', { 'lib/real.js': '' })
  symlinkSync(join(inside, 'lib', 'real.js'), join(inside, 'index.js'))
  symlinkSync(inside, join(directory, 'second-name'))
  const { candidates } = await look(directory, 'second-name')
  t.match(candidates, [{ root: inside, entry: join(inside, 'lib', 'real.js') }], 'a link within it, and one to it, are fine')
})

t.test('what others may change is not loaded', { skip: process.getuid === undefined && 'files have no owners here' }, async t => {
  const directory = ownDirectory(t)
  const change: { readonly [name: string]: (root: string) => void } = {
    directory: root => chmodSync(root, 0o777),
    sticky: root => chmodSync(root, 0o1777),
    manifest: root => chmodSync(join(root, 'openclaw.plugin.json'), 0o666),
    code: root => chmodSync(join(root, 'index.js'), 0o646)
  }
  for (const [name, open] of Object.entries(change)) {
    open(writePlugin(directory, name, entry))
    t.match(await refusal(directory, name), /may be changed by everybody: chmod o-w/, name)
  }
  mkdirSync(join(directory, 'shared'))
  writePlugin(join(directory, 'shared'), 'below', entry)
  chmodSync(join(directory, 'shared'), 0o777)
  t.match(await refusal(directory, 'shared/below'), /shared may be changed by everybody/, 'whoever may rename it may replace it')
  chmodSync(join(directory, 'shared'), 0o1777)
  t.equal(await refusal(directory, 'shared/below'), 'it was taken', 'in /tmp only owners rename')
})

t.test('what belongs to somebody else is not loaded', { skip: !isRoot && 'only root can give files away' }, async t => {
  const directory = pluginDirectory(t)
  const nobody = 65_534
  chownSync(writePlugin(directory, 'theirs', entry), nobody, nobody)
  t.match(await refusal(directory, 'theirs'), /belongs to somebody else \(user 65534\)/)
  lchownSync(join(writePlugin(directory, 'their-code', entry), 'index.js'), nobody, nobody)
  t.match(await refusal(directory, 'their-code'), /index\.js belongs to somebody else/)
})

t.test('two plugins of one id are one too many, however it is written', async t => {
  const directory = ownDirectory(t)
  writePlugin(directory, 'a', entry, { id: 'same' })
  writePlugin(directory, 'b', entry, { id: 'SAME' })
  const { candidates, unusable } = await look(directory, 'a', 'b')
  t.same(candidates.map(({ path }) => path), ['a'])
  t.match(unusable, [{ path: 'b', reason: 'a has the id SAME already' }])
  const many = await look(directory, ...Array.from({ length: 70 }, (_, index) => `none-${index}`))
  t.equal(many.unusable.length, 65, 'no list is endless')
})

t.test('the configuration decides which plugin is wanted', async t => {
  const directory = ownDirectory(t)
  writePlugin(directory, 'one', entry, { id: 'One' })
  const { candidates: [candidate] } = await look(directory, 'one')
  const base = { enabled: true, deny: [], load: { paths: [], timeoutMs: 1 }, entries: {} }
  const why = (plugins: object, workspaces: string[] = []) => whyNot({ ...base, ...plugins } as never, candidate!, workspaces)
  t.equal(why({}), undefined)
  t.equal(why({ enabled: false }), 'plugins.enabled is false')
  t.equal(why({ deny: ['ONE'], allow: ['one'] }), 'plugins.deny names it', 'deny wins')
  t.equal(why({ allow: [] }), 'plugins.allow does not name it')
  t.equal(why({ allow: ['one'] }), undefined)
  t.equal(why({ entries: { one: { enabled: false } } }), 'plugins.entries.One.enabled is false')
  t.equal(why({ entries: Object.create({ One: { enabled: false } }) }), undefined, 'what an object inherits says nothing')
  t.match(why({}, [directory]), /it lies in a workspace/, 'agents may write there')
  t.equal(why({ entries: { one: { enabled: true } } }, [directory]), undefined)
  t.match(why({}, [candidate!.root]), /it lies in a workspace/)
  t.equal(why({}, [join(directory, 'o')]), undefined, 'a name that begins the same is another place')
})

t.test('settings are checked against the schema of the plugin, and the message names the key and not the value', async t => {
  const properties = {
    url: { type: 'string' }, retries: { type: 'integer', default: 3 }, mode: { enum: ['a', 'b'] }, deep: { type: 'object', properties: { key: { type: 'string' } } }
  }
  const manifest = (configSchema: object): Manifest => ({ id: 'p', name: 'p', kind: [], configSchema, declared: { tools: [], channels: [], providers: [], skills: [] } })
  const strict = manifest({ type: 'object', additionalProperties: false, required: ['url'], properties })
  const given = { url: 'x', deep: { key: 'k' } }
  const config = checkConfig(strict, given) as { url: string, retries: number, deep: object }
  t.same(config, { ...given, retries: 3 }, 'defaults are filled in')
  t.not('retries' in given, true)
  t.throws(() => { config.url = 'y' }, TypeError)
  t.throws(() => { Object.assign(config.deep, { key: 'y' }) }, TypeError, 'all the way down')
  const wrong: ReadonlyArray<readonly [unknown, RegExp]> = [
    [{}, /^plugins\.entries\.p\.config\.url is required$/],
    [undefined, /config\.url is required/],
    [{ url: 'x', retries: 'hunter2' }, /^plugins\.entries\.p\.config\.retries must be integer$/],
    [{ url: 'x', mode: 'hunter2' }, /config\.mode must be one of "a", "b"$/],
    [{ url: 'x', deep: { key: 5 } }, /config\.deep\.key must be string/],
    [{ url: 'x', nope: 1 }, /config\.nope is not a setting of this plugin/],
    [JSON.parse('{"url":"x","__proto__":{"admin":true}}'), /uses the reserved name "__proto__"/],
    [JSON.parse('{"url":"x","deep":{"constructor":{"prototype":{"admin":true}}}}'), /deep uses the reserved name "constructor"/]
  ]
  for (const [value, message] of wrong) t.throws(() => checkConfig(strict, value), message)
  t.equal(({} as { admin?: boolean }).admin, undefined)
  t.throws(() => checkConfig(manifest({ type: 'nonsense' }), {}), /its configSchema is no JSON Schema/)
  t.throws(() => checkConfig(manifest({ $ref: 'http://example.com/schema' }), {}), /its configSchema is no JSON Schema/)
})
